import type { JobSummary } from "../../data/shapes.ts";

const MAX_JOBS = 8;

type NamedJob = Pick<JobSummary, "id" | "name">;

/** Returns at most eight jobs whose name or id contains `text`. Names that begin with it come first, then those with a word that does. */
export const findJobs = <Job extends NamedJob>(jobs: readonly Job[], text: string): readonly Job[] => {
  const searched = text.trim().toLowerCase();
  if (searched === "") return [];
  return jobs
    .map((job) => ({ job, rank: rankOf(job, searched) }))
    .filter(({ rank }) => rank !== null)
    .sort((a, b) => Number(a.rank) - Number(b.rank) || a.job.name.localeCompare(b.job.name))
    .slice(0, MAX_JOBS)
    .map(({ job }) => job);
};

/** Returns the rank of a match, from 0 for the best; null without a match. */
const rankOf = ({ id, name }: NamedJob, searched: string): number | null => {
  const texts = [name.toLowerCase(), id.toLowerCase()];
  if (texts.includes(searched)) return 0;
  if (texts.some((each) => each.startsWith(searched))) return 1;
  if (texts.some((each) => each.split(/[\s_.-]+/).some((word) => word.startsWith(searched)))) return 2;
  return texts.some((each) => each.includes(searched)) ? 3 : null;
};
