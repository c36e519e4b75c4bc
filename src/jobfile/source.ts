import type { Positions } from "./parse/positions.ts";

/** The text of a job file. */
export type JobFile = {
  /** Path relative to JOBS_DIR. */
  readonly file: string;
  /** Absolute path of the file's folder. Null if the files that it names are not looked for. */
  readonly folder: string | null;
  readonly text: string;
};

/** A job file with the lines and columns of its text. */
export type PositionedFile = JobFile & { readonly positions: Positions };
