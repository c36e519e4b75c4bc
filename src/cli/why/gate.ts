import { shutGate, type Upstream } from "../../domain/dependency.ts";
import { parseJobId } from "../../domain/ids.ts";
import { shutGateText } from "../../domain/words/gate.ts";
import { formatDuration } from "../../lib/duration.ts";
import { assertNever } from "../../lib/never.ts";
import { type Gate, type Run, UPSTREAM_RUNS } from "./material.ts";

/** Why a gate is shut now, in the words of who refuses a trigger; null where it is open. */
export const shutNow = ({ gate, runs }: Gate, now: number): string | null => {
  const jobId = parseJobId(gate.job_id);
  if (runs === null || jobId === null) return `there is no job '${gate.job_id}' any more`;
  const { condition, window_ms: windowMs } = gate;
  const shut = shutGate({ jobId, condition, windowMs }, upstreamAt(runs, now), now);
  return shut === null ? null : shutGateText(shut);
};

/** Why a gate was shut at a time; null where it was open, or nobody can tell any more. */
export const shutThen = (known: Gate, at: number): string | null => {
  const { gate, runs } = known;
  if (runs === null || !reaches(runs, at) || shutNow(known, at) === null) return null;
  const { newest } = upstreamAt(runs, at);
  switch (gate.condition) {
    case "last_success":
    case "last_complete":
      return newest === null ? `'${gate.job_id}' had never run` : `the last run of '${gate.job_id}' ${PAST[newest]}`;
    case "within_window":
      return `'${gate.job_id}' had not completed in the last ${formatDuration(gate.window_ms ?? 0)}`;
    default:
      return assertNever(gate.condition);
  }
};

const PAST = {
  pending: "was waiting",
  running: "was going on",
  completed: "had completed",
  failed: "had failed",
  cancelled: "had been cancelled",
  interrupted: "had been interrupted",
} as const satisfies Record<Run["status"], string>;

/** Whether all that was before `at` can be told from these: they begin before it, or are all there are. */
const reaches = (runs: readonly Run[], at: number): boolean => {
  const oldest = runs.at(-1);
  return oldest === undefined || oldest.created_at <= at || runs.length < UPSTREAM_RUNS;
};

/** What was known of the other job at a time. */
const upstreamAt = (runs: readonly Run[], at: number): Upstream => {
  const before = runs.filter(({ created_at }) => created_at <= at);
  const ended = (run: Run): boolean => run.ended_at !== null && run.ended_at <= at;
  const [newest] = before;
  const completions = before.filter((run) => run.status === "completed" && ended(run)).map((run) => run.ended_at ?? 0);
  return {
    newest: newest === undefined ? null : ended(newest) ? newest.status : goingOn(newest, at),
    lastCompletedAt: completions.length === 0 ? null : Math.max(...completions),
  };
};

const goingOn = ({ started_at }: Run, at: number): "running" | "pending" =>
  started_at !== null && started_at <= at ? "running" : "pending";
