import { describe, expect, test } from "bun:test";
import { progressOf } from "../../../../src/web/data/run-statistics.ts";
import type { TimelineJob } from "../../../../src/web/data/timeline.ts";
import { adjacentItem, itemAt, rowItems, rowSummary } from "../../../../src/web/now/timeline/row-items.ts";
import { barPaths, barSides, MIN_BAR_PX, markPath } from "../../../../src/web/now/timeline/row-shapes.ts";

const NOW = 1_000_000;
/** 1 px per second; 0 px is at 900,000 ms. */
const SCALE = { originMs: 900_000, pxPerMs: 1 / 1000 };

const bar = (more: Partial<TimelineJob["bars"][number]>) => ({
  run_id: "019b76da-a800-7c3e-8f2b-5d1c9a7e4f60",
  status: "completed" as const,
  trigger: "manual" as const,
  started_at: 910_000,
  ended_at: 920_000,
  count: 1,
  failures: 0,
  successes: 0,
  ...more,
});

const ROW: TimelineJob = {
  job_id: "hello",
  name: "Hello",
  enabled: true,
  scheduled: true,
  removed: false,
  bars: [bar({}), bar({ run_id: "open", status: "running", started_at: 990_000, ended_at: null })],
  marks: [{ of: "occurrence", outcome: "skipped", reason: "overlap", at: 950_000, until: 960_000, count: 3 }],
  due: [NOW - 1, NOW + 60_000],
  more_due: false,
};

describe("a row of the timeline", () => {
  test("draws a bar as long as its run, with a minimum width", () => {
    expect(barSides(bar({}), SCALE, NOW)).toEqual({ left: 10, right: 20 });
    expect(barSides(bar({ ended_at: 910_001 }), SCALE, NOW)).toEqual({ left: 10, right: 10 + MIN_BAR_PX });
    expect(barSides(bar({ ended_at: null }), SCALE, NOW).right).toBe(100);
  });

  test("draws each status with a different height, and several runs with a smaller one", () => {
    const pathOf = (more: Parameters<typeof bar>[0]) => barPaths([bar(more)], SCALE, NOW)[0]?.path;
    expect(pathOf({})).toBe("M10.0 9H20.0V19H10.0z");
    expect(pathOf({ status: "failed", failures: 1 })).toBe("M10.0 3H20.0V25H10.0z");
    expect(pathOf({ count: 2 })).toBe("M10.0 12H20.0V16H10.0z");
    const heights = (["completed", "failed", "cancelled", "interrupted"] as const).map((status) =>
      pathOf({ status, failures: status === "failed" ? 1 : 0 })?.replaceAll(/H[\d.]+/g, ""),
    );
    expect(new Set(heights).size).toBe(4);
    expect(barPaths(ROW.bars, SCALE, NOW).map(({ status }) => status)).toEqual(["running", "completed"]);
  });

  test("describes its items in chronological order, without past due times", () => {
    const items = rowItems(ROW, SCALE, NOW);
    expect(items.map(({ text }) => text.split("\n")[0])).toEqual([
      "completed in 10.0 s",
      "3 occurrences skipped: an earlier run was still running",
      "1 run running for 10 s",
      "due in 1m 00s",
    ]);
    expect(items.map(({ href }) => href)).toEqual([
      "/runs/019b76da-a800-7c3e-8f2b-5d1c9a7e4f60",
      "/jobs/hello",
      "/runs/open",
      null,
    ]);
    const [many] = rowItems(
      { ...ROW, bars: [bar({ count: 4, status: "interrupted" })], marks: [], due: [] },
      SCALE,
      NOW,
    );
    expect([many?.text.split("\n")[0], many?.href]).toEqual(["4 runs, at worst interrupted", "/runs?job=hello"]);
  });

  test("draws the share of failures of several runs, from the bottom", () => {
    const partsOf = (failures: number, successes: number, count = 50) =>
      barPaths([bar({ status: "failed", count, failures, successes })], SCALE, NOW);
    const part = (status: string, top: number, bottom: number) => ({
      status: status as never,
      path: `M10.0 ${top}H20.0V${bottom}H10.0z`,
    });
    expect(partsOf(1, 49)).toEqual([part("completed", 6, 20), part("failed", 20, 22)]);
    expect(partsOf(25, 25)).toEqual([part("completed", 6, 14), part("failed", 14, 22)]);
    expect(partsOf(49, 1)).toEqual([part("completed", 6, 7), part("failed", 7, 22)]);
    expect(partsOf(50, 0)).toEqual([part("failed", 6, 22)]);
    expect(partsOf(1, 10)).toContainEqual(part("cancelled", 6, 20));
  });

  test.each([
    [{ status: "failed" as const, failures: 1, successes: 48 }, "1 of 50 runs failed, 48 completed"],
    [{ status: "failed" as const, failures: 50, successes: 0 }, "50 runs, all failed"],
    [{ status: "completed" as const, failures: 0, successes: 50 }, "50 runs, all completed"],
    [{ status: "cancelled" as const, failures: 0, successes: 49 }, "50 runs, at worst cancelled"],
  ])("says how many of several runs failed: %p", (results, text) => {
    const row = { ...ROW, bars: [bar({ count: 50, ...results })], marks: [], due: [] };
    expect(rowItems(row, SCALE, NOW)[0]?.text.split("\n")[0]).toBe(text);
  });

  test("describes events without a run, and leads to them", () => {
    const at = { at: 950_000, until: 950_000 };
    const marks = [
      { of: "event", outcome: "skipped", reason: "event", ...at, count: 1 },
      { of: "event", outcome: "waiting", reason: "paused", ...at, count: 2 },
    ] as const;
    const row = { ...ROW, bars: [], marks, due: [] };
    expect(rowItems(row, SCALE, NOW).map(({ text, href }) => [text.split("\n")[0], href])).toEqual([
      ["event skipped: the trigger has no such type of event", "/jobs/hello#events"],
      ["2 events waiting: the scheduler or the job is paused", "/jobs/hello#events"],
    ]);
    expect(rowSummary(row, NOW)).toBe(
      "0 runs; 1 event skipped, the trigger has no such type of event; 2 events waiting, the scheduler or the job is paused",
    );
    expect(new Set(marks.map((mark) => markPath(mark, SCALE))).size).toBe(2);
  });

  test("finds the item at a position, and the items beside it", () => {
    const items = rowItems(ROW, SCALE, NOW);
    const [first, mark, open, due] = items;
    expect(itemAt(items, 15)).toBe(first ?? null);
    expect(itemAt(items, 23)).toBe(first ?? null);
    expect(itemAt(items, 52)).toBe(mark ?? null);
    expect(itemAt(items, 35)).toBeNull();
    const under = rowItems({ ...ROW, bars: [bar({ started_at: 951_000, ended_at: 960_000 })] }, SCALE, NOW);
    expect(itemAt(under, 52)?.text).toMatch(/skipped/);
    expect(itemAt(under, 58)?.text).toMatch(/completed/);
    expect(adjacentItem(items, null, 1, NOW)).toBe(open ?? null);
    expect(adjacentItem(items, open?.key ?? "", 1, NOW)).toBe(due ?? null);
    expect(adjacentItem(items, due?.key ?? "", 1, NOW)).toBe(due ?? null);
    expect(adjacentItem(items, open?.key ?? "", -1, NOW)).toBe(mark ?? null);
    expect(adjacentItem([], null, 1, NOW)).toBeNull();
  });

  test("has a summary for screen readers", () => {
    expect(rowSummary({ ...ROW, due: [] }, NOW)).toBe(
      "2 runs; some running; 3 skipped, an earlier run was still running",
    );
    const failing = [bar({ count: 50, failures: 2 }), bar({ status: "failed", failures: 1 })];
    expect(rowSummary({ ...ROW, bars: failing, marks: [], due: [] }, NOW)).toBe("51 runs; 3 failed");
    expect(rowSummary({ ...ROW, bars: [], marks: [], due: [], enabled: false }, NOW)).toBe("0 runs; disabled");
  });
});

describe("the progress of a run", () => {
  test("is a share of the usual duration, until the run exceeds it", () => {
    expect(progressOf(5_000, 20_000)).toEqual({ share: 0.25, text: "5 s of about 20 s" });
    expect(progressOf(25_000, 20_000)).toEqual({ share: null, text: "25 s, usually 20 s" });
    expect(progressOf(0, 0).share).toBeNull();
  });
});
