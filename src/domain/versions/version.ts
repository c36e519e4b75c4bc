import type { CommitInfo } from "./repository.ts";

/**
 * Why the job files were read:
 * - `start`: petit started.
 * - `watch`: petit noticed that a file had changed.
 * - `signal`: SIGHUP.
 * - `api`: a person or a program asked for it, with `petit reload` or over HTTP.
 */
export type ReloadCause = "start" | "watch" | "signal" | "api";

/** Why a version came into use: why its file was read, or `edit`: somebody saved the file through petit. */
export const USE_CAUSES = ["start", "watch", "signal", "api", "edit"] as const satisfies readonly (
  | ReloadCause
  | "edit"
)[];
export type UseCause = (typeof USE_CAUSES)[number];

/** Why the job files were read, and who asked for it. */
export type ReloadRequest = {
  readonly cause: ReloadCause;
  /** The person who asked for it: the name of a token, otherwise an address. Null if petit did it by itself, or if it is unknown. */
  readonly by: string | null;
};

/** A commit of a repository with job files. */
type Commit = { readonly id: string; readonly author: string | null };

/** What is known about the source of job files beside their content. */
export type FilesOrigin = {
  /** The commit that all files are from; null if they are in a folder. */
  readonly commit: CommitInfo | null;
  /** Returns when a file was last modified, in ms since the Unix epoch; null if that is unknown. Paths are relative to JOBS_DIR. */
  readonly modifiedAt: (file: string) => number | null;
  /** Returns who saved a file through petit, if it is still what they saved; otherwise null, which is the default. */
  readonly editOf?: (file: string) => Edit | null;
};

/** A file that somebody saved through petit: the name of a token, otherwise an address. Null if that is unknown. */
export type Edit = { readonly by: string | null };

/** A reading of the job files, as it is stored with the versions that it brings into use. */
export type Reading = FilesOrigin & {
  /** Null if nobody has asked, as in a test. */
  readonly request: ReloadRequest | null;
};

/** A time during which a version of a job was in use. Times are in ms since the Unix epoch. */
export type VersionUse = {
  readonly since: number;
  /** Null while it is in use. */
  readonly until: number | null;
  /** Null if petit was too old to record it. */
  readonly cause: UseCause | null;
  readonly by: string | null;
  /** The file at the beginning of the use, relative to JOBS_DIR, and when it was last modified before. Null if it is unknown. */
  readonly file: string | null;
  readonly fileModifiedAt: number | null;
  /** Null for files in a folder. */
  readonly commit: Commit | null;
};
