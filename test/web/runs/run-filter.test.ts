import { describe, expect, test } from "bun:test";
import { groupByJob, pageOf, readFilter, runsQueryFor } from "../../../src/web/runs/run-filter.ts";

const runs = (count: number, trigger: (index: number) => "manual" | "schedule") =>
  Array.from({ length: count }, (_, index) => ({ id: `run-${index}`, trigger: trigger(index) }));

describe("a page of runs", () => {
  test("is read from the URL, which may have unknown values", () => {
    const read = (query: string) => readFilter(new URLSearchParams(query));
    expect(read("status=failed&trigger=retry&job=a&before=b")).toEqual({
      status: "failed",
      trigger: "retry",
      job: "a",
      before: "b",
      isGrouped: false,
      withinMs: null,
    });
    expect(read("status=odd&trigger=odd&group=odd&within=odd")).toEqual({
      status: null,
      trigger: null,
      job: "",
      before: "",
      isGrouped: false,
      withinMs: null,
    });
    expect(read("group=job&within=24h")).toMatchObject({ isGrouped: true, withinMs: 86_400_000 });
    expect(runsQueryFor(read("group=job")).limit).toBe(1_000);
    expect(runsQueryFor(read("status=failed&before=b"))).toEqual({ limit: 50, status: "failed", before: "b" });
    expect(runsQueryFor(read("trigger=manual")).limit).toBe(1_000);
  });

  test("has a next page if it is full", () => {
    const all = readFilter(new URLSearchParams());
    expect(
      pageOf(
        runs(50, () => "manual"),
        all,
      ),
    ).toMatchObject({ next: "run-49", searched: 50 });
    expect(
      pageOf(
        runs(49, () => "manual"),
        all,
      ).next,
    ).toBeNull();
    expect(pageOf([], all)).toEqual({ shown: [], next: null, searched: 0 });
  });

  test("with a trigger filter continues after the last run that was searched or shown", () => {
    const filter = readFilter(new URLSearchParams("trigger=manual"));
    const few = pageOf(
      runs(1_000, (index) => (index === 7 ? "manual" : "schedule")),
      filter,
    );
    expect([few.shown.length, few.next, few.searched]).toEqual([1, "run-999", 1_000]);
    const many = pageOf(
      runs(1_000, (index) => (index % 2 === 0 ? "manual" : "schedule")),
      filter,
    );
    expect([many.shown.length, many.next, many.searched]).toEqual([50, "run-98", 99]);
    expect(
      pageOf(
        runs(10, () => "schedule"),
        filter,
      ),
    ).toEqual({ shown: [], next: null, searched: 10 });
  });
});

describe("runs grouped by their jobs", () => {
  const run = (job_id: string, created_at: number, trigger: "manual" | "schedule" = "schedule") => ({
    id: `${job_id}-${created_at}`,
    job_id,
    created_at,
    trigger,
  });
  const all = [run("rare", 90), run("often", 80), run("often", 70, "manual"), run("often", 10)];
  const counts = (filter: Parameters<typeof groupByJob>[1]) =>
    groupByJob(all, filter, 100).map(({ jobId, runs: ofJob }) => [jobId, ofJob.length]);

  test("begin with the job that has the most runs", () => {
    expect(counts({ trigger: null, withinMs: null })).toEqual([
      ["often", 3],
      ["rare", 1],
    ]);
  });

  test("contain only runs of the time window and the trigger", () => {
    expect(counts({ trigger: null, withinMs: 25 })).toEqual([
      ["rare", 1],
      ["often", 1],
    ]);
    expect(counts({ trigger: "manual", withinMs: null })).toEqual([["often", 1]]);
  });
});
