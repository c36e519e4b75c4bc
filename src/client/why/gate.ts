import { shutGate, type Upstream } from "../../domain/dependency.ts";
import { parseJobId } from "../../domain/ids.ts";
import { shutGateText } from "../../domain/words/gate.ts";
import { formatDuration } from "../../lib/duration.ts";
import { assertNever } from "../../lib/never.ts";
import { type GateFacts, type RunFacts, UPSTREAM_RUNS } from "./facts.ts";

/** Returns why a gate is shut now, as the refusal of a trigger would say it, or null if it is open. */
export const whyShutNow = ({ gate, runs }: GateFacts, now: number): string | null => {
  const jobId = parseJobId(gate.job_id);
  if (runs === null || jobId === null) return `job '${gate.job_id}' no longer exists`;
  const { condition, window_ms: windowMs } = gate;
  const shut = shutGate({ jobId, condition, windowMs }, upstreamAt(runs, now), now);
  return shut === null ? null : shutGateText(shut);
};

/** Returns why a gate was shut at a time, or null if it was open or the known runs don't reach back that far. */
export const whyShutAt = (facts: GateFacts, at: number): string | null => {
  const { gate, runs } = facts;
  if (runs === null || !reachesBackTo(runs, at) || whyShutNow(facts, at) === null) return null;
  const { newest } = upstreamAt(runs, at);
  switch (gate.condition) {
    case "last_success":
    case "last_complete":
      return newest === null
        ? `'${gate.job_id}' had never run`
        : `the last run of '${gate.job_id}' ${PAST_STATUS[newest]}`;
    case "within_window":
      return `'${gate.job_id}' had not completed in the last ${formatDuration(gate.window_ms ?? 0)}`;
    default:
      return assertNever(gate.condition);
  }
};

const PAST_STATUS = {
  pending: "was waiting",
  running: "was running",
  completed: "had completed",
  failed: "had failed",
  cancelled: "had been cancelled",
  interrupted: "had been interrupted",
} as const satisfies Record<RunFacts["status"], string>;

/** Returns whether the runs show the state at `at`: the oldest one is from before, or they are all runs of the job. */
const reachesBackTo = (runs: readonly RunFacts[], at: number): boolean => {
  const oldest = runs.at(-1);
  return oldest === undefined || oldest.created_at <= at || runs.length < UPSTREAM_RUNS;
};

/** Reconstructs the state of the other job at a time. */
const upstreamAt = (runs: readonly RunFacts[], at: number): Upstream => {
  const before = runs.filter(({ created_at }) => created_at <= at);
  const ended = (run: RunFacts): boolean => run.ended_at !== null && run.ended_at <= at;
  const [newest] = before;
  const completions = before.filter((run) => run.status === "completed" && ended(run)).map((run) => run.ended_at ?? 0);
  return {
    newest: newest === undefined ? null : ended(newest) ? newest.status : activeStatus(newest, at),
    lastCompletedAt: completions.length === 0 ? null : Math.max(...completions),
  };
};

const activeStatus = ({ started_at }: RunFacts, at: number): "running" | "pending" =>
  started_at !== null && started_at <= at ? "running" : "pending";
