import { describe, expect, test } from "bun:test";
import { openRuntime } from "#runtime";
import { newRunId, type RunId } from "../../src/domain/ids.ts";
import type { Job } from "../../src/domain/job.ts";
import { type DefaultRule, NO_RETENTION } from "../../src/domain/limits/retention.ts";
import { auditFacts } from "../../src/domain/people/audit.ts";
import type { RetentionSettings } from "../../src/engine/options.ts";
import { Pruner } from "../../src/engine/pruner.ts";
import { silentLog } from "../../src/lib/log.ts";
import type { Store } from "../../src/store/store.ts";
import { job, jobId, shell } from "../support/engine/factories.ts";
import { memoryStore, startRun } from "../support/engine/factories-store.ts";
import { FakeClock, NOON } from "../support/engine/fake-clock.ts";
import { gate } from "../support/engine/gate.ts";
import { filesOf, type StartedEngine, type StartOptions, startEngine } from "../support/engine/started-engine.ts";
import { tempDir } from "../support/temp-dir.ts";

const DAY_MS = 86_400_000;

/** Returns the stored runs of a job, oldest first. */
const storedRuns = ({ store }: StartedEngine, id: string): readonly RunId[] =>
  store.runs
    .list({ jobId: jobId(id), limit: 100 })
    .map((run) => run.id)
    .toReversed();

/** Runs a job several times, one after the other. */
const runs = async (petit: StartedEngine, id: string, count: number): Promise<readonly RunId[]> => {
  const ids: RunId[] = [];
  for (let each = 0; each < count; each++) ids.push((await petit.run(id)).run.id);
  return ids;
};

const keeping = (id: string, retention: Partial<Job["retention"]>): Job =>
  job(id, { retention: { runs: null, days: null, ...retention }, tasks: [shell("only", "echo hi")] });

const life = async (options: StartOptions, work: (petit: StartedEngine) => Promise<unknown>): Promise<void> => {
  await using petit = await startEngine(options);
  await work(petit);
  await petit.stop("drain");
};

describe("the audit log", () => {
  test("is kept for some days, and deleted in steps", async () => {
    const clock = new FakeClock();
    await using petit = await startEngine({ clock, jobs: [keeping("a", {})], settings: { auditDays: 10 } });
    const { audit } = petit.store;
    const facts = auditFacts({ how: "token", action: "job.pause" });
    const all = { limit: 2_000, before: null, scan: 10_000 };
    const any = {
      who: null,
      actions: null,
      target: null,
      jobId: null,
      runId: null,
      allowed: null,
      since: null,
      until: null,
    };
    const times = () => audit.list({ ...any, actions: ["job.pause"] }, all).rows.map(({ at }) => at - NOON);
    petit.store.transaction(() => {
      for (let at = 0; at < 500; at++) audit.add(facts, NOON + at);
      audit.add(facts, NOON + 2 * DAY_MS);
    });
    await clock.pass(9 * DAY_MS);
    await runs(petit, "a", 1);
    await clock.pass(10_000);
    expect(times()).toHaveLength(501);
    await clock.pass(DAY_MS + 1);
    await runs(petit, "a", 1);
    await clock.pass(10_000);
    expect(times()).toEqual([2 * DAY_MS]);
  });
});

describe("retention", () => {
  test("keeps the newest runs of a job, by its own limit or the default, soon after a run has ended", async () => {
    const clock = new FakeClock();
    const jobs = [keeping("own", { runs: 2 }), keeping("other", {})];
    await using petit = await startEngine({ clock, jobs, settings: { retention: { runs: 3, days: null } } });
    const [own, other] = [await runs(petit, "own", 4), await runs(petit, "other", 4)];
    await clock.pass(3_000);
    expect(storedRuns(petit, "own")).toEqual(own.slice(-2));
    expect(storedRuns(petit, "other")).toEqual(other.slice(-3));
  });

  test("deletes tokens 400 days after they were revoked, in the next full round", async () => {
    const clock = new FakeClock();
    await using petit = await startEngine({ clock, jobs: [keeping("a", {})] });
    const { tokens } = petit.store;
    for (const [name, days] of [
      ["old", 399.5],
      ["newer", 398],
    ] as const) {
      const at = clock.now() - days * DAY_MS;
      tokens.create(
        { name, digest: name.padEnd(64, "0"), role: "viewer", jobs: null, tags: null, expiresAt: null, by: null },
        at,
      );
      tokens.revoke(name, at);
    }
    await clock.pass(DAY_MS);
    await runs(petit, "a", 1);
    await clock.pass(3_000);
    expect(tokens.list().map(({ name }) => name)).toEqual(["newer"]);
  });

  test("deletes the last run of a job too, when it has expired and a run of another job has ended", async () => {
    const clock = new FakeClock();
    await using petit = await startEngine({ clock, jobs: [keeping("a", { days: 1 }), keeping("b", { days: 1 })] });
    await runs(petit, "a", 1);
    await clock.pass(2 * DAY_MS);
    const ran = await runs(petit, "b", 1);
    await clock.pass(3_000);
    expect([storedRuns(petit, "a"), petit.engine.findJob("a")?.lastRun]).toEqual([[], null]);
    expect(storedRuns(petit, "b")).toEqual(ran);
    expect(petit.engine.findJob("b")?.lastRun?.id).toBe(ran[0]);
  });

  test("never deletes a running run, however old", async () => {
    using door = gate();
    const clock = new FakeClock();
    const long = job("long", {
      retention: { runs: 1, days: null },
      params: { wait: { description: null, default: "", required: false, enum: null, pattern: null } },
      tasks: [shell("only", `[ -z "$PETIT_PARAM_WAIT" ] || { ${door.wait}; }`)],
    });
    await using petit = await startEngine({ clock, jobs: [long] });
    const first = await petit.trigger("long", { params: { wait: "yes" } });
    const others = await runs(petit, "long", 2);
    await clock.pass(3_000);
    expect(storedRuns(petit, "long")).toEqual([first.id, ...others.slice(-1)]);
    door.open();
    await petit.ended(first.id);
  });

  test("counts only finished runs, also if older and newer ones are running", async () => {
    using door = gate();
    const clock = new FakeClock();
    const mixed = job("mixed", {
      retention: { runs: 2, days: null },
      params: { wait: { description: null, default: "", required: false, enum: null, pattern: null } },
      tasks: [shell("only", `[ -z "$PETIT_PARAM_WAIT" ] || { ${door.wait}; }`)],
    });
    await using petit = await startEngine({ clock, jobs: [mixed] });
    const oldest = await petit.trigger("mixed", { params: { wait: "yes" } });
    await runs(petit, "mixed", 2);
    const middle = await petit.trigger("mixed", { params: { wait: "yes" } });
    const finished = await runs(petit, "mixed", 2);
    const newest = await petit.trigger("mixed", { params: { wait: "yes" } });
    await clock.pass(3_000);
    expect(storedRuns(petit, "mixed")).toEqual([oldest.id, middle.id, ...finished, newest.id]);
    door.open(3);
    await Promise.all([oldest, middle, newest].map(({ id }) => petit.ended(id)));
  });

  /** Creates a store with this many finished runs of a job. */
  const storeWithRuns = (count: number): Store => {
    const store = memoryStore();
    store.transaction(() => {
      const { versionId } = startRun(store, {});
      for (let each = 1; each < count; each++) {
        const run = { ...NEW_RUN, id: newRunId(NOON), versionId };
        store.runs.finish(store.runs.start(run).id, { status: "completed", reason: null, error: null }, NOON + each);
      }
    });
    return store;
  };

  const NEW_RUN = {
    job: job("hello"),
    status: "running",
    trigger: "manual",
    params: {},
    now: NOON,
    scheduledFor: null,
    ledger: null,
    retry: null,
    idempotency: null,
  } as const;

  test("counts the retained runs once, not for each deleted run, and deletes many in a step", async () => {
    using store = storeWithRuns(2_000);
    const clock = new FakeClock();
    const [counted, deleted]: [number[], number[]] = [[], []];
    const retain = new Pruner({
      store: {
        ...store,
        runs: {
          ...store.runs,
          findNthNewestSeq: (jobId, before, count) => {
            counted.push(count);
            return store.runs.findNthNewestSeq(jobId, before, count);
          },
          deleteExpired: (...args) => {
            const step = store.runs.deleteExpired(...args);
            deleted.push(step.runs);
            return step;
          },
        },
      },
      clock,
      log: silentLog,
      jobIds: () => [jobId("hello")],
      findJob: () => null,
      settings: { runs: 1_000, days: null },
      onDeleted: () => {},
      onArtifactsUnlisted: () => {},
      retryUntilStored: async (step) => step(),
      signal: new AbortController().signal,
    });
    retain.enqueueAll();
    await clock.pass(5_000);
    // The running one stays too.
    expect(store.runs.list({ limit: 9_999 })).toHaveLength(1_001);
    expect(counted.reduce((a, b) => a + b, 0)).toBeLessThan(3_000);
    expect(Math.max(...deleted)).toBeGreaterThan(100);
    expect(Math.max(...deleted)).toBeLessThanOrEqual(200);
  });

  describe("by default", () => {
    const storeOf = (status: "completed" | "failed", count: number): Store => {
      const store = memoryStore();
      fill(store, status, count);
      return store;
    };

    /** Stores runs of which the first one has not ended, and returns that one. */
    const fill = (store: Store, status: "completed" | "failed", count: number): RunId => {
      const outcome = { status, reason: status === "failed" ? "exit_code" : null, error: null } as const;
      return store.transaction(() => {
        const { id, versionId } = startRun(store, {});
        for (let each = 1; each < count; each++)
          store.runs.finish(store.runs.start({ ...NEW_RUN, id: newRunId(NOON), versionId }).id, outcome, NOON + each);
        return id;
      });
    };

    const prunerOf = (store: Store, clock: FakeClock, settings: RetentionSettings, keeps: DefaultRule): Pruner =>
      new Pruner({
        store: { ...store, scheduler: { ...store.scheduler, findDefaultRule: () => keeps } },
        clock,
        log: silentLog,
        jobIds: () => [jobId("hello")],
        findJob: () => null,
        settings,
        onDeleted: () => {},
        onArtifactsUnlisted: () => {},
        retryUntilStored: async (step) => step(),
        signal: new AbortController().signal,
      });

    const left = (store: Store): number => store.runs.list({ limit: 9_999 }).length;

    test.each(["completed", "failed"] as const)(
      "deletes %s runs that are older than 30 days and beyond the newest 1,000",
      async (status) => {
        using store = storeOf(status, 1_501);
        const clock = new FakeClock();
        const pruner = prunerOf(store, clock, NO_RETENTION, "recent");
        pruner.enqueueAll();
        await clock.pass(5_000);
        expect(left(store)).toBe(1_501);
        clock.step(30 * DAY_MS);
        pruner.enqueueAll();
        await clock.pass(5_000);
        expect(left(store)).toBe(1_001);
        expect(pruner.offer).toBeNull();
      },
    );

    test("counts each run once that an older database could lose, whether its job is known or gone", async () => {
      const clock = new FakeClock();
      clock.step(31 * DAY_MS);
      const olderStore = (store: Store): Store => {
        const first = fill(store, "completed", 1_003);
        store.runs.finish(first, { status: "completed", reason: null, error: null }, NOON);
        return { ...store, scheduler: { ...store.scheduler, findDefaultRule: () => "all" } };
      };
      for (const jobs of [[job("hello")], []]) {
        await using petit = await startEngine({ clock, jobs, wrap: olderStore });
        await clock.pass(5_000);
        const { items } = await petit.engine.listAttention(10);
        expect(items).toContainEqual(expect.objectContaining({ kind: "retention_undecided", runs: 3 }));
        await petit.stop("now");
      }
    });

    test("deletes nothing that is old among the newest 1,000", async () => {
      using store = storeOf("completed", 1_000);
      const clock = new FakeClock();
      clock.step(90 * DAY_MS);
      const pruner = prunerOf(store, clock, NO_RETENTION, "recent");
      pruner.enqueueAll();
      await clock.pass(5_000);
      expect(left(store)).toBe(1_000);
    });

    test("keeps all runs of an older database, and says what it would delete, until somebody decides", async () => {
      using store = storeOf("completed", 1_501);
      const clock = new FakeClock();
      clock.step(31 * DAY_MS);
      const undecided = prunerOf(store, clock, NO_RETENTION, "all");
      undecided.enqueueAll();
      await clock.pass(5_000);
      expect(left(store)).toBe(1_501);
      expect(undecided.offer).toMatchObject({ runs: 500 });
      const keepsAll = prunerOf(store, clock, { runs: "all", days: null }, "all");
      keepsAll.enqueueAll();
      await clock.pass(5_000);
      expect([left(store), keepsAll.offer]).toEqual([1_501, null]);
      prunerOf(store, clock, { ...NO_RETENTION, byDefault: "recent" }, "all").enqueueAll();
      await clock.pass(5_000);
      expect(left(store)).toBe(1_001);
    });
  });

  test("completes an interrupted deletion at the next start", async () => {
    using dir = tempDir();
    const noisy = job("noisy");
    const shared = { dir: dir.path, clock: new FakeClock() };
    await life({ ...shared, jobs: [noisy] }, async (petit) => {
      const { run } = await petit.run("noisy");
      const attempt = petit.store.runs.listAttempts(run.id)[0];
      if (attempt === undefined) throw new Error("no attempt");
      const chunk = { stream: "stdout", at: NOON, bytes: new Uint8Array(10).fill(10), lines: 10 } as const;
      petit.store.output.append(attempt, Array(100).fill(chunk), { stdout: 1_000, stderr: 0 });
      let now = 0;
      const bounds = { limit: 1, untilMs: 1, clock: { monotonic: () => now++ } };
      petit.store.runs.deleteExpired(run.jobId, { beyond: "either", upTo: Number.MAX_SAFE_INTEGER, age: null }, bounds);
    });
    const rows = (): unknown => {
      const db = openRuntime().openDatabase(`${dir.path}/petit.db`);
      const row = db
        .prepare("SELECT (SELECT count(*) FROM runs) AS runs, (SELECT count(*) FROM output) AS output")
        .get();
      db.close();
      return row;
    };
    expect(rows()).toEqual({ runs: 1, output: expect.any(Number) });
    await life({ ...shared, jobs: [] }, () => shared.clock.pass(3_000));
    expect(rows()).toEqual({ runs: 0, output: 0 });
  });

  test.each([
    ["deletes", true, 1],
    ["keeps, with followSchedules false,", false, 2],
  ])("%s unused definitions after the runs, if they were not in use lately", async (_, followSchedules, left) => {
    using dir = tempDir();
    const shared = { dir: dir.path, clock: new FakeClock(), jobs: [keeping("a", { runs: 1 })] };
    const changed = keeping("a", { runs: 1, days: 900 });
    let versions: number[] = [];
    await life(shared, async (petit) => {
      const first = await petit.run("a");
      for (let days = 1; days <= 101; days++)
        petit.store.jobs.save([keeping("a", { runs: 1, days })], shared.clock.now());
      petit.files = filesOf([changed]);
      await petit.engine.reload();
      versions = [first.run.versionId, (await petit.run("a")).run.versionId];
    });
    await life({ ...shared, jobs: [changed], followSchedules }, async (petit) => {
      await shared.clock.pass(5_000);
      const there = versions.filter((version) => {
        try {
          return petit.store.jobs.getDefinition(version).id;
        } catch {
          return false;
        }
      });
      expect(there).toEqual(versions.slice(-left));
    });
  });

  test("yields to the event loop also between jobs without expired runs", async () => {
    using store = memoryStore();
    let [now, timers] = [0, 0];
    // Each query takes a while.
    const monotonic = () => (now += 1);
    const soon = (callback: () => void, delayMs: number) => {
      timers++;
      now += delayMs;
      queueMicrotask(callback);
      return () => {};
    };
    const ids = Array.from({ length: 100 }, (_, index) => jobId(`j${index}`));
    const looked = Promise.withResolvers<void>();
    const watching: Store = {
      ...store,
      events: {
        ...store.events,
        deleteOldest: () => {
          looked.resolve();
          return 0;
        },
      },
    };
    const retain = new Pruner({
      store: watching,
      clock: { now: () => NOON, monotonic, elapsed: monotonic, setTimeout: soon },
      log: silentLog,
      jobIds: () => ids,
      findJob: () => null,
      settings: { runs: 1, days: null },
      onDeleted: () => expect.unreachable(),
      onArtifactsUnlisted: () => expect.unreachable(),
      retryUntilStored: async (step) => step(),
      signal: new AbortController().signal,
    });
    retain.enqueueAll();
    await looked.promise;
    expect(timers).toBeGreaterThan(10);
  });

  test.each([
    ["runs", { runs: 2, days: null }, 0, 2],
    ["days", { runs: null, days: 7 }, 8 * DAY_MS, 0],
    ["days that have not passed", { runs: null, days: 7 }, 6 * DAY_MS, 4],
  ])("prunes at the start, including removed jobs: %s", async (_, retention, afterMs, expected) => {
    using dir = tempDir();
    const shared = { dir: dir.path, clock: new FakeClock() };
    await life({ ...shared, jobs: [keeping("here", {}), keeping("gone", {})] }, async (petit) => {
      await runs(petit, "here", 4);
      await runs(petit, "gone", 4);
    });
    shared.clock.step(afterMs);
    await life({ ...shared, jobs: [keeping("here", {})], settings: { retention } }, async (petit) => {
      await shared.clock.pass(3_000);
      expect([storedRuns(petit, "here").length, storedRuns(petit, "gone").length]).toEqual([expected, expected]);
    });
  });
});
