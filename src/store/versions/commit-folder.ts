import { isAbsolute, join, relative } from "node:path";
import type { Job } from "../../domain/job.ts";

/**
 * Returns a definition as it is stored. The folder of a file of a commit is stored relative to that of the commit, and without the commit,
 * so that a definition which a commit does not change stays the same.
 */
export const toStored = (job: Job): Job => {
  const { commit, ...source } = job.source;
  return commit === undefined ? job : { ...job, source: { ...source, folder: relative(commit.folder, source.folder) } };
};

/** Returns a stored definition as that of a commit in `commitsDir`. A definition of a file in a folder is returned unchanged. */
export const inCommit = (job: Job, id: string | null, commitsDir: string): Job => {
  const { source } = job;
  if (isAbsolute(source.folder)) return job;
  const commit = { id: id ?? UNKNOWN, folder: join(commitsDir, id ?? UNKNOWN) };
  return { ...job, source: { ...source, folder: join(commit.folder, source.folder), commit } };
};

/** Stands for a commit that is not stored. It has no folder, so nothing of it can run. */
const UNKNOWN = "unknown";
