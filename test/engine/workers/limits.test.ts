import { describe, expect, test } from "bun:test";
import type { Container } from "../../../src/domain/job.ts";
import type { TaskLimits } from "../../../src/domain/limits/task-limits.ts";
import { waitsForText } from "../../../src/domain/words/waits-for.ts";
import { FEATURES } from "../../../src/domain/workers/features.ts";
import { readOutcome, type ShippedOutcome } from "../../../src/domain/workers/protocol.ts";
import { waitsForWorker } from "../../../src/domain/workers/waiting.ts";
import { fakeWorker } from "../../support/workers/fake-worker.ts";
import { remoteJob, startWithWorkers } from "../../support/workers/started.ts";

const MEMORY = { memoryBytes: 64 * 2 ** 20 } as const satisfies TaskLimits;
const GAP = { reason: "its cgroup lacks the controller memory", advice: "delegate it" };
const SENTENCE =
  "box7 can't enforce the limit on memory because its cgroup lacks the controller memory (delegate it, or accept that with limits.enforce: best_effort)";

const CONTAINER: Container = {
  image: "debian",
  engine: null,
  volumes: [],
  user: null,
  network: null,
  pull: null,
  memory: null,
  cpus: null,
  entrypoint: null,
};

const ABLE = { features: FEATURES, limits: ["memory", "cpus", "pids"] };
const UNABLE = { features: FEATURES, limits: ["pids"], limitsGap: GAP };

type Started = Awaited<ReturnType<typeof startWithWorkers>>["petit"];

const waitsOf = (petit: Started) =>
  petit.engine.listWorkerWaits().map((wait) => waitsForWorker(wait, petit.engine.workers));

describe("a task with a limit", () => {
  test("waits for a worker that can enforce it, which people are told", async () => {
    const { petit, transport } = await startWithWorkers({ jobs: [remoteJob("hello", { limits: MEMORY })] });
    await using _ = petit;
    const unable = fakeWorker(transport, "box7", UNABLE);
    await petit.trigger("hello");
    const { offer } = await transport.offered();
    expect(await unable.hello()).toMatchObject({ refused: null, sets: [] });
    expect(await unable.claim(offer)).toEqual({ granted: false, reason: "labels", isOpen: true });
    expect(petit.engine.workers).toMatchObject([{ state: "connected", limits: ["pids"], limitsGap: GAP }]);
    const refused = [{ worker: "box7", reason: "lacks_limits", lacks: ["memory"], gap: GAP }] as const;
    expect(waitsOf(petit)).toEqual([{ code: "worker", labels: ["gpu"], type: null, connected: 0, refused }]);
    expect(waitsOf(petit).map(waitsForText)).toEqual([`a worker with gpu: ${SENTENCE}`]);
    expect((await petit.engine.listAttention(10)).items).toMatchObject([{ kind: "no_worker", refused }]);
    const able = fakeWorker(transport, "box8", ABLE);
    expect((await able.hello()).sets).toHaveLength(1);
    expect(waitsOf(petit).map(waitsForText)).toEqual([`a free slot of a worker with gpu; ${SENTENCE}`]);
    expect(await able.claim(offer)).toMatchObject({ granted: true });
  });

  test("waits for a worker that says what it can enforce, since older ones do not", async () => {
    const { petit, transport } = await startWithWorkers({
      jobs: [remoteJob("hello", { limits: { cpus: 1, pids: 9 } })],
    });
    await using _ = petit;
    const older = fakeWorker(transport, "box7", { features: FEATURES });
    await petit.trigger("hello");
    const { offer } = await transport.offered();
    await older.hello();
    expect(await older.claim(offer)).toMatchObject({ granted: false, reason: "labels" });
    expect(waitsOf(petit).map(waitsForText)).toEqual([
      "a worker with gpu: box7 can't enforce the limits on cpus, pids (accept that with limits.enforce: best_effort)",
    ]);
  });

  test.each([
    ["that need not be enforced", { limits: { ...MEMORY, enforce: "best_effort" } }],
    ["that needs no cgroup", { limits: { nice: 5 } }],
    ["that the engine of its container enforces", { limits: MEMORY, container: CONTAINER }],
  ] as const)("%s runs on any worker", async (_what, task) => {
    const { petit, transport } = await startWithWorkers({ jobs: [remoteJob("hello", task)] });
    await using _ = petit;
    const unable = fakeWorker(transport, "box7", UNABLE);
    await petit.trigger("hello");
    const { offer } = await transport.offered();
    await unable.hello();
    expect(await unable.claim(offer)).toMatchObject({ granted: true });
  });

  test("does not keep an attempt that the worker can run from going first", async () => {
    const { petit, transport } = await startWithWorkers({
      jobs: [remoteJob("big", { limits: MEMORY }, { priority: 9 }), remoteJob("hello")],
    });
    await using _ = petit;
    const unable = fakeWorker(transport, "box7", UNABLE);
    await unable.hello();
    await petit.trigger("big");
    await transport.offered();
    await petit.trigger("hello");
    const { offer } = await transport.offered(1);
    await unable.hello();
    expect(await unable.claim(offer, { passed: [] })).toMatchObject({ granted: true });
  });
});

describe("the default limits of petit", () => {
  const settings = { limits: { memoryBytes: 2 ** 30, pids: 100, nice: 3 } };

  test("are offered with those of the task, and must be enforced as those", async () => {
    const { petit, transport } = await startWithWorkers({
      jobs: [remoteJob("hello", { limits: { pids: 9 } })],
      settings,
    });
    await using _ = petit;
    const unable = fakeWorker(transport, "box7", UNABLE);
    await petit.trigger("hello");
    const { offer } = await transport.offered();
    expect(offer.job.tasks[0]?.limits).toEqual({ memoryBytes: 2 ** 30, pids: 9, nice: 3 });
    expect(offer.features).toContain("limits");
    await unable.hello();
    expect(await unable.claim(offer)).toMatchObject({ granted: false });
    expect(waitsOf(petit)).toMatchObject([{ refused: [{ lacks: ["memory"] }] }]);
  });

  test("are not offered to a version of petit that would ignore them", async () => {
    const { petit, transport } = await startWithWorkers({
      jobs: [remoteJob("hello")],
      settings: { limits: { nice: 3 } },
    });
    await using _ = petit;
    const older = fakeWorker(transport, "box7", { features: FEATURES.filter((feature) => feature !== "limits") });
    await petit.trigger("hello");
    const { offer } = await transport.offered();
    await older.hello();
    expect(await older.claim(offer)).toMatchObject({ granted: false });
    expect(waitsOf(petit).map(waitsForText)).toEqual([
      "a worker with gpu: box7 has a version of petit that does not know limits",
    ]);
  });
});

describe("the outcome of an attempt on a worker", () => {
  const USAGE = { cpuUserMs: 12, cpuSystemMs: 3, memoryPeakBytes: 4_096, source: "cgroup" } as const;
  const COMPLETED = {
    outcome: { status: "completed", reason: null, error: null, exitCode: 0, signal: null },
    outputs: {},
    transient: false,
  } as const;
  const RAN_OUT = {
    outcome: { status: "failed", reason: "out_of_memory", error: "ran out of memory", exitCode: 137, signal: null },
    outputs: {},
    transient: false,
  } as const;

  /** Runs a task on a worker that reports a result. Returns the attempt as it is stored. */
  const report = async (task: Parameters<typeof remoteJob>[1], result: ShippedOutcome["result"]) => {
    const { petit, transport } = await startWithWorkers({ jobs: [remoteJob("hello", task)] });
    await using _ = petit;
    const able = fakeWorker(transport, "box8", ABLE);
    await able.hello();
    const run = await petit.trigger("hello");
    const { offer } = await transport.offered();
    await able.claim(offer);
    expect(await able.outcome(offer, { result })).toEqual({ stored: true });
    return petit.store.runs.listAttempts(run.id)[0];
  };

  test("has what it used, and which limits were in force", async () => {
    const result = { ...COMPLETED, usage: USAGE, memoryLimitBytes: MEMORY.memoryBytes, limitsEnforced: true };
    const { memoryBytes: memoryLimitBytes } = MEMORY;
    expect(await report({ limits: MEMORY }, result)).toMatchObject({
      usage: USAGE,
      memoryLimitBytes,
      limitsEnforced: true,
    });
  });

  test("has no usage if its worker says nothing about it, as an older one", async () => {
    expect(await report({}, COMPLETED)).toMatchObject({ usage: null, memoryLimitBytes: null, limitsEnforced: null });
  });

  test("has no limits that its task does not have, whatever the worker says", async () => {
    const result = { ...COMPLETED, usage: null, memoryLimitBytes: 1, limitsEnforced: true };
    expect(await report({}, result)).toMatchObject({ memoryLimitBytes: null, limitsEnforced: null });
  });

  test("can be that it ran out of memory, but only with a limit", async () => {
    expect(await report({ limits: MEMORY }, RAN_OUT)).toMatchObject({ reason: "out_of_memory" });
    expect(await report({}, RAN_OUT)).toMatchObject({ reason: "internal_error" });
  });

  test.each([
    ["a negative time", { ...USAGE, cpuUserMs: -1 }],
    ["a time that no attempt uses", { ...USAGE, cpuUserMs: 2 ** 53 - 1 }],
    ["no whole number of bytes", { ...USAGE, memoryPeakBytes: 0.5 }],
  ])("is refused with %s", async (_what, usage) => {
    const result = { ...COMPLETED, usage };
    const message = { scheduler: "s", attempt: 1, epoch: 1, offset: 0, durationMs: 1, artifacts: [] };
    expect(() => readOutcome({ ...message, result })).toThrow("usage");
    expect(() => readOutcome({ ...message, result: { ...COMPLETED, usage: USAGE } })).not.toThrow();
  });
});
