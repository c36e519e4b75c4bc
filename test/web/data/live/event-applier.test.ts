import "../../../support/web/globals.ts";
import { afterEach, describe, expect, test } from "bun:test";
import { QueryClient, QueryObserver } from "@tanstack/react-query";
import type { LiveEvent } from "../../../../src/client/live-event.ts";
import { EventApplier } from "../../../../src/web/data/live/event-applier.ts";
import type { JobSummary } from "../../../../src/web/data/shapes.ts";

const started = (run: number, job = "hello"): LiveEvent => ({
  type: "run.started",
  seq: run,
  at: 1_000 + run,
  job_id: job,
  run_id: `run-${run}`,
  status: "running",
});

const finished = (run: number, job = "hello"): LiveEvent => ({
  ...started(run, job),
  type: "run.finished",
  at: 2_000 + run,
  status: "failed",
});

/** A query of a view whose fetch ends when the test resolves it. */
const watched = (client: QueryClient, queryKey: readonly unknown[]) => {
  const asked: PromiseWithResolvers<unknown>[] = [];
  const waiting: (() => void)[] = [];
  const observer = new QueryObserver(client, {
    queryKey,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
    queryFn: () => {
      const answer = Promise.withResolvers<unknown>();
      asked.push(answer);
      for (const tell of waiting.splice(0)) tell();
      return answer.promise;
    },
  });
  open.push(observer.subscribe(() => {}));
  return {
    asked,
    data: (): unknown => client.getQueryData(queryKey),
    askedTimes: async (count: number): Promise<void> => {
      while (asked.length < count) await new Promise<void>((resolve) => waiting.push(resolve));
    },
    answer: async (index: number, data: unknown): Promise<void> => {
      asked[index]?.resolve(data);
      await until(client, queryKey, data);
    },
  };
};

const until = (client: QueryClient, queryKey: readonly unknown[], data: unknown): Promise<void> =>
  new Promise((resolve) => {
    const check = (): void => {
      if (JSON.stringify(client.getQueryData(queryKey)) !== JSON.stringify(data)) return;
      leave();
      resolve();
    };
    const leave = client.getQueryCache().subscribe(check);
    check();
  });

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

const setUp = () => {
  const client = new QueryClient();
  open.push(() => client.clear());
  return { client, applier: new EventApplier(client) };
};

describe("what needs attention", () => {
  const ended = (taskId: string): LiveEvent => ({
    type: "task.finished",
    seq: 2,
    at: 2,
    run_id: "run-1",
    task_id: taskId,
  });

  test("is stale when a task begins or ends to wait for approval, and not for other tasks", () => {
    const { client, applier } = setUp();
    const isStaleAfter = (event: LiveEvent): boolean => {
      client.setQueryData(["attention"], { items: [{ kind: "approval_needed", run_id: "run-1", task_id: "check" }] });
      applier.apply([event]);
      return client.getQueryState(["attention"])?.isInvalidated ?? false;
    };
    expect(isStaleAfter({ ...ended("check"), type: "approval" })).toBe(true);
    expect(isStaleAfter(ended("check"))).toBe(true);
    expect(isStaleAfter(ended("other"))).toBe(false);
  });
});

describe("a query that an event makes stale", () => {
  test("is refetched once for many events", async () => {
    const { client, applier } = setUp();
    const runs = watched(client, ["runs", {}]);
    await runs.answer(0, { count: 0, runs: [] });
    applier.apply(Array.from({ length: 60 }, (_, run) => started(run)));
    await runs.askedTimes(2);
    await runs.answer(1, { count: 1, runs: [1] });
    expect(runs.asked).toHaveLength(2);
  });

  test("is refetched again if it was being fetched when the event arrived", async () => {
    const { client, applier } = setUp();
    const run = watched(client, ["run", "run-1"]);
    applier.apply([finished(1)]);
    await run.answer(0, "read before the event");
    await run.askedTimes(2);
    await run.answer(1, "read after it");
    expect(run.data()).toBe("read after it");
  });

  test("belongs to the run and the job of the event", async () => {
    const { client, applier } = setUp();
    const [mine, other] = [watched(client, ["run", "run-1"]), watched(client, ["run", "run-2"])];
    await Promise.all([mine.answer(0, "mine"), other.answer(0, "other")]);
    applier.apply([finished(1)]);
    await mine.askedTimes(2);
    expect(other.asked).toHaveLength(1);
  });

  test("is only marked as stale if no view uses it", async () => {
    const { client, applier } = setUp();
    client.setQueryData(["job", "hello"], "old");
    applier.apply([started(1)]);
    const [job] = client.getQueryCache().findAll({ queryKey: ["job"] });
    expect([job?.state.isInvalidated, job?.state.fetchStatus]).toEqual([true, "idle"]);
  });
});

describe("a list of jobs", () => {
  const job = (id: string): JobSummary => ({
    id,
    name: id,
    description: null,
    enabled: true,
    scheduled: false,
    schedule: null,
    timezone: null,
    next_run_at: null,
    next_start_at: null,
    jitter_ms: null,
    has_except: false,
    not_run_as_expected: null,
    formerly: [],
    last_run: null,
    tags: [],
    paused: false,
    paused_at: null,
    paused_by: null,
    gone: false,
    gone_at: null,
    running: 0,
    waiting: {},
    task_count: 1,
    recent_runs: [],
  });

  test("follows each run of its jobs, and keeps its other data", async () => {
    const { client, applier } = setUp();
    const jobs = watched(client, ["jobs-with-runs"]);
    await jobs.answer(0, { jobs: [job("hello"), job("other")], count: 2 });
    const read = () => client.getQueryData<{ readonly jobs: readonly JobSummary[] }>(["jobs-with-runs"])?.jobs;
    const other = read()?.[1];
    applier.apply([started(1), started(2)]);
    expect(read()?.[0]).toMatchObject({ running: 2, last_run: { id: "run-2", status: "running", started_at: 1_002 } });
    applier.apply([finished(2)]);
    expect(read()?.[0]).toMatchObject({
      running: 1,
      last_run: { id: "run-2", status: "failed", ended_at: 2_002, duration_ms: 1_000 },
      recent_runs: [
        { id: "run-1", status: "running", duration_ms: null },
        { id: "run-2", status: "failed", duration_ms: 1_000 },
      ],
    });
    expect(read()?.[1]).toBe(other);
  });

  test("is refetched only after a reload of the job files", async () => {
    const { client, applier } = setUp();
    const [jobs, withRuns] = [watched(client, ["jobs"]), watched(client, ["jobs-with-runs"])];
    await Promise.all([jobs.answer(0, { jobs: [], count: 0 }), withRuns.answer(0, { jobs: [], count: 0 })]);
    applier.apply([finished(1)]);
    await jobs.askedTimes(2);
    await jobs.answer(1, { jobs: [], count: 0 });
    expect(withRuns.asked).toHaveLength(1);
    applier.apply([{ type: "jobs.reloaded", seq: 9, at: 9 }]);
    await withRuns.askedTimes(2);
  });

  test("computes its statistics from the runs that it shows", async () => {
    const { client, applier } = setUp();
    const jobs = watched(client, ["jobs-with-runs"]);
    await jobs.answer(0, { jobs: [job("hello")], count: 1 });
    applier.apply([started(1), { ...finished(1), status: "completed" }, started(2), finished(2)]);
    const list = client.getQueryData<{ readonly jobs: readonly JobSummary[] }>(["jobs-with-runs"]);
    expect(list?.jobs[0]).toMatchObject({ success_rate: 0.5, usual_duration_ms: 1_000 });
  });

  test("keeps at most 30 runs per job", async () => {
    const { client, applier } = setUp();
    const jobs = watched(client, ["jobs-with-runs"]);
    await jobs.answer(0, { jobs: [job("hello")], count: 1 });
    applier.apply(Array.from({ length: 500 }, (_, run) => started(run)));
    const list = client.getQueryData<{ readonly jobs: readonly JobSummary[] }>(["jobs-with-runs"]);
    expect(list?.jobs[0]?.recent_runs).toHaveLength(30);
  });
});
