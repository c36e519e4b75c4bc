import { describe, expect, test } from "bun:test";
import { openRuntime } from "#runtime";
import type { Run } from "../../../src/domain/run.ts";
import { NearLimits } from "../../../src/engine/attention/near-limits.ts";
import { openStore } from "../../../src/store/database/open.ts";
import type { Store } from "../../../src/store/store.ts";
import { job, jobId, shell, taskId } from "../../support/engine/factories.ts";
import { memoryStore, startRun } from "../../support/engine/factories-store.ts";
import { FakeClock, NOON } from "../../support/engine/fake-clock.ts";
import { filesOf, startEngine } from "../../support/engine/started-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";

const MIB = 2 ** 20;
const JOB = job("import", { tasks: [shell("load", "true"), shell("check", "true")] });
const DONE = { status: "completed", reason: null, error: null, exitCode: 0 } as const;

/** What an attempt of `load` used, and its limit, in MiB; null if that is not known. */
type Used = readonly [peak: number | null, limit: number | null];

const usageOf = ([peak, limit]: Used) => ({
  usage: {
    cpuUserMs: 1,
    cpuSystemMs: 1,
    memoryPeakBytes: peak === null ? null : Math.round(peak * MIB),
    source: "cgroup" as const,
  },
  memoryLimitBytes: limit === null ? null : limit * MIB,
  limitsEnforced: limit === null ? null : true,
});

/** Stores a run whose attempts of `load` used this. */
const storeRun = (store: Store, attempts: readonly Used[], now = NOON): Run => {
  const run = startRun(store, { job: JOB, now });
  const node = { taskId: taskId("load"), item: null };
  attempts.forEach((used, index) => {
    const { id } = store.runs.startAttempt(run, node, now);
    const isLast = index === attempts.length - 1;
    store.runs.finishAttempt(id, { ...DONE, signal: null }, { now, retryAt: isLast ? null : now, ...usageOf(used) });
  });
  if (attempts.length > 0) store.runs.finishTask(run, node, { outcome: { ...DONE, outputs: {} }, now });
  return store.runs.finish(run.id, { status: "completed", reason: null, error: null }, now);
};

const NEAR: Used = [480, 512];

describe("a task near its limit of memory", () => {
  test.each<[string, readonly (readonly Used[])[], number | null]>([
    ["two runs", [[NEAR], [NEAR]], null],
    ["three runs", [[NEAR], [NEAR], [NEAR]], 3],
    ["four runs, with other limits", [[NEAR], [[90, 100]], [[99, 100]], [NEAR]], 4],
    ["a run just below 90 %", [[NEAR], [NEAR], [[460.7, 512]]], null],
    ["three runs at 90 %", [[NEAR], [NEAR], [[90, 100]]], 3],
    ["a run that used less, before three others", [[NEAR], [[1, 512]], [NEAR], [NEAR], [NEAR]], 3],
    ["a run that used less, after them", [[NEAR], [NEAR], [NEAR], [[1, 512]]], null],
    ["a run without a limit after them", [[NEAR], [NEAR], [NEAR], [[480, null]]], null],
    [
      "a run that was not measured, and one without the task, between them",
      [[NEAR], [[null, 512]], [NEAR], [], [NEAR]],
      3,
    ],
    ["runs of which one attempt came near", [[[1, 512], NEAR], [NEAR, [1, 512]], [NEAR]], 3],
    ["more runs than are read", Array.from({ length: 25 }, () => [NEAR]), 20],
    ["runs without limits", [[[480, null]], [[480, null]], [[480, null]]], null],
  ])("is found after %s", (_, runs, count) => {
    using store = memoryStore();
    const newest = runs.map((attempts, index) => storeRun(store, attempts, NOON + index)).at(-1);
    const found = new NearLimits(store).list();
    if (count === null) expect(found).toEqual([]);
    else expect(found).toMatchObject([{ jobId: "import", taskId: "load", runId: newest?.id, count }]);
  });

  test("says what the newest run used, and since when it is near", () => {
    using store = memoryStore();
    for (const at of [1, 2, 3])
      storeRun(
        store,
        [
          [470 + at, 512],
          [1, 512],
        ],
        NOON + at,
      );
    expect(new NearLimits(store).list()).toMatchObject([
      { peakBytes: 473 * MIB, limitBytes: 512 * MIB, since: NOON + 1 },
    ]);
  });

  test("is found and no longer found as runs end and are deleted", () => {
    using store = memoryStore();
    const near = new NearLimits(store);
    expect(near.list()).toEqual([]);
    const add = (used: Used): Run => {
      const run = storeRun(store, [used]);
      near.noteChange(jobId("import"));
      return run;
    };
    add(NEAR);
    add(NEAR);
    expect(near.list()).toEqual([]);
    add(NEAR);
    expect(near.list()).toMatchObject([{ count: 3 }]);
    expect(near.list()).toMatchObject([{ count: 3 }]);
    add([1, 512]);
    expect(near.list()).toEqual([]);
  });

  test("needs attention, in words, until a run of it uses less or the job is removed", async () => {
    using dir = tempDir();
    {
      using store = openStore({ path: dir.file("petit.db"), runtime: openRuntime() });
      for (const at of [1, 2, 3]) storeRun(store, [NEAR], NOON + at);
    }
    await using petit = await startEngine({ dir: dir.path, clock: new FakeClock(), jobs: [JOB] });
    const list = async () => (await petit.engine.listAttention(10)).items;
    expect(await list()).toMatchObject([
      { id: "memory_near_limit:import:load", kind: "memory_near_limit", urgency: "problem", count: 3 },
    ]);
    expect((await petit.engine.listAttention(0)).counts.memory_near_limit).toBe(1);
    petit.files = filesOf([job("other")]);
    await petit.engine.reload();
    expect(await list()).toEqual([]);
    petit.files = filesOf([JOB]);
    await petit.engine.reload();
    expect(await list()).toMatchObject([{ count: 3 }]);
  });
});
