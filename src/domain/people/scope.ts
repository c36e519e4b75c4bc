/** A group of jobs: those whose id matches one of the patterns and that have one of the tags; null where any does. */
type JobLimit = {
  /** Patterns of job ids, in which `*` stands for any characters. */
  readonly jobs: readonly string[] | null;
  readonly tags: readonly string[] | null;
};

/** The jobs that a person may know of: those of any of the groups; null for all jobs. */
export type JobScope = readonly JobLimit[] | null;
