import { t } from "elysia";
import type { JobId } from "../domain/ids.ts";
import { hasTags } from "../domain/job.ts";
import { requireTagged } from "../domain/refusal.ts";
import type { ApiEngine } from "./options.ts";

/** The query parameter that selects jobs by tag. */
export const TagQuery = t.Optional(
  t.String({
    pattern: "^[^,\\s]+(,[^,\\s]+)*$",
    description: "Only jobs that have this tag now; several tags, separated by commas, must all be there",
    examples: ["nightly"],
    "x-expected": "a tag, or several separated by commas",
  }),
);

/** The same as `jobsWithTags`, but throws if no job has the tags: what is empty would read as good news. */
export const jobsThatHaveTags = (
  engine: Pick<ApiEngine, "listJobs">,
  tag: string | undefined,
): ReadonlySet<JobId> | null =>
  tag === undefined
    ? null
    : new Set(
        requireTagged(
          engine.listJobs().map(({ job }) => job),
          tag.split(","),
        ).map(({ id }) => id),
      );

/** Returns the ids of the jobs with all of the tags, or null without any. */
export const jobsWithTags = (
  engine: Pick<ApiEngine, "listJobs">,
  tag: string | undefined,
): ReadonlySet<JobId> | null => {
  if (tag === undefined) return null;
  const wanted = tag.split(",");
  return new Set(engine.listJobs().flatMap(({ job }) => (hasTags(job, wanted) ? [job.id] : [])));
};
