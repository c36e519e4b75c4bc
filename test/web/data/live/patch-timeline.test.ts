import "../../../support/web/globals.ts";
import { describe, expect, test } from "bun:test";
import { QueryClient, QueryObserver } from "@tanstack/react-query";
import type { LiveEvent } from "../../../../src/client/live-event.ts";
import { patchTimeline } from "../../../../src/web/data/live/patch-timeline.ts";
import type { TimelineData } from "../../../../src/web/data/timeline.ts";

const KEY = ["timeline", { from: 0, to: 100_000 }];

const timeline = (): TimelineData => ({
  from: 0,
  to: 100_000,
  now: 50_000,
  bin_ms: 1_000,
  count: 2,
  jobs: ["a", "b"].map((job_id) => ({
    job_id,
    name: job_id,
    enabled: true,
    scheduled: true,
    removed: false,
    bars: [],
    marks: [],
    due: [],
    more_due: false,
  })),
});

const event = (type: LiveEvent["type"], at: number, more: Partial<LiveEvent> = {}): LiveEvent => ({
  type,
  seq: at,
  at,
  job_id: "a",
  run_id: "r",
  ...more,
});

/** Returns an active timeline after these events. */
const after = (...events: readonly LiveEvent[]): TimelineData => {
  const client = new QueryClient();
  client.setQueryData(KEY, timeline(), { updatedAt: 7 });
  const unsubscribe = new QueryObserver(client, { queryKey: KEY, enabled: true, staleTime: Infinity }).subscribe(
    () => {},
  );
  patchTimeline(client, events);
  const patched = client.getQueryData<TimelineData>(KEY);
  expect(client.getQueryState(KEY)?.dataUpdatedAt).toBe(7);
  unsubscribe();
  client.clear();
  if (patched === undefined) throw new Error("it is gone");
  return patched;
};

const barsOf = ({ jobs }: TimelineData) =>
  jobs[0]?.bars.map(({ run_id, status, started_at, ended_at, count }) => [run_id, status, started_at, ended_at, count]);

const started = (at: number, run_id = "r") => event("run.started", at, { run_id });
const finished = (at: number, run_id = "r", status = "completed") => event("run.finished", at, { run_id, status });

describe("an active timeline", () => {
  test("adds a bar when a run starts, and ends it with the run", () => {
    expect(barsOf(after(started(5_000)))).toEqual([["r", "running", 5_000, null, 1]]);
    expect(barsOf(after(started(5_000), started(5_000)))?.length).toBe(1);
    expect(barsOf(after(started(5_000), finished(9_500, "r", "failed")))).toEqual([["r", "failed", 5_000, 9_500, 1]]);
    expect(barsOf(after(finished(9_500)))).toEqual([]);
  });

  test("merges runs in the same bin, and shows the worst status", () => {
    const both = after(started(5_000), finished(5_400, "r", "failed"), started(5_500, "s"), finished(5_900, "s"));
    expect(barsOf(both)).toEqual([["r", "failed", 5_000, 5_900, 2]]);
    const apart = after(started(5_000), finished(5_400), started(6_500, "s"), finished(6_900, "s"));
    expect(barsOf(apart)?.length).toBe(2);
  });

  test("counts the failed and completed runs of a bar", () => {
    const counts = (timeline: TimelineData) =>
      timeline.jobs[0]?.bars.map(({ failures, successes }) => [failures, successes]);
    expect(counts(after(started(5_000)))).toEqual([[0, 0]]);
    const first = [started(5_000), finished(5_400, "r", "failed"), started(5_500, "s"), finished(5_600, "s")];
    expect(counts(after(...first))).toEqual([[1, 1]]);
    const more = [started(5_600, "t"), finished(5_700, "t", "cancelled"), started(5_800, "u"), finished(5_900, "u")];
    expect(counts(after(...first, ...more))).toEqual([[1, 2]]);
  });

  test("does not grow without limit", () => {
    const events = Array.from({ length: 5_000 }, (_, at) => [
      started(at * 10, `r${at}`),
      finished(at * 10 + 5, `r${at}`),
    ]);
    expect(barsOf(after(...events.flat()))?.length).toBe(50);
  });

  test("keeps the other rows", () => {
    const client = new QueryClient();
    const before = timeline();
    client.setQueryData(KEY, before);
    const unsubscribe = new QueryObserver(client, { queryKey: KEY, staleTime: Infinity }).subscribe(() => {});
    patchTimeline(client, [started(5_000), event("occurrence", 5_000)]);
    const patched = client.getQueryData<TimelineData>(KEY);
    expect(patched?.jobs[1]).toBe(before.jobs[1] as never);
    expect(patched?.jobs[0]).not.toBe(before.jobs[0] as never);
    patchTimeline(client, [event("occurrence", 6_000)]);
    expect(client.getQueryData<TimelineData>(KEY)).toBe(patched as never);
    unsubscribe();
    client.clear();
  });
});
