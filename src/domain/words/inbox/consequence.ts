import { pluralize } from "../../../lib/text.ts";
import type { Consequence } from "../../inbox/consequence.ts";

/** Why something is the consequence of an entry, as a clause. */
export const CONSEQUENCE_TEXT = {
  gate: "a gate on the job is shut, so occurrences are skipped or runs wait",
  overlap: "the run has not ended, so occurrences are skipped",
  limit: "the run has the place that others wait for",
  child: "runs that started the run wait for its end",
  late: "runs are late by `warn_after`",
} as const satisfies Record<Consequence["reason"], string>;

type ConsequenceFacts = {
  readonly reason: Consequence["reason"];
  readonly job_id: string;
  readonly run_id: string | null;
  readonly count: number;
};

const NAMED = 3;

/**
 * Returns what an entry has kept from running, as clauses: of its own job how much, and the first of the other jobs. Empty if nothing. An
 * older petit does not say it.
 */
export const consequencesText = ({
  job_id: jobId,
  consequences = [],
  consequence_count: count = consequences.length,
}: {
  readonly job_id: string | null;
  readonly consequences?: readonly ConsequenceFacts[];
  readonly consequence_count?: number;
}): string => {
  const own = consequences.filter((each) => each.job_id === jobId).map(ownText);
  const others = [...new Set(consequences.map((each) => each.job_id).filter((id) => id !== jobId))];
  const more = others.length - NAMED + Math.max(0, count - consequences.length);
  const names = `${others.slice(0, NAMED).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
  return [...own, ...(others.length === 0 ? [] : [`therefore waiting: ${names}`])].join("; ");
};

const ownText = ({ reason, run_id: runId, count }: ConsequenceFacts): string => {
  if (reason === "late") return count === 1 ? "late" : `${pluralize(count, "run")} late`;
  return runId === null
    ? `${pluralize(count, "occurrence")} skipped meanwhile`
    : `${pluralize(count, "more run")} ${count === 1 ? "waits" : "wait"}`;
};
