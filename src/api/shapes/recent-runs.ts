import { t } from "elysia";
import type { Job } from "../../domain/job.ts";
import { durationMs, TRIGGERS } from "../../domain/run.ts";
import type { RecentRun } from "../../store/runs/timeline.ts";
import { RunStatusWord } from "./run.ts";
import { durationOrNull, exactly, instantOrNull, integer, nullable, RunIdText, word } from "./schemas.ts";
import { successRate } from "./stats.ts";

const RecentRunBody = exactly(
  {
    id: RunIdText,
    status: RunStatusWord,
    trigger: word(TRIGGERS, "How the run was started"),
    started_at: instantOrNull("When the run started"),
    duration_ms: durationOrNull,
  },
  { title: "RecentRun", description: "One of the newest runs of a job" },
);

/** Fields of a job that a request with `recent` adds. */
export const recentFields = {
  recent_runs: t.Optional(t.Array(RecentRunBody, { description: "The newest runs, the newest last" })),
  success_rate: t.Optional(
    nullable(
      t.Number({ minimum: 0, maximum: 1 }),
      "Share of completed runs among those that ended and were not cancelled; null if there is none",
    ),
  ),
  usual_duration_ms: t.Optional(
    nullable(integer({ minimum: 0 }), "Median duration of the completed runs in ms; null if there is none"),
  ),
  has_params: t.Optional(t.Boolean({ description: "True if the job has params" })),
  needs_params: t.Optional(t.Boolean({ description: "True if a param is required" })),
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

/** Returns the median; of an even number of durations, the lower of the two in the middle. */
const usualDuration = (runs: readonly RecentRun[]): number | null => {
  const durations = runs.flatMap(({ status, startedAt, endedAt }) =>
    status === "completed" ? (durationMs(startedAt, endedAt) ?? []) : [],
  );
  return durations.sort((a, b) => a - b)[(durations.length - 1) >> 1] ?? null;
};
