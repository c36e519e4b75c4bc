import { t } from "elysia";
import type { DurationChange } from "../../../domain/durations/change.ts";
import { dateOf } from "../../../domain/durations/day.ts";
import { countOf, quantileOf } from "../../../domain/durations/histogram.ts";
import type { DayOfRuns } from "../../../store/durations.ts";
import { exactly, integer, nullable } from "../schemas.ts";

export const DurationChangeBody = exactly(
  {
    recent_ms: integer({ minimum: 0, description: "Median duration in ms of the completed runs of the later period" }),
    before_ms: integer({ minimum: 0, description: "The same of the period before" }),
    recent_runs: integer({ minimum: 1, description: "Number of completed runs of the later period" }),
    before_runs: integer({ minimum: 1, description: "The same of the period before" }),
  },
  { title: "DurationChange", description: "How the usual duration of a job changed" },
);

export const durationChangeBody = (change: DurationChange): typeof DurationChangeBody.static => ({
  recent_ms: change.recentMs,
  before_ms: change.beforeMs,
  recent_runs: change.recentRuns,
  before_runs: change.beforeRuns,
});

const DateText = t.String({ description: "Date in the time zone of the answer", examples: ["2026-03-08"] });

const quantile = (which: string) =>
  nullable(integer({ minimum: 0 }), `${which} in ms of the completed runs, to within 2 %; null if none completed`);

const DayBody = exactly(
  {
    date: DateText,
    completed: integer({ minimum: 0, description: "Number of completed runs" }),
    failed: integer({ minimum: 0, description: "Number of runs that failed or were interrupted" }),
    cancelled: integer({ minimum: 0, description: "Number of cancelled runs" }),
    p50_ms: quantile("Median duration"),
    p95_ms: quantile("Duration that 95 % of them did not exceed,"),
  },
  { title: "DayOfRuns", description: "The runs of a job that ended on a day" },
);

export const DurationsBody = exactly(
  {
    timezone: t.String({ description: "Time zone of the days: the `timezone` setting, or that of the system" }),
    from: t.String({ description: "First date of the period" }),
    to: t.String({ description: "Last date of the period: today" }),
    complete: t.Boolean({
      description: "False for some seconds after an upgrade, while petit counts the runs of earlier versions",
    }),
    days: t.Array(DayBody, { description: "Days with runs, oldest first" }),
  },
  { title: "Durations", description: "The durations of a job by day" },
);

type DurationsFrame = {
  readonly from: number;
  readonly to: number;
  readonly timezone: string;
  readonly isComplete: boolean;
};

export const durationsBody = (
  days: readonly DayOfRuns[],
  { from, to, timezone, isComplete }: DurationsFrame,
): typeof DurationsBody.static => ({
  timezone,
  from: dateOf(from),
  to: dateOf(to),
  complete: isComplete,
  days: days.map(dayBody),
});

const dayBody = ({ day, completed, failed, cancelled }: DayOfRuns): typeof DayBody.static => ({
  date: dateOf(day),
  completed: countOf(completed),
  failed,
  cancelled,
  p50_ms: quantileOf(completed, 0.5),
  p95_ms: quantileOf(completed, 0.95),
});
