import type { Consequence } from "../../inbox/consequence.ts";

/** Why something is the consequence of an entry, as a clause. */
export const CONSEQUENCE_TEXT = {
  gate: "a gate on the job is shut, so occurrences are skipped",
  overlap: "the run has not ended, so occurrences are skipped",
  limit: "the run has the place that others wait for",
} as const satisfies Record<Consequence["reason"], string>;

const NAMED = 3;

/** Returns what waits for an entry, as a clause that names the first jobs; empty if nothing does. An older petit does not say it. */
export const consequencesText = ({
  consequences = [],
  consequence_count: count = consequences.length,
}: {
  readonly consequences?: readonly { readonly job_id: string }[];
  readonly consequence_count?: number;
}): string => {
  if (count === 0) return "";
  const names = consequences.slice(0, NAMED).map(({ job_id }) => job_id);
  const more = count > names.length ? ` and ${count - names.length} more` : "";
  return `therefore waiting: ${names.join(", ")}${more}`;
};
