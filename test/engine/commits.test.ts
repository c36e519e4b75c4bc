import { describe, expect, test } from "bun:test";
import { setImmediate } from "node:timers/promises";
import { PetitError } from "../../src/domain/errors.ts";
import { Commits, type TransactionWork } from "../../src/engine/commits.ts";
import { silentLog } from "../../src/lib/log.ts";
import type { Store } from "../../src/store/store.ts";
import { job, jobId } from "../support/engine/factories.ts";
import { memoryStore, startRun } from "../support/engine/factories-store.ts";
import { FakeClock, NOON } from "../support/engine/fake-clock.ts";

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
  /** Returns work that records an occurrence and adds hooks. */
  const noting =
    (name: string, at: number, error: Error | null = null): TransactionWork<string> =>
    (addHooks) => {
      addHooks({ onCommit: () => done.push(`commit ${name}`), onRollback: () => done.push(`rollback ${name}`) });
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
  test("runs the commit hooks after the commit, in order", () => {
    const { commits, done, stored, noting } = open();
    const answer = commits.commit((addHooks) => {
      noting("a", 1)(addHooks);
      expect(done).toEqual([]);
      return noting("b", 2)(addHooks);
    });
    expect(answer).toBe("b");
    expect(done).toEqual(["commit a", "commit b"]);
    expect(stored()).toEqual([1, 2]);
  });

  test("runs the rollback hooks in reverse order", () => {
    const { commits, done, stored, noting } = open();
    const work: TransactionWork<void> = (addHooks) => {
      noting("a", 1)(addHooks);
      noting("b", 2, new Error("no"))(addHooks);
    };
    expect(() => commits.commit(work)).toThrow("no");
    expect(done).toEqual(["rollback b", "rollback a"]);
    expect(stored()).toEqual([]);
  });

  test("runs the settled hooks after the commit hooks of all work", () => {
    const { commits, done, noting } = open();
    commits.commit((addHooks) => {
      for (const name of ["a", "b"]) {
        noting(name, 1)(addHooks);
        addHooks({ onCommit: () => {}, onRollback: () => {}, onSettled: () => done.push(`settled ${name}`) });
      }
    });
    expect(done).toEqual(["commit a", "commit b", "settled a", "settled b"]);
  });

  test("runs the settled hooks of enqueued work after those who wait for it have continued", async () => {
    const { commits, done, noting } = open();
    const settled = Promise.withResolvers<void>();
    const answer = async (): Promise<void> => {
      await commits.retryWhileLocked(() =>
        commits.enqueue((addHooks) => {
          addHooks({ onCommit: () => {}, onRollback: () => {}, onSettled: settled.resolve });
          addHooks({ onCommit: () => {}, onRollback: () => {}, onSettled: () => done.push("settled") });
          return noting("a", 1)(addHooks);
        }),
      );
      done.push("answered");
    };
    await answer();
    await settled.promise;
    expect(done).toEqual(["commit a", "answered", "settled"]);
  });

  test("runs the settled hooks of other work immediately", async () => {
    const { commits, done, noting } = open();
    const stored = commits.enqueueUntilStored((addHooks) => {
      addHooks({ onCommit: () => {}, onRollback: () => {}, onSettled: () => done.push("settled") });
      return noting("a", 1)(addHooks);
    });
    await stored.then(() => done.push("continued"));
    expect(done).toEqual(["commit a", "settled", "continued"]);
  });

  test("runs no settled hooks after a rollback", async () => {
    const { commits, done, noting } = open();
    const failing = commits.enqueue((addHooks) => {
      addHooks({ onCommit: () => {}, onRollback: () => {}, onSettled: () => done.push("settled") });
      return noting("a", 1, new Error("no"))(addHooks);
    });
    await expect(failing).rejects.toThrow("no");
    await setImmediate();
    expect(done).toEqual(["rollback a"]);
  });

  test("commits work that is enqueued in the same turn in one transaction", async () => {
    const { commits, done, stored, noting, count } = open();
    const answers = await Promise.all([1, 2, 3].map((at) => commits.enqueue(noting(`n${at}`, at))));
    expect(answers).toEqual(["n1", "n2", "n3"]);
    expect(done).toEqual(["commit n1", "commit n2", "commit n3"]);
    expect(stored()).toEqual([1, 2, 3]);
    // The outer transaction, and one savepoint for each work.
    expect(count()).toBe(4);
  });

  test("uses no savepoint for a single work", async () => {
    const { commits, noting, count } = open();
    await commits.enqueue(noting("a", 1));
    expect(count()).toBe(1);
  });

  test("resolves after the commit, not before", async () => {
    const { commits, stored, noting } = open();
    const answer = commits.enqueue(noting("a", 1));
    await Promise.resolve();
    expect(stored()).toEqual([]);
    await answer;
    expect(stored()).toEqual([1]);
  });

  test("rolls back only the work that throws", async () => {
    const { commits, done, stored, noting } = open();
    const answers = await Promise.allSettled([
      commits.enqueue(noting("a", 1)),
      commits.enqueue(noting("b", 2, new PetitError("limit_reached", "full"))),
      commits.enqueue(noting("c", 3)),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(done).toEqual(["rollback b", "commit a", "commit c"]);
    expect(stored()).toEqual([1, 3]);
  });

  test("rolls back all work if the database can't be written", async () => {
    const { commits, done, stored, noting } = open();
    const answers = await Promise.allSettled([
      commits.enqueue(noting("a", 1)),
      commits.enqueue(noting("b", 2, full())),
      commits.enqueue(noting("c", 3)),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
    expect(done).toEqual(["rollback b", "rollback a"]);
    expect(stored()).toEqual([]);
  });

  test("puts work that is enqueued during a commit into the next transaction", async () => {
    const { commits, stored, noting } = open();
    const next: Promise<string>[] = [];
    await commits.enqueue((addHooks) => {
      next.push(commits.enqueue(noting("b", 2)));
      return noting("a", 1)(addHooks);
    });
    expect(await Promise.all(next)).toEqual(["b"]);
    expect(stored()).toEqual([1, 2]);
  });

  test("retries enqueueUntilStored with growing delays until it is stored", async () => {
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
    expect(done).toEqual(["commit a"]);
    expect(stored()).toEqual([1]);
    expect(clock.timers).toEqual([]);
  });

  test("does not retry after other errors", async () => {
    const { commits, clock, noting } = open();
    await expect(commits.enqueueUntilStored(noting("a", 1, new Error("no")))).rejects.toThrow("no");
    expect(clock.timers).toEqual([]);
  });

  test("stops waiting when the engine detaches", async () => {
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

  test("stores nothing after the engine has detached", async () => {
    const { commits, detach, stored, noting } = open();
    const answer = commits.enqueue(noting("a", 1));
    detach.abort();
    await expect(answer).rejects.toMatchObject({ code: "not_running" });
    await setImmediate();
    expect(stored()).toEqual([]);
  });

  test("returns the run that a shared transaction created", async () => {
    const { commits, store } = open();
    const [one, two] = await Promise.all([
      commits.enqueue(() => startRun(store)),
      commits.enqueue(() => startRun(store)),
    ]);
    expect(store.runs.listUnfinished().map(({ id }) => id)).toEqual([one.id, two.id]);
  });
});
