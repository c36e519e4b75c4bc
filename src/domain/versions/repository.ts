import type { Job } from "../job.ts";

/** A commit of the repository with the job files. */
export type CommitInfo = {
  /** 40 or 64 hexadecimal digits. */
  readonly id: string;
  readonly author: string;
  /** When it was committed, in ms since the Unix epoch. */
  readonly committedAt: number;
  /** The first line of its message. */
  readonly subject: string;
};

/** A problem of a job file of a commit. */
type CommitProblem = {
  /** Path relative to the folder of the job files. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly path: string;
  readonly message: string;
};

/** A commit that is not used because it has problems. */
export type RefusedCommit = {
  readonly commit: CommitInfo;
  readonly problems: readonly CommitProblem[];
  /** When petit refused it, in ms since the Unix epoch. */
  readonly since: number;
};

/**
 * How the repository is, in its events.
 *
 * - `ok`: the commit in use is the newest one, or the one that somebody has chosen.
 * - `refused`: a commit has problems.
 * - `failed`: the repository can't be read.
 */
export type RepositoryStatus = "ok" | "refused" | "failed";

/** A commit as it would be if petit took it. */
export type CommitPreview = {
  readonly commit: CommitInfo;
  readonly jobs: readonly Job[];
  /** Because of any of these it is not taken. */
  readonly problems: readonly CommitProblem[];
};

/** What became of a webhook for the repository; `unknown` if there is none. */
export type JobsHookResult = "accepted" | "handshake" | "refused" | "unknown";

/** What petit knows about the repository with the job files. Times are in ms since the Unix epoch. */
export type RepositoryState = {
  /** Contains no password. */
  readonly url: string;
  readonly ref: string;
  /** Path of the folder of the job files within the repository. */
  readonly path: string;
  /** The commit in use; null if there is none yet. */
  readonly commit: CommitInfo | null;
  /** The newest commit of the ref that was fetched; null if none was since the start. */
  readonly head: CommitInfo | null;
  /** The commit that somebody has chosen instead of the newest one; null while the ref is followed. */
  readonly pinned: string | null;
  readonly refused: RefusedCommit | null;
  /** Why the repository can't be read, and since when; null if it can. */
  readonly failure: { readonly error: string; readonly since: number } | null;
  /** When the server was asked last, successfully; null if it was not since the start. */
  readonly checkedAt: number | null;
};

/** Returns how the repository is. */
export const repositoryStatus = ({ failure, refused }: RepositoryState): RepositoryStatus =>
  failure !== null ? "failed" : refused !== null ? "refused" : "ok";
