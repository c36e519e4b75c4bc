import type { JobSummary } from "../data/shapes.ts";

/** Returns a job to try: an enabled one that takes no params, preferably one without a schedule. Undefined if there is none. */
export const exampleJob = (jobs: readonly JobSummary[]): JobSummary | undefined => {
  const usable = jobs.filter(
    ({ enabled, paused, gone, has_params }) => enabled && !paused && !gone && has_params === false,
  );
  return usable.find(({ id }) => id.startsWith("hello")) ?? usable.find(({ scheduled }) => !scheduled) ?? usable[0];
};
