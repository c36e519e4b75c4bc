import type { Context } from "../command.ts";

/** The arguments of `petit import`. */
export type ImportRequest = {
  /** The file or folder to import, as given. */
  readonly source: string | undefined;
  /** All files, folders or units that are given. */
  readonly sources: readonly string[];
  /** Whether the units are those of a user's systemd. */
  readonly isUser: boolean;
  /** The folder for the job files; null if they are written to stdout. */
  readonly outputDir: string | null;
  /** Whether the lines of a crontab have a user column; null if that depends on the crontab. */
  readonly system: boolean | null;
  /** The user that petit runs as, if given. */
  readonly as: string | undefined;
  /** The folder in which the other scheduler was started, if given. */
  readonly workingDir: string | undefined;
  /** Whether lines that can't be read are left out. */
  readonly skipInvalid: boolean;
  /** Whether a guard that does not hold skips the task, instead of failing it. */
  readonly guardsOk: boolean;
  /** The mail server for the `notify` of jobs with a MAILTO; null for that of the configuration file. */
  readonly smtp: string | null;
  /** Whether `run-parts` lines become a task for each script. */
  readonly splitRunParts: boolean;
  readonly context: Context;
};

/** Reads jobs of another scheduler and translates them. Writes nothing. */
export type Importer = (request: ImportRequest) => Promise<Imported>;

export type Imported = {
  readonly files: readonly ImportedFile[];
  /** What became of each line or job of the source, in order. */
  readonly fates: readonly Fate[];
  /** What can't be read. If there is any, nothing is written. */
  readonly problems: readonly ImportProblem[];
  /** The job files in the output folder whose lines are gone from the source. */
  readonly gone: readonly GoneLine[];
};

/** A job file to write. */
export type ImportedFile = {
  /** The path in the output folder. */
  readonly path: string;
  readonly text: string;
};

/**
 * What became of a part of the source:
 * - `job`: it became the job `jobId`.
 * - `setting`: it changed jobs, as an environment variable of a crontab does.
 * - `left_out`: nothing came of it.
 */
export type Fate = {
  readonly file: string;
  readonly line: number;
  readonly outcome: "job" | "setting" | "left_out";
  readonly jobId: string | null;
  /** What to know about it: what is different, or why it was left out. Each is a sentence without a full stop. */
  readonly notes: readonly string[];
};

/** A job file of an earlier import. `path` is its path in the output folder, `text` the line that it came from. */
export type GoneLine = { readonly path: string; readonly file: string; readonly text: string };

/** A part of the source that can't be read. `message` has the form `what is wrong; what was expected`. */
export type ImportProblem = { readonly file: string; readonly line: number; readonly message: string };
