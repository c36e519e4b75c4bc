import { pluralize } from "../../../lib/text.ts";

/** How many jobs a commit would change, or what is wrong with it. */
type JobsDiffCounts = {
  readonly problems: readonly unknown[];
  readonly added: readonly unknown[];
  readonly removed: readonly unknown[];
  readonly changed: readonly unknown[];
};

/** Returns what a commit would do in a few words: `1 job removed, 2 jobs changed`. */
export const jobsDiffText = ({ problems, added, removed, changed }: JobsDiffCounts): string => {
  if (problems.length > 0) return `${pluralize(problems.length, "problem")}, not taken`;
  const parts = [
    [added.length, "added"],
    [removed.length, "removed"],
    [changed.length, "changed"],
  ] as const;
  const counts = parts.flatMap(([count, word]) => (count === 0 ? [] : [`${pluralize(count, "job")} ${word}`]));
  return counts.length === 0 ? "no change" : counts.join(", ");
};
