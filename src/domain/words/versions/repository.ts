import { pluralize } from "../../../lib/text.ts";
import type { RepositoryState } from "../../versions/repository.ts";

/** Returns the beginning of the id of a commit, as people write it. */
export const shortCommit = (id: string): string => id.slice(0, 8);

/** Returns what to say after the commit of a run that is not the one in use; empty if it is, or if that is not known. */
export const notInUseText = (commit: string, inUse: string | null): string =>
  inUse === null || inUse === commit ? "" : `not the one in use, which is ${shortCommit(inUse)}`;

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
