import { pluralize } from "../../../lib/text.ts";
import type { FailedRepository, RefusedJobs } from "../../health.ts";
import type { RepositoryState } from "../../versions/repository.ts";

/** Returns the beginning of the id of a commit, as people write it. */
export const shortCommit = (id: string): string => id.slice(0, 8);

/** Returns what to say after the commit of a run that is not the one in use; empty if it is, or if that is not known. */
export const notInUseText = (commit: string, inUse: string | null): string =>
  inUse === null || inUse === commit ? "" : `not the one in use, which is ${shortCommit(inUse)}`;

/** Returns the sentence for a commit that has problems: who made it, the first problem, and what ends that. */
export const refusedJobsMessage = (refused: Omit<RefusedJobs, "since">): string =>
  `commit ${refusedJobsText(refused)}; ${usedUntilMendedText(refused)}`;

/** Returns who made a commit, its first problem, and how to list the others. */
export const refusedJobsText = (refused: Omit<RefusedJobs, "since" | "inUse">): string => {
  const others = refused.problems === 1 ? "" : "; 'petit jobs source' lists all";
  return `${shortCommit(refused.commit)} by ${refused.author} is refused: ${refusedProblemText(refused)}${others}`;
};

/** Returns the first problem of a commit, and how many there are. */
export const refusedProblemText = ({ problem, problems }: Pick<RefusedJobs, "problem" | "problems">): string =>
  `${problem}${problems === 1 ? "" : ` (and ${problems - 1} more)`}`;

/** Returns what is used instead of a commit that is refused, and until when. */
export const usedUntilMendedText = ({ inUse }: Pick<RefusedJobs, "inUse">): string =>
  `${inUse === null ? "there are no jobs" : `${shortCommit(inUse)} stays in use`} until a commit mends it`;

/** Returns the sentence for a repository that can't be read. */
export const failedRepositoryMessage = ({ error, ...failed }: Pick<FailedRepository, "error" | "inUse">): string =>
  `the repository of the job files can't be read: ${error}; ${usedMeanwhileText(failed)}`;

/** Returns what is used while the repository can't be read. */
export const usedMeanwhileText = ({ inUse }: Pick<FailedRepository, "inUse">): string =>
  inUse === null
    ? "there are no jobs until it can; petit tries again"
    : `${shortCommit(inUse)} stays in use, and petit tries again`;

type UsedCommit = {
  readonly ref: string;
  readonly commit: { readonly id: string } | null;
  readonly head: { readonly id: string } | null;
  readonly pinned: string | null;
};

/** Returns the commit in use in a few words: `commit 3f9a1c20 of main`. */
export const usedCommitText = ({ ref, commit, head, pinned }: UsedCommit): string => {
  if (commit === null) return `no commit of ${ref} yet`;
  const newest = head === null || head.id === commit.id ? "" : `; the newest is ${shortCommit(head.id)}`;
  return `commit ${shortCommit(commit.id)} of ${ref}${pinned === null ? "" : ", chosen"}${newest}`;
};

/** Returns the commit in use in two or three words: `commit 3f9a1c20`. */
export const shortUsedCommitText = ({ commit, pinned }: Pick<UsedCommit, "commit" | "pinned">): string =>
  commit === null ? "no commit yet" : `commit ${shortCommit(commit.id)}${pinned === null ? "" : ", chosen"}`;

/** Returns a sentence that says which commit is in use, and what is wrong with the repository. */
export const repositoryMessage = ({ commit, pinned, refused, failure, head }: RepositoryState): string => {
  const inUse = commit === null ? "no commit is in use" : `commit ${shortCommit(commit.id)} is in use`;
  const chosen =
    pinned === null
      ? ""
      : `, and stays${head === null || head.id === pinned ? "" : ` (the newest is ${shortCommit(head.id)})`}`;
  if (failure !== null) return `${inUse}${chosen}; the repository can't be read: ${failure.error}`;
  if (refused === null) return `${inUse}${chosen}`;
  const problems = pluralize(refused.problems.length, "problem");
  return `${inUse}${chosen}; commit ${shortCommit(refused.commit.id)} by ${refused.commit.author} has ${problems}`;
};
