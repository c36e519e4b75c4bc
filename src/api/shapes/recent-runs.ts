import { t } from "elysia";
import type { Job } from "../../domain/job.ts";
import { TRIGGERS } from "../../domain/run.ts";
import type { RecentRun } from "../../store/runs/timeline.ts";
import { durationMs, RunStatusWord } from "./run.ts";
import { durationOrNull, exactly, instantOrNull, integer, nullable, RunIdText, word } from "./schemas.ts";
import { successRate } from "./stats.ts";

const RecentRunBody = exactly(
  {
    id: RunIdText,
    status: RunStatusWord,
    trigger: word(TRIGGERS, "Why the run exists"),
    started_at: instantOrNull("When it started"),
    duration_ms: durationOrNull,
  },
  { title: "RecentRun", description: "One of the newest runs of a job" },
);

/** What a job has done lately, and what a trigger may have to give: only where `recent` asks for it. */
export const recentFields = {
  recent_runs: t.Optional(t.Array(RecentRunBody, { description: "Its newest runs, the newest last" })),
  success_rate: t.Optional(
    nullable(
      t.Number({ minimum: 0, maximum: 1 }),
      "Share of those runs that completed, of the ones that ended and were not cancelled; null where there is none",
    ),
  ),
  usual_duration_ms: t.Optional(
    nullable(integer({ minimum: 0 }), "Median of those runs that completed, in ms; null where there is none"),
  ),
  has_params: t.Optional(t.Boolean({ description: "Whether a trigger may pass params" })),
  needs_params: t.Optional(t.Boolean({ description: "Whether a trigger must pass some" })),
};

export const recentBody = (job: Job, runs: readonly RecentRun[]) => ({
  recent_runs: runs.map(recentRunBody),
  success_rate: successRateOf(runs),
  usual_duration_ms: usualDuration(runs),
  has_params: Object.keys(job.params).length > 0,
  needs_params: Object.values(job.params).some(({ required }) => required),
});

const recentRunBody = (run: RecentRun): typeof RecentRunBody.static => ({
  id: run.id,
  status: run.status,
  trigger: run.trigger,
  started_at: run.startedAt,
  duration_ms: durationMs(run.startedAt, run.endedAt),
});

const successRateOf = (runs: readonly RecentRun[]): number | null => {
  const count = (status: RecentRun["status"]): number => runs.filter((run) => run.status === status).length;
  return successRate({ completed: count("completed"), failed: count("failed"), interrupted: count("interrupted") });
};

/** The median; of an even number, the lower one of the two in the middle. */
const usualDuration = (runs: readonly RecentRun[]): number | null => {
  const durations = runs.flatMap(({ status, startedAt, endedAt }) =>
    status === "completed" ? (durationMs(startedAt, endedAt) ?? []) : [],
  );
  return durations.sort((a, b) => a - b)[(durations.length - 1) >> 1] ?? null;
};
