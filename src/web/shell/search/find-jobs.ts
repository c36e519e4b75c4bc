import type { JobSummary } from "../../data/shapes.ts";

const MAX_JOBS = 8;

type NamedJob = Pick<JobSummary, "id" | "name" | "formerly">;

/** Returns at most eight jobs whose name, id or former id contains `text`. Names that begin with it come first, then those with a word that does. */
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
const rankOf = ({ id, name, formerly }: NamedJob, searched: string): number | null => {
  const texts = [name, id, ...formerly].map((each) => each.toLowerCase());
  if (texts.includes(searched)) return 0;
  if (texts.some((each) => each.startsWith(searched))) return 1;
  if (texts.some((each) => each.split(/[\s_.-]+/).some((word) => word.startsWith(searched)))) return 2;
  return texts.some((each) => each.includes(searched)) ? 3 : null;
};

/** Returns the former id by which a text finds a job; null if its name or its id contains the text as well. */
export const formerIdFor = ({ id, name, formerly }: NamedJob, text: string): string | null => {
  const contains = (each: string): boolean => each.toLowerCase().includes(text.trim().toLowerCase());
  return [name, id].some(contains) ? null : (formerly.find(contains) ?? null);
};
