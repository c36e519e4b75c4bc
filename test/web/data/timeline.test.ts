import { describe, expect, test } from "bun:test";
import { compactTimelineBody } from "../../../src/api/shapes/timeline/compact.ts";
import { timelineBody } from "../../../src/api/shapes/timeline/timeline.ts";
import type { TimelineRow } from "../../../src/api/timeline/timeline.ts";
import type { JobId, RunId } from "../../../src/domain/ids.ts";
import { timelineOf } from "../../../src/web/data/timeline.ts";

const FROM = 1_800_000_000_000;
const HEAD = { from: FROM, to: FROM + 3_600_000, now: FROM + 1_800_000, bins: 60 };

const bar = (startedAt: number, endedAt: number | null, status: "completed" | "failed" | "running", count = 1) => ({
  firstBin: 0,
  lastBin: 0,
  count,
  failures: status === "failed" ? 1 : 0,
  successes: status === "completed" ? count : 0,
  startedAt,
  endedAt,
  worst: {
    id: `019b76da-a800-7c3e-8f2b-${(startedAt - FROM + 5_000).toString(16).padStart(12, "0")}` as RunId,
    status,
    trigger: "schedule" as const,
    weight: 0,
  },
});

const ROW: TimelineRow = {
  jobId: "load" as JobId,
  job: null,
  bars: [
    bar(FROM - 700, FROM + 90, "completed"),
    bar(FROM + 100, FROM + 140, "failed"),
    bar(FROM + 200, FROM + 900, "failed", 7),
    bar(FROM + 250, null, "running"),
    bar(FROM + 300, FROM + 300, "completed"),
  ],
  marks: [
    { jobId: "load" as JobId, outcome: "skipped", reason: "paused", firstAt: FROM + 10, lastAt: FROM + 20, count: 3 },
    { jobId: "load" as JobId, outcome: "missed", reason: "down", firstAt: FROM + 30, lastAt: FROM + 30, count: 1 },
    { jobId: "load" as JobId, outcome: "skipped", reason: "paused", firstAt: FROM + 40, lastAt: FROM + 90, count: 2 },
  ],
  deliveries: [
    { jobId: "load" as JobId, outcome: "waiting", reason: "paused", firstAt: FROM + 5, lastAt: FROM + 25, count: 2 },
    { jobId: "load" as JobId, outcome: "skipped", reason: "paused", firstAt: FROM + 35, lastAt: FROM + 35, count: 1 },
  ],
  due: [FROM + 60_000, FROM + 120_000, FROM + 180_000, FROM + 181_000],
  hasMoreDue: true,
};

describe("the compact timeline", () => {
  test("stands for the same as the timeline", () => {
    const read = timelineOf(compactTimelineBody(HEAD, { rows: [ROW], count: 1 }, () => "approval"));
    const { jobs, ...head } = timelineBody(HEAD, [ROW]);
    expect(read).toMatchObject(head);
    const [row] = read.jobs;
    const [expected] = jobs;
    if (row === undefined || expected === undefined) throw new Error("a row is missing");
    const ended = expected.bars.filter(({ ended_at }) => ended_at !== null);
    const open = expected.bars.filter(({ ended_at }) => ended_at === null);
    const { deliveries = [], marks, ...others } = expected;
    expect(row).toEqual({
      ...others,
      marks: [
        ...marks.map((mark) => ({ of: "occurrence" as const, ...mark })),
        ...deliveries.map((mark) => ({ of: "event" as const, ...mark })),
      ].sort((a, b) => a.at - b.at),
      bars: [
        ...open.map(({ trigger: _, ...each }) => ({ ...each, waiting_for: "approval" as const })),
        ...ended.map(({ trigger: _, run_id, ...each }) => ({ ...each, run_id: run_id.slice(-8) })),
      ],
    });
  });

  test("has few bytes for what repeats", () => {
    const bars = Array.from({ length: 500 }, (_, at) =>
      bar(FROM + at * 60_000, FROM + at * 60_000 + 1_500, "completed"),
    );
    const due = Array.from({ length: 500 }, (_, at) => FROM + at * 60_000);
    const rows = [{ ...ROW, bars, due }];
    const size = (value: unknown): number => JSON.stringify(value).length;
    expect(size(compactTimelineBody(HEAD, { rows, count: rows.length }, () => null))).toBeLessThan(
      size(timelineBody(HEAD, rows)) / 7,
    );
  });
});
