import { describe, expect, test } from "bun:test";
import { setImmediate } from "node:timers/promises";
import { PetitError } from "../../src/domain/errors.ts";
import { Commits, type TransactionWork } from "../../src/engine/commits.ts";
import { silentLog } from "../../src/lib/log.ts";
import type { Store } from "../../src/store/store.ts";
import { job, jobId } from "../support/factories.ts";
import { memoryStore, startRun } from "../support/factories-store.ts";
import { FakeClock, NOON } from "../support/fake-clock.ts";

const full = () => new PetitError("storage_failed", "the disk is full");

const open = (wrap: (store: Store) => Store = (store) => store) => {
  const inner = memoryStore();
  inner.jobs.save([job("hello")], NOON);
  let transactions = 0;
  const outermost: Store = {
    ...inner,
    transaction: (work) => {
      transactions++;
      return inner.transaction(work);
    },
  };
  const store = wrap(outermost);
  const clock = new FakeClock();
  const detach = new AbortController();
  const commits = new Commits({ store, clock, log: silentLog, signal: detach.signal });
  const done: string[] = [];
  /** Work that accounts for an instant, and says what follows. */
  const noting =
    (name: string, at: number, error: Error | null = null): TransactionWork<string> =>
    (addHooks) => {
      addHooks({ onCommit: () => done.push(`launch ${name}`), onRollback: () => done.push(`undo ${name}`) });
      inner.occurrences.record(
        jobId("hello"),
        [{ scheduledFor: at, outcome: "missed", reason: "down", jitterMs: 0 }],
        NOON,
      );
      if (error !== null) throw error;
      return name;
    };
  const stored = () =>
    inner.occurrences
      .list(jobId("hello"), { limit: 9 })
      .map(({ scheduledFor }) => scheduledFor)
      .toReversed();
  return { store, clock, detach, commits, done, noting, stored, count: () => transactions };
};

describe("Commits", () => {
  test("does what follows after the commit, in order", () => {
    const { commits, done, stored, noting } = open();
    const answer = commits.commit((addHooks) => {
      noting("a", 1)(addHooks);
      expect(done).toEqual([]);
      return noting("b", 2)(addHooks);
    });
    expect(answer).toBe("b");
    expect(done).toEqual(["launch a", "launch b"]);
    expect(stored()).toEqual([1, 2]);
  });

  test("undoes in reverse what followed from what was undone", () => {
    const { commits, done, stored, noting } = open();
    const work: TransactionWork<void> = (addHooks) => {
      noting("a", 1)(addHooks);
      noting("b", 2, new Error("no"))(addHooks);
    };
    expect(() => commits.commit(work)).toThrow("no");
    expect(done).toEqual(["undo b", "undo a"]);
    expect(stored()).toEqual([]);
  });

  test("lets what is asked for at the same moment share a transaction", async () => {
    const { commits, done, stored, noting, count } = open();
    const answers = await Promise.all([1, 2, 3].map((at) => commits.enqueue(noting(`n${at}`, at))));
    expect(answers).toEqual(["n1", "n2", "n3"]);
    expect(done).toEqual(["launch n1", "launch n2", "launch n3"]);
    expect(stored()).toEqual([1, 2, 3]);
    // One around, and one for each.
    expect(count()).toBe(4);
  });

  test("needs no nested transaction for one alone", async () => {
    const { commits, noting, count } = open();
    await commits.enqueue(noting("a", 1));
    expect(count()).toBe(1);
  });

  test("settles when it is stored, not before", async () => {
    const { commits, stored, noting } = open();
    const answer = commits.enqueue(noting("a", 1));
    await Promise.resolve();
    expect(stored()).toEqual([]);
    await answer;
    expect(stored()).toEqual([1]);
  });

  test("undoes what throws alone", async () => {
    const { commits, done, stored, noting } = open();
    const answers = await Promise.allSettled([
      commits.enqueue(noting("a", 1)),
      commits.enqueue(noting("b", 2, new PetitError("limit_reached", "full"))),
      commits.enqueue(noting("c", 3)),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(done).toEqual(["undo b", "launch a", "launch c"]);
    expect(stored()).toEqual([1, 3]);
  });

  test("undoes all where the database can't be written: nobody is told of a success that isn't stored", async () => {
    const { commits, done, stored, noting } = open();
    const answers = await Promise.allSettled([
      commits.enqueue(noting("a", 1)),
      commits.enqueue(noting("b", 2, full())),
      commits.enqueue(noting("c", 3)),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
    expect(done).toEqual(["undo b", "undo a"]);
    expect(stored()).toEqual([]);
  });

  test("takes what is asked for while it stores into the next transaction", async () => {
    const { commits, stored, noting } = open();
    const next: Promise<string>[] = [];
    await commits.enqueue((addHooks) => {
      next.push(commits.enqueue(noting("b", 2)));
      return noting("a", 1)(addHooks);
    });
    expect(await Promise.all(next)).toEqual(["b"]);
    expect(stored()).toEqual([1, 2]);
  });

  test("tries enqueueUntilStored again and again, at growing distances, until it is stored", async () => {
    let failures = 7;
    const failing = (store: Store): Store => ({
      ...store,
      transaction: (work) => {
        if (failures-- > 0) throw full();
        return store.transaction(work);
      },
    });
    const { commits, clock, done, stored, noting } = open(failing);
    const answer = commits.enqueueUntilStored(noting("a", 1));
    let settled = false;
    void answer.then(() => {
      settled = true;
    });
    for (const delayMs of [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000]) {
      await clock.pass(0);
      expect(clock.timers).toEqual([delayMs]);
      expect(settled).toBe(false);
      await clock.pass(delayMs);
    }
    expect(await answer).toBe("a");
    expect(done).toEqual(["launch a"]);
    expect(stored()).toEqual([1]);
    expect(clock.timers).toEqual([]);
  });

  test("does not try again after another error", async () => {
    const { commits, clock, noting } = open();
    await expect(commits.enqueueUntilStored(noting("a", 1, new Error("no")))).rejects.toThrow("no");
    expect(clock.timers).toEqual([]);
  });

  test("waits no longer when petit leaves", async () => {
    const { commits, detach, clock, noting } = open((store) => ({
      ...store,
      transaction: () => {
        throw full();
      },
    }));
    const answer = commits.enqueueUntilStored(noting("a", 1));
    answer.catch(() => {});
    await clock.pass(0);
    detach.abort();
    await expect(answer).rejects.toThrow();
    expect(clock.timers).toEqual([]);
  });

  test("stores nothing when petit has left", async () => {
    const { commits, detach, stored, noting } = open();
    const answer = commits.enqueue(noting("a", 1));
    detach.abort();
    await expect(answer).rejects.toMatchObject({ code: "not_running" });
    await setImmediate();
    expect(stored()).toEqual([]);
  });

  test("gives back the run that a shared transaction made", async () => {
    const { commits, store } = open();
    const [one, two] = await Promise.all([
      commits.enqueue(() => startRun(store)),
      commits.enqueue(() => startRun(store)),
    ]);
    expect(store.runs.listUnfinished().map(({ id }) => id)).toEqual([one.id, two.id]);
  });
});
