import { OCCURRENCE_REASON_TEXT } from "../../domain/words/schedule/occurrence.ts";
import { assertNever } from "../../lib/never.ts";
import type { GateFacts, JobBody, OccurrenceFacts } from "./facts.ts";
import { whyShutAt } from "./gate.ts";
import type { JobFacts } from "./job-facts.ts";

/** Returns the outcome of an occurrence and its reason, such as `skipped: the scheduler or the job was paused`. */
export const explainOccurrence = (occurrence: OccurrenceFacts, facts: Pick<JobFacts, "job" | "gates">): string => {
  const { outcome } = occurrence;
  switch (outcome) {
    case "fired":
      return firedText(occurrence);
    case "skipped":
    case "missed":
      return `${outcome}: ${reasonOf(occurrence, facts)}${againText(occurrence)}`;
    case "due":
      return "due";
    default:
      return assertNever(outcome);
  }
};

const firedText = (occurrence: OccurrenceFacts): string => {
  const { run_id, backfill_run_id } = occurrence;
  if (run_id === null) return `fired; its run was deleted by retention${againText(occurrence)}`;
  return run_id === backfill_run_id
    ? `run by a backfill: run ${run_id}`
    : `fired: run ${run_id}${againText(occurrence)}`;
};

const againText = ({ backfill_run_id }: OccurrenceFacts): string =>
  backfill_run_id === undefined ? "" : `; a backfill ran it: run ${backfill_run_id}`;

const reasonOf = (occurrence: OccurrenceFacts, { job, gates }: Pick<JobFacts, "job" | "gates">): string => {
  const { reason } = occurrence;
  switch (reason) {
    case "dependency":
      return dependencyReason(occurrence, gates);
    case "overlap":
      return `${OCCURRENCE_REASON_TEXT.overlap}${limitNote(job)}, and on_overlap is skip`;
    case null:
      return "the reason is unknown";
    default:
      return OCCURRENCE_REASON_TEXT[reason];
  }
};

const limitNote = ({ max_concurrency }: JobBody): string =>
  max_concurrency === null ? "" : ` (max_concurrency is ${max_concurrency})`;

const dependencyReason = ({ scheduled_for }: OccurrenceFacts, gates: readonly GateFacts[]): string => {
  const shut = gates.map((gate) => whyShutAt(gate, scheduled_for)).filter((each) => each !== null);
  if (shut.length > 0) return `a gate was shut: ${shut.join("; ")}`;
  const names = gates.map(({ gate }) => `'${gate.job_id}' (${gate.condition})`).join(", ");
  return names === "" ? OCCURRENCE_REASON_TEXT.dependency : `${OCCURRENCE_REASON_TEXT.dependency}, one of ${names}`;
};
