import { describe, expect, test } from "bun:test";
import { newRunId, type RunId } from "../../../src/domain/ids.ts";
import { RUN_STATUSES, type RunOutcome } from "../../../src/domain/run.ts";
import type { AttemptOutcome, AttemptUsage, TaskOutcome } from "../../../src/domain/task-run.ts";
import { command, job, jobId, taskId } from "../../support/engine/factories.ts";
import { memoryStore, startAttempt, startRun } from "../../support/engine/factories-store.ts";
import { NOON } from "../../support/engine/fake-clock.ts";

const UNKNOWN = newRunId(NOON);
const DONE: RunOutcome = { status: "completed", reason: null, error: null };
const FAILED: RunOutcome = { status: "failed", reason: "exit_code", error: "task 'a' failed" };
const TASK_DONE: TaskOutcome = { status: "completed", reason: null, error: null, exitCode: 0, outputs: { k: "v" } };
const ATTEMPT_DONE: AttemptOutcome = { status: "completed", reason: null, error: null, exitCode: 0, signal: null };
const ATTEMPT_FAILED: AttemptOutcome = {
  status: "failed",
  reason: "signal",
  error: "ended by SIGKILL",
  exitCode: null,
  signal: "SIGKILL",
};

describe("a run", () => {
  test("is returned as it was stored", () => {
    using store = memoryStore();
    const run = startRun(store, {
      params: { day: "ä\n" },
      trigger: "retry",
      scheduledFor: 5,
      intervalStart: 4,
      retry: { of: UNKNOWN, reused: [] },
    });
    expect(run).toEqual({
      id: run.id,
      jobId: jobId("hello"),
      versionId: 1,
      status: "running",
      reason: null,
      error: null,
      trigger: "retry",
      scheduledFor: 5,
      intervalStart: 4,
      params: { day: "ä\n" },
      retryOf: UNKNOWN,
      parent: null,
      nesting: 0,
      deliveryId: null,
      chain: 0,
      backfillId: null,
      outputs: {},
      createdAt: NOON,
      startedAt: NOON,
      endedAt: null,
      ending: null,
      endsCleanUps: false,
      lost: false,
      warnings: 0,
      lateAt: null,
      triggeredBy: null,
      cancelledBy: null,
      commit: null,
    });
    expect(store.runs.find(run.id)).toEqual(run);
    expect(store.runs.find(UNKNOWN)).toBeNull();
  });

  test("moves from pending to running to its end, with a time for each", () => {
    using store = memoryStore();
    const { id } = startRun(store, { status: "pending" });
    expect(store.runs.find(id)).toMatchObject({ status: "pending", startedAt: null });
    expect(store.runs.begin(id, NOON + 1)).toMatchObject({ status: "running", startedAt: NOON + 1 });
    expect(store.runs.finish(id, FAILED, NOON + 2)).toMatchObject({ ...FAILED, endedAt: NOON + 2 });
  });

  test("can end while it is pending", () => {
    using store = memoryStore();
    const { id } = startRun(store, { status: "pending" });
    const outcome = { status: "cancelled", reason: "cancelled", error: "cancelled" } as const;
    expect(store.runs.finish(id, outcome, NOON + 1)).toMatchObject({ status: "cancelled", startedAt: null });
  });

  test("keeps the first reason to end it, and that an attempt was lost", () => {
    using store = memoryStore();
    const { id } = startRun(store);
    expect(store.runs.requestEnd(id, "timeout").ending).toBe("timeout");
    expect(store.runs.requestEnd(id, "cancelled").ending).toBe("timeout");
    store.runs.markLost(id);
    expect(store.runs.find(id)).toMatchObject({ ending: "timeout", lost: true });
  });

  test("keeps that its clean-up tasks end too", () => {
    using store = memoryStore();
    const { id } = startRun(store);
    const requests = [false, true, false].map((all) => store.runs.requestEnd(id, "cancelled", { all }).endsCleanUps);
    expect(requests).toEqual([false, true, true]);
  });

  test("refuses every transition from an unexpected status", () => {
    using store = memoryStore();
    const running = startRun(store);
    const ended = startRun(store);
    store.runs.finish(ended.id, DONE, NOON);
    const pending = startRun(store, { status: "pending" });
    const wrong: readonly (() => unknown)[] = [
      () => store.runs.begin(running.id, NOON),
      () => store.runs.begin(ended.id, NOON),
      () => store.runs.begin(UNKNOWN, NOON),
      () => store.runs.finish(ended.id, DONE, NOON),
      () => store.runs.finish(UNKNOWN, DONE, NOON),
      () => store.runs.requestEnd(ended.id, "cancelled"),
      () => store.runs.markLost(pending.id),
      () => store.runs.markLost(ended.id),
    ];
    const before = store.runs.list({ limit: 9 });
    for (const each of wrong) expect(each).toThrow();
    expect(store.runs.list({ limit: 9 })).toEqual(before);
    expect(store.events.getNewestSeq()).toBe(3);
  });

  test.each([
    ["a completed run with a reason", { ...DONE, reason: "signal" }],
    ["a completed run with an error", { ...DONE, error: "x" }],
    ["an unknown reason", { ...FAILED, reason: "bad luck" }],
    ["an unknown status", { ...FAILED, status: "lost" }],
    ["a finished run with the status running", { ...DONE, status: "running" }],
  ])("cannot be %s: the schema refuses it", (_, outcome) => {
    using store = memoryStore();
    const { id } = startRun(store);
    expect(() => store.runs.finish(id, outcome as RunOutcome, NOON)).toThrow("CHECK constraint failed");
    expect(store.runs.find(id)?.status).toBe("running");
  });

  test.each([
    ["a scheduled run without an occurrence", { trigger: "schedule" as const }],
    ["a run of an unknown version", { versionId: 99 }],
  ])("cannot be stored as %s", (_, given) => {
    using store = memoryStore();
    expect(() => startRun(store, given)).toThrow("constraint failed");
    expect(store.runs.list({ limit: 9 })).toEqual([]);
  });

  test("has a unique id", () => {
    using store = memoryStore();
    const { id } = startRun(store);
    expect(() => startRun(store, { id })).toThrow("UNIQUE constraint failed");
  });
});

describe("runs.list", () => {
  const filled = () => {
    const store = memoryStore();
    const ids: RunId[] = [];
    for (let index = 0; index < 12; index++) {
      const run = startRun(store, {
        job: job(index % 2 === 0 ? "even" : "odd"),
        now: NOON + index,
        status: index === 11 ? "pending" : "running",
      });
      ids.push(run.id);
      if (index < 8) store.runs.finish(run.id, index % 4 === 0 ? FAILED : DONE, NOON + 100);
    }
    return { store, ids };
  };

  test("returns the newest first, in the order of storage", () => {
    const { store, ids } = filled();
    expect(store.runs.list({ limit: 100 }).map(({ id }) => id)).toEqual(ids.toReversed());
    expect(store.runs.list({ limit: 3 }).map(({ id }) => id)).toEqual(ids.slice(-3).toReversed());
  });

  test.each([
    [{ jobId: jobId("odd") }, [11, 9, 7, 5, 3, 1]],
    [{ status: "failed" as const }, [4, 0]],
    [{ status: "completed" as const }, [7, 6, 5, 3, 2, 1]],
    [{ status: "running" as const }, [10, 9, 8]],
    [{ status: "pending" as const }, [11]],
    [{ status: "cancelled" as const }, []],
    [{ jobId: jobId("even"), status: "completed" as const }, [6, 2]],
    [{ jobId: jobId("even"), status: "failed" as const }, [4, 0]],
    [{ jobId: jobId("none") }, []],
  ])("with %j returns %p", (filter, expected) => {
    const { store, ids } = filled();
    expect(store.runs.list({ ...filter, limit: 100 }).map(({ id }) => ids.indexOf(id))).toEqual(expected);
  });

  test("continues before a run with any filter, and returns each run once", () => {
    const { store, ids } = filled();
    for (const filter of [{}, { jobId: jobId("even") }, { status: "completed" as const }]) {
      const seen: RunId[] = [];
      for (let before: RunId | undefined; ; before = seen.at(-1)) {
        const page = store.runs.list({ ...filter, limit: 2, ...(before && { before }) });
        if (page.length === 0) break;
        seen.push(...page.map(({ id }) => id));
      }
      expect(seen).toEqual(store.runs.list({ ...filter, limit: 100 }).map(({ id }) => id));
    }
    expect(
      store.runs.list({ jobId: jobId("odd"), before: ids[4] ?? UNKNOWN, limit: 9 }).map(({ id }) => ids.indexOf(id)),
    ).toEqual([3, 1]);
    expect(() => store.runs.list({ before: UNKNOWN, limit: 9 })).toThrow(
      expect.objectContaining({ code: "not_found" }),
    );
  });

  test("with a part of an id returns the runs whose id starts or ends with it", () => {
    const { store, ids } = filled();
    const [id = UNKNOWN] = ids;
    const list = (idPart: string) => store.runs.list({ idPart, limit: 100 }).map((run) => run.id);
    expect(list(id)).toEqual([id]);
    expect(list(id.slice(-8))).toEqual([id]);
    expect(list(id.slice(-8, -1))).toEqual([id]);
    expect(list(id.slice(-9, -1))).toEqual([]);
    // All of these runs have the same minute in the beginning of their ids.
    expect(list(id.slice(0, 8))).toEqual(ids.toReversed());
    expect(list(id.slice(5, 20))).toEqual([]);
    expect(store.runs.list({ idPart: id.slice(0, 8), jobId: jobId("odd"), limit: 100 })).toHaveLength(6);
  });

  test("accepts every status as a filter", () => {
    const { store } = filled();
    const count = RUN_STATUSES.flatMap((status) => store.runs.list({ status, limit: 100 })).length;
    expect(count).toBe(12);
  });
});

describe("queries of many runs", () => {
  test("listUnfinished returns pending and running runs, oldest first", () => {
    using store = memoryStore();
    const runs = (["running", "pending", "running"] as const).map((status) => startRun(store, { status }));
    store.runs.finish(runs[0]?.id ?? UNKNOWN, DONE, NOON);
    expect(store.runs.listUnfinished().map(({ id }) => id)).toEqual(runs.slice(1).map(({ id }) => id));
  });

  test("listNewestByJob returns the newest run of each job, and findNewest that of one", () => {
    using store = memoryStore();
    startRun(store, { job: job("a") });
    const a = startRun(store, { job: job("a") });
    const b = startRun(store, { job: job("b") });
    store.jobs.save([job("a"), job("b"), job("never")], NOON);
    expect(Object.fromEntries(store.runs.listNewestByJob())).toEqual({ a, b });
    expect(store.runs.findNewest(jobId("a"))).toEqual(a);
    expect(store.runs.findNewest(jobId("never"))).toBeNull();
  });

  test("getUpstream returns the status of the newest run, and when the last one completed", () => {
    using store = memoryStore();
    expect(store.runs.getUpstream(jobId("hello"))).toEqual({ newest: null, lastCompletedAt: null });
    store.runs.finish(startRun(store).id, DONE, NOON + 5);
    store.runs.finish(startRun(store).id, FAILED, NOON + 9);
    expect(store.runs.getUpstream(jobId("hello"))).toEqual({ newest: "failed", lastCompletedAt: NOON + 5 });
    startRun(store, { status: "pending" });
    expect(store.runs.getUpstream(jobId("hello"))).toEqual({ newest: "pending", lastCompletedAt: NOON + 5 });
  });
});

describe("tasks of a run", () => {
  const two = job("two", { tasks: [command("b", "true"), command("a", "true")] });

  test("are stored with the run as pending, in the order of the definition", () => {
    using store = memoryStore();
    const { id } = startRun(store, { job: two });
    expect(store.runs.listTaskRuns(id)).toMatchObject([
      {
        runId: id,
        taskId: "b",
        status: "pending",
        attempts: 0,
        startedAt: null,
        endedAt: null,
        outputs: {},
        reused: false,
      },
      { taskId: "a", status: "pending" },
    ]);
    expect(store.runs.listTaskRuns(UNKNOWN)).toEqual([]);
  });

  test("that are reused are completed, with their outputs", () => {
    using store = memoryStore();
    const outcome = { status: "completed", reason: null, error: null, exitCode: 0, outputs: { k: "v" } } as const;
    const reused = [{ taskId: taskId("a"), outcome, items: null, childRunId: null }];
    const { id } = startRun(store, { job: two, trigger: "retry", retry: { of: UNKNOWN, reused } });
    expect(store.runs.listTaskRuns(id)[1]).toMatchObject({
      status: "completed",
      reused: true,
      attempts: 0,
      outputs: { k: "v" },
      startedAt: NOON,
      endedAt: NOON,
    });
  });

  test("keep what their attempts used, also if only a part of it is known", () => {
    using store = memoryStore();
    const run = startRun(store, { job: two });
    const node = { taskId: taskId("a"), item: null };
    const given: readonly Partial<AttemptUsage>[] = [
      {},
      { usage: { cpuUserMs: 1_200, cpuSystemMs: 0, memoryPeakBytes: null, source: "wait" } },
      {
        usage: { cpuUserMs: 7, cpuSystemMs: 3, memoryPeakBytes: 480 * 2 ** 20, source: "cgroup" },
        memoryLimitBytes: 512 * 2 ** 20,
        limitsEnforced: true,
      },
      { limitsEnforced: false },
    ];
    for (const each of given) {
      const { id } = store.runs.startAttempt(run, node, NOON);
      store.runs.finishAttempt(id, ATTEMPT_FAILED, { now: NOON, retryAt: NOON, ...each });
    }
    const none = { usage: null, memoryLimitBytes: null, limitsEnforced: null };
    expect(
      store.runs
        .listAttempts(run.id)
        .map(({ usage, memoryLimitBytes, limitsEnforced }) => ({ usage, memoryLimitBytes, limitsEnforced })),
    ).toEqual(given.map((each) => ({ ...none, ...each })));
    const other = startRun(store, { job: two });
    expect(store.runs.listUsage([run.id, other.id, UNKNOWN])).toEqual(
      new Map([
        [
          run.id,
          {
            cpuUserMs: 1_207,
            cpuSystemMs: 3,
            memoryPeakBytes: 480 * 2 ** 20,
            memoryLimitBytes: 512 * 2 ** 20,
          },
        ],
      ]),
    );
    expect(store.runs.listUsageOf(run.id)).toEqual(given.flatMap(({ usage }) => usage ?? []));
  });

  test("fail because an attempt ran out of memory", () => {
    using store = memoryStore();
    const run = startRun(store, { job: two });
    const node = { taskId: taskId("a"), item: null };
    const { id } = store.runs.startAttempt(run, node, NOON);
    const error = "it used 64 MiB of 64 MiB";
    const outcome = { status: "failed", reason: "out_of_memory", error, exitCode: null } as const;
    store.runs.finishAttempt(id, { ...outcome, signal: "SIGKILL" }, { now: NOON, retryAt: null });
    store.runs.finishTask(run, node, { outcome: { ...outcome, outputs: {} }, now: NOON });
    store.runs.finish(run.id, { status: "failed", reason: "out_of_memory", error }, NOON);
    expect(store.runs.find(run.id)).toMatchObject({ reason: "out_of_memory" });
    expect(store.runs.listTaskRuns(run.id)).toContainEqual(expect.objectContaining({ reason: "out_of_memory" }));
    expect(store.runs.listAttempts(run.id)[0]).toMatchObject({ reason: "out_of_memory" });
  });

  test("end after their attempts", () => {
    using store = memoryStore();
    const run = startRun(store, { job: two });
    const first = store.runs.startAttempt(run, { taskId: taskId("a"), item: null }, NOON + 1);
    expect(first).toEqual({
      id: first.id,
      runId: run.id,
      taskId: taskId("a"),
      item: null,
      attempt: 1,
      status: "running",
      reason: null,
      error: null,
      exitCode: null,
      signal: null,
      startedAt: NOON + 1,
      endedAt: null,
      process: null,
      childRunId: null,
      worker: null,
      cause: null,
      usage: null,
      memoryLimitBytes: null,
      limitsEnforced: null,
    });
    expect(store.runs.listTaskRuns(run.id)[1]).toMatchObject({ status: "running", attempts: 1, startedAt: NOON + 1 });
    const identity = { pid: 17, startTime: "4711", bootId: "boot" };
    store.runs.recordProcess(first.id, identity);
    store.runs.finishAttempt(first.id, ATTEMPT_FAILED, { now: NOON + 2, retryAt: NOON + 9 });
    expect(store.runs.listTaskRuns(run.id)[1]).toMatchObject({ status: "running", retryAt: NOON + 9 });
    const second = store.runs.startAttempt(run, { taskId: taskId("a"), item: null }, NOON + 9);
    expect(second.attempt).toBe(2);
    expect(store.runs.listTaskRuns(run.id)[1]).toMatchObject({ attempts: 2, startedAt: NOON + 1, retryAt: null });
    store.runs.finishAttempt(second.id, ATTEMPT_DONE, { now: NOON + 10, retryAt: null });
    store.runs.finishTask(run, { taskId: taskId("a"), item: null }, { outcome: TASK_DONE, now: NOON + 10 });
    expect(store.runs.listTaskRuns(run.id)[1]).toMatchObject({ ...TASK_DONE, endedAt: NOON + 10, attempts: 2 });
    expect(store.runs.listAttempts(run.id)).toMatchObject([
      { ...ATTEMPT_FAILED, attempt: 1, endedAt: NOON + 2, process: identity },
      { ...ATTEMPT_DONE, attempt: 2, endedAt: NOON + 10, process: null },
    ]);
  });

  test("can be skipped while they are pending", () => {
    using store = memoryStore();
    const run = startRun(store);
    const outcome: TaskOutcome = { status: "skipped", reason: "cancelled", error: null, exitCode: null, outputs: {} };
    store.runs.finishTask(run, { taskId: taskId("only"), item: null }, { outcome, now: NOON });
    expect(store.runs.listTaskRuns(run.id)[0]).toMatchObject({
      status: "skipped",
      reason: "cancelled",
      startedAt: null,
      endedAt: NOON,
    });
  });

  test("refuse every transition from an unexpected status", () => {
    using store = memoryStore();
    const attempt = startAttempt(store);
    const run = store.runs.find(attempt.runId) ?? expect.unreachable();
    const only = taskId("only");
    expect(() => store.runs.startAttempt(run, { taskId: only, item: null }, NOON)).toThrow("UNIQUE constraint failed");
    store.runs.finishAttempt(attempt.id, ATTEMPT_DONE, { now: NOON, retryAt: null });
    store.runs.finishTask(run, { taskId: only, item: null }, { outcome: TASK_DONE, now: NOON });
    const wrong: readonly (() => unknown)[] = [
      () => store.runs.finishTask(run, { taskId: only, item: null }, { outcome: TASK_DONE, now: NOON }),
      () => store.runs.finishTask(run, { taskId: taskId("other"), item: null }, { outcome: TASK_DONE, now: NOON }),
      () => store.runs.startAttempt(run, { taskId: only, item: null }, NOON),
      () => store.runs.startAttempt(run, { taskId: taskId("other"), item: null }, NOON),
      () => store.runs.finishAttempt(attempt.id, ATTEMPT_DONE, { now: NOON, retryAt: null }),
      () => store.runs.finishAttempt(99, ATTEMPT_DONE, { now: NOON, retryAt: null }),
      () => store.runs.recordProcess(attempt.id, { pid: 1, startTime: "", bootId: "" }),
      () => store.output.getSpoolOffsets(99),
    ];
    const seq = store.events.getNewestSeq();
    for (const each of wrong) expect(each).toThrow();
    expect(store.events.getNewestSeq()).toBe(seq);
    expect(store.runs.listAttempts(run.id)).toHaveLength(1);
  });

  test.each([
    ["a failed task without a reason", { ...TASK_DONE, status: "failed" }],
    ["a completed task with a reason", { ...TASK_DONE, reason: "signal" }],
    ["an unknown status", { ...TASK_DONE, status: "gone" }],
  ])("cannot be %s", (_, outcome) => {
    using store = memoryStore();
    const run = startRun(store);
    expect(() =>
      store.runs.finishTask(
        run,
        { taskId: taskId("only"), item: null },
        { outcome: outcome as TaskOutcome, now: NOON },
      ),
    ).toThrow("CHECK constraint failed");
  });

  test("and attempts are listed in the order of the definition, then by number", () => {
    using store = memoryStore();
    const run = startRun(store, { job: two });
    for (const id of ["a", "b"]) {
      const { id: attemptId } = store.runs.startAttempt(run, { taskId: taskId(id), item: null }, NOON);
      store.runs.finishAttempt(attemptId, ATTEMPT_FAILED, { now: NOON, retryAt: NOON });
      store.runs.startAttempt(run, { taskId: taskId(id), item: null }, NOON);
    }
    expect(store.runs.listAttempts(run.id).map(({ taskId: id, attempt }) => `${id}${attempt}`)).toEqual([
      "b1",
      "b2",
      "a1",
      "a2",
    ]);
  });
});

describe("idempotency keys", () => {
  const DAY = 24 * 3_600_000;

  test("return the run that they were stored with, for a day", () => {
    using store = memoryStore();
    const run = startRun(store, { idempotency: { key: "k", request: "r" } });
    expect(store.runs.findIdempotencyKey("k", NOON)).toEqual({ runId: run.id, request: "r" });
    expect(store.runs.findIdempotencyKey("other", NOON)).toBeNull();
    expect(store.runs.findIdempotencyKey("k", NOON + DAY - 1)).not.toBeNull();
    expect(store.runs.findIdempotencyKey("k", NOON + DAY)).toBeNull();
    const next = startRun(store, { now: NOON + DAY, idempotency: { key: "k", request: "r" } });
    expect(store.runs.findIdempotencyKey("k", NOON + DAY)?.runId).toBe(next.id);
  });

  test("are unique: a second run with the same key is not stored", () => {
    using store = memoryStore();
    startRun(store, { idempotency: { key: "k", request: "r" } });
    expect(() => startRun(store, { idempotency: { key: "k", request: "r" } })).toThrow("UNIQUE constraint failed");
    expect(store.runs.list({ limit: 9 })).toHaveLength(1);
  });
});
