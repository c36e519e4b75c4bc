import type { JobSummary } from "../../data/shapes.ts";

const MAX_JOBS = 8;

type NamedJob = Pick<JobSummary, "id" | "name">;

/** The jobs whose name or id has what was typed, at most eight: first those that begin with it, then those a word of which does. */
export const findJobs = <Job extends NamedJob>(jobs: readonly Job[], text: string): readonly Job[] => {
  const wanted = text.trim().toLowerCase();
  if (wanted === "") return [];
  return jobs
    .map((job) => ({ job, rank: rankOf(job, wanted) }))
    .filter(({ rank }) => rank !== null)
    .sort((a, b) => Number(a.rank) - Number(b.rank) || a.job.name.localeCompare(b.job.name))
    .slice(0, MAX_JOBS)
    .map(({ job }) => job);
};

/** The lower, the nearer; null where it has no part of it. */
const rankOf = ({ id, name }: NamedJob, wanted: string): number | null => {
  const texts = [name.toLowerCase(), id.toLowerCase()];
  if (texts.includes(wanted)) return 0;
  if (texts.some((each) => each.startsWith(wanted))) return 1;
  if (texts.some((each) => each.split(/[\s_.-]+/).some((word) => word.startsWith(wanted)))) return 2;
  return texts.some((each) => each.includes(wanted)) ? 3 : null;
};
