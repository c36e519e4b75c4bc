import { describe, expect, test } from "bun:test";
import { pageOf, readFilter, runsQueryFor } from "../../../src/web/runs/run-filter.ts";

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
    });
    expect(read("status=odd&trigger=odd")).toEqual({ status: null, trigger: null, job: "", before: "" });
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
