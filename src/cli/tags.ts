import { PetitError } from "../domain/errors.ts";
import { hasTags, type Job } from "../domain/job.ts";
import { suggest } from "../lib/suggest.ts";
import { shorten } from "../lib/text.ts";

/** The flag that selects jobs by tag. */
export const TAG_FLAG = { type: "string", valueHint: "TAG" } as const;

/** Returns the jobs with all tags of a list such as `nightly,finance`. Throws if no job has one of them. */
export const withTags = (jobs: readonly Job[], list: string | undefined): readonly Job[] => {
  if (list === undefined) return jobs;
  const wanted = list.split(",");
  const known = new Set(jobs.flatMap(({ tags = [] }) => tags));
  const unknown = wanted.find((tag) => !known.has(tag));
  if (unknown === undefined) return jobs.filter((job) => hasTags(job, wanted));
  const near = suggest(unknown, known);
  const names = known.size === 0 ? "no job has tags" : `expected one of ${[...known].sort().join(", ")}`;
  throw new PetitError(
    "not_found",
    `no job has the tag '${shorten(unknown)}'; ${near === null ? names : `did you mean '${near}'?`}`,
  );
};
