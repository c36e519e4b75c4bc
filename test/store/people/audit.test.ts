import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { PetitError } from "../../../src/domain/errors.ts";
import { auditFacts } from "../../../src/domain/people/audit.ts";
import { Commits } from "../../../src/engine/commits.ts";
import { silentLog } from "../../../src/lib/log.ts";
import type { AuditFilter } from "../../../src/store/people/audit.ts";
import { AuditEntry, noteAction, outsideAction, withinAction } from "../../../src/store/people/audit-scope.ts";
import type { Store } from "../../../src/store/store.ts";
import { job } from "../../support/engine/factories.ts";
import { memoryStore } from "../../support/engine/factories-store.ts";
import { FakeClock, NOON } from "../../support/engine/fake-clock.ts";

const ANY: AuditFilter = {
  who: null,
  actions: null,
  target: null,
  jobId: null,
  runId: null,
  allowed: null,
  since: null,
  until: null,
};

const ALL = { limit: 10_000, before: null, scan: 100_000 };

const listed = (store: Store) => store.audit.list(ANY, ALL).rows.toReversed();

const whoIn = (store: Store) => listed(store).map(({ who }) => who);

const open = () => {
  const store = memoryStore();
  store.jobs.save([job("hello")], NOON);
  const clock = new FakeClock();
  const commits = new Commits({ store, clock, log: silentLog, signal: new AbortController().signal });
  const action = (who: string) => new AuditEntry(auditFacts({ how: "token", action: "scheduler.pause", who }), clock);
  const pause = (by: string) => store.scheduler.setPaused({ at: NOON, by }, NOON);
  return { store, clock, commits, action, pause };
};

describe("an action", () => {
  test("is stored once, in its first durable transaction", () => {
    const { store, action, pause } = open();
    withinAction(action("mara"), () => {
      pause("mara");
      pause("mara");
    });
    expect(whoIn(store)).toEqual(["mara"]);
    pause("nobody");
    expect(whoIn(store)).toEqual(["mara"]);
  });

  test("is stored with what the transaction says about it", () => {
    const { store, action } = open();
    withinAction(action("mara"), () =>
      store.transaction(() => {
        noteAction({ target: "hello", jobId: "hello" });
      }),
    );
    noteAction({ target: "nothing" });
    expect(listed(store)).toMatchObject([{ target: "hello", jobId: "hello", at: NOON, allowed: true, count: 1 }]);
  });

  test("is not stored by a transaction that is rolled back, but by the next one", () => {
    const { store, action, pause } = open();
    const entry = action("mara");
    const heard: (string | null)[] = [];
    store.audit.subscribe((rows) => heard.push(...rows.map(({ who }) => who)));
    withinAction(entry, () => {
      expect(() =>
        store.transaction(() => {
          pause("mara");
          store.audit.storeAction();
          throw new Error("no");
        }),
      ).toThrow("no");
      expect([whoIn(store), store.scheduler.findPause(), entry.isOpen]).toEqual([[], null, true]);
      pause("mara");
    });
    expect([whoIn(store), heard, entry.isOpen]).toEqual([["mara"], ["mara"], false]);
  });

  test("is not stored by what is not part of it, by a relaxed write, or after its end", () => {
    const { store, action, pause } = open();
    const entry = action("mara");
    withinAction(entry, () => {
      outsideAction(() => pause("petit"));
      store.events.record({ type: "jobs.reloaded", now: NOON });
      entry.close();
      pause("mara");
    });
    expect(whoIn(store)).toEqual([]);
  });

  test("fails with its transaction if the row can't be stored", () => {
    const { store, clock } = open();
    const broken = new AuditEntry(
      { ...auditFacts({ how: "token", action: "scheduler.pause" }), role: "root" as never },
      clock,
    );
    expect(() => withinAction(broken, () => store.scheduler.setPaused({ at: NOON, by: null }, NOON))).toThrow("CHECK");
    expect([store.scheduler.findPause(), listed(store)]).toEqual([null, []]);
  });
});

describe("a group commit", () => {
  test("stores each action with its own work, and none of work that fails", async () => {
    const { store, commits, action, pause } = open();
    const ask = (who: string, error: Error | null = null) =>
      withinAction(action(who), () =>
        commits.enqueue(() => {
          pause(who);
          if (error !== null) throw error;
          return who;
        }),
      ).catch((reason: Error) => reason.message);
    const answers = await Promise.all([
      ask("a"),
      ask("b", new Error("no")),
      commits.enqueue(() => pause("x")),
      ask("c"),
    ]);
    expect(answers).toEqual(["a", "no", undefined, "c"]);
    expect(whoIn(store)).toEqual(["a", "c"]);
  });

  test("stores none if the transaction of all fails, and all of them when it is repeated", async () => {
    const { store, commits, action, pause } = open();
    let isFull = true;
    const failing = commits.enqueue(() => {
      pause("x");
      if (isFull) throw new Error("no");
    });
    expect(await failing.catch(String)).toBe("Error: no");
    const asks = ["a", "b"].map((who) =>
      withinAction(action(who), () => {
        const ask = () =>
          commits.enqueue(() => {
            pause(who);
            if (isFull && who === "b")
              store.transaction(() =>
                store.audit.add({ ...auditFacts({ how: "token", action: "jobs.sync" }), role: "root" as never }, NOON),
              );
          });
        return ask().catch(() => {
          isFull = false;
          return ask();
        });
      }),
    );
    await Promise.all(asks);
    expect(whoIn(store).toSorted()).toEqual(["a", "b"]);
  });

  test("whatever succeeds and fails, the log has the actions that succeeded", async () => {
    const { store, commits, action } = open();
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(fc.boolean(), { maxLength: 5 }), { maxLength: 5 }), async (groups) => {
        const before = whoIn(store).length;
        const done: string[] = [];
        for (const [index, group] of groups.entries())
          await Promise.all(
            group.map((isRight, each) => {
              const who = `${index}.${each}`;
              return withinAction(action(who), () =>
                commits
                  .enqueue(() => {
                    store.scheduler.setPaused({ at: NOON, by: who }, NOON);
                    if (!isRight) throw new Error("no");
                  })
                  .then(
                    () => done.push(who),
                    () => {},
                  ),
              );
            }),
          );
        expect(whoIn(store).slice(before)).toEqual(done);
      }),
      { numRuns: 50 },
    );
  });

  test("does not make what follows from it part of an action", async () => {
    const { store, commits, action, pause } = open();
    const settled = Promise.withResolvers<void>();
    const first = action("a");
    await withinAction(first, () =>
      commits.enqueue((addHooks) => {
        addHooks({
          onSettled: () => {
            pause("petit");
            settled.resolve();
          },
        });
        throw new Error("no");
      }),
    ).catch(() => {});
    await withinAction(action("b"), () => commits.enqueue((addHooks) => addHooks({ onSettled: settled.resolve })));
    await settled.promise;
    expect([whoIn(store), first.isOpen]).toEqual([["b"], true]);
  });

  test("that changes nothing stores the action all the same", async () => {
    const { store, commits, action } = open();
    await withinAction(action("a"), () => commits.storeAction());
    expect(whoIn(store)).toEqual(["a"]);
  });

  test("that is deferred stores the action when the database accepts it, also after the answer", async () => {
    const { store, clock, action, commits, pause } = open();
    let isFull = true;
    const work = (): void => {
      pause("a");
      if (isFull) throw new PetitError("storage_failed", "the disk is full");
    };
    const entry = action("a");
    withinAction(entry, () => expect(commits.commitOrDefer(work)).toBe(false));
    entry.close();
    expect(whoIn(store)).toEqual([]);
    isFull = false;
    await clock.pass(5_000);
    expect(whoIn(store)).toEqual(["a"]);
  });
});

describe("the list", () => {
  test("has the same rows as its filters say, whatever the pages", () => {
    const { store } = open();
    const WHO = ["ada", "ben", null];
    const ACTIONS = ["job.pause", "job.resume", "token.create"] as const;
    for (let at = 0; at < 60; at++) {
      const facts = { action: ACTIONS[at % 3] ?? "job.pause", who: WHO[(at * 7) % 5] ?? null, target: `t${at % 4}` };
      if (at % 7 === 0) store.audit.addDenied(auditFacts({ how: "token", ...facts }), { now: at, count: 1 });
      else store.audit.add(auditFacts({ how: "token", ...facts }), at);
    }
    const all = store.audit.list(ANY, ALL).rows;
    expect(all.map(({ at }) => at)).toEqual(Array.from({ length: 60 }, (_, at) => 59 - at));
    fc.assert(
      fc.property(
        fc.record({
          who: fc.constantFrom("ada", "ben", "eve", null),
          actions: fc.constantFrom(null, ["job.pause"] as const, ["job.pause", "job.resume"] as const),
          target: fc.constantFrom("t1", null),
          allowed: fc.constantFrom(true, false, null),
          since: fc.constantFrom(20, null),
          until: fc.constantFrom(50, null),
        }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 20 }),
        (given, limit, scan) => {
          const filter = { ...ANY, ...given };
          const found = [];
          for (let before: number | null = null; ; ) {
            const page = store.audit.list(filter, { limit, before, scan });
            found.push(...page.rows);
            if (page.next === null) break;
            before = page.next;
          }
          expect(found).toEqual(
            all.filter(
              (row) =>
                (given.who === null || row.who === given.who) &&
                (given.actions === null || (given.actions as readonly string[]).includes(row.action)) &&
                (given.target === null || row.target === given.target) &&
                (given.allowed === null || row.allowed === given.allowed) &&
                (given.since === null || row.at >= given.since) &&
                (given.until === null || row.at < given.until),
            ),
          );
        },
      ),
    );
  });

  test("begins at the newest row with a cursor that no row has reached yet", () => {
    const { store } = open();
    store.audit.add(auditFacts({ how: "token", action: "job.pause", who: "ada" }), 1);
    const page = store.audit.list(ANY, { limit: 5, before: Number.MAX_SAFE_INTEGER, scan: 10 });
    expect({ who: page.rows.map(({ who }) => who), next: page.next }).toEqual({ who: ["ada"], next: null });
  });

  test("has long and broken texts cut", () => {
    const { store } = open();
    store.audit.add(auditFacts({ how: "token", action: "job.pause", target: `${"x".repeat(199)}😀`, who: null }), 1);
    expect(listed(store)[0]?.target).toBe(`${"x".repeat(199)}\uFFFD`);
  });
});
