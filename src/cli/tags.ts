import type { Job } from "../domain/job.ts";
import { withKnownTags } from "../domain/refusal.ts";

/** The flag that selects jobs by tag. */
export const TAG_FLAG = { type: "string", valueHint: "TAG" } as const;

/** Returns the jobs with all tags of a list such as `nightly,finance`. Throws if no job has one of them. */
export const withTags = (jobs: readonly Job[], list: string | undefined): readonly Job[] =>
  list === undefined ? jobs : withKnownTags(jobs, list.split(","));
