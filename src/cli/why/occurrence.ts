import { OCCURRENCE_REASON_TEXT } from "../../domain/words/occurrence.ts";
import { assertNever } from "../../lib/never.ts";
import { shutThen } from "./gate.ts";
import type { Gate, JobBody, Occurrence } from "./material.ts";

type Known = { readonly job: JobBody; readonly gates: readonly Gate[] };

/** What became of an occurrence and why, as the rest of a sentence that begins with its time. */
export const explain = (occurrence: Occurrence, known: Known): string => {
  const { outcome } = occurrence;
  switch (outcome) {
    case "fired":
      return occurrence.run_id === null ? "fired; its run is not kept any more" : `fired: run ${occurrence.run_id}`;
    case "skipped":
    case "missed":
      return `${outcome}: ${reasonOf(occurrence, known)}`;
    case "due":
      return "due";
    default:
      return assertNever(outcome);
  }
};

const reasonOf = (occurrence: Occurrence, { job, gates }: Known): string => {
  const { reason } = occurrence;
  switch (reason) {
    case "dependency":
      return dependencyReason(occurrence, gates);
    case "overlap":
      return `${OCCURRENCE_REASON_TEXT.overlap}${atMost(job)}, and its on_overlap was skip`;
    case null:
      return "the reason is unknown";
    default:
      return OCCURRENCE_REASON_TEXT[reason];
  }
};

const atMost = ({ max_concurrency }: JobBody): string =>
  max_concurrency === null ? "" : ` (max_concurrency is ${max_concurrency})`;

const dependencyReason = ({ scheduled_for }: Occurrence, gates: readonly Gate[]): string => {
  const shut = gates.map((gate) => shutThen(gate, scheduled_for)).filter((each) => each !== null);
  if (shut.length > 0) return `a gate was shut: ${shut.join("; ")}`;
  const names = gates.map(({ gate }) => `'${gate.job_id}' (${gate.condition})`).join(", ");
  return names === "" ? "a gate on another job was shut" : `a gate on another job was shut: one on ${names}`;
};
