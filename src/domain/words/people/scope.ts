import type { JobLimit, JobScope } from "../../people/scope.ts";

/** Maximum of the patterns and tags that a sentence names. */
const MAX_NAMED = 5;

/** Returns what somebody is limited to, to complete "limited to", such as `jobs etl_* with the tag finance`. */
export const scopeText = (scope: NonNullable<JobScope>): string => scope.map(limitText).join(", or ");

const limitText = ({ jobs, tags }: JobLimit): string => {
  const ofJobs = jobs === null ? "jobs" : `jobs ${listText(jobs)}`;
  if (tags === null) return ofJobs;
  return `${ofJobs} with ${tags.length === 1 ? "the tag" : "one of the tags"} ${listText(tags)}`;
};

const listText = (words: readonly string[]): string => {
  const more = words.length - MAX_NAMED;
  return `${words.slice(0, MAX_NAMED).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
};
