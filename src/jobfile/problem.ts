import { problemPlace } from "../domain/words/problem.ts";
import { escapeUnprintable } from "../lib/text.ts";

/** A problem in a job file. Line and column start at 1. */
export type Problem = {
  /** Path relative to JOBS_DIR; `.` for the folder, or the commit, as a whole. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Path of the field, such as `tasks[1].retry.delay`; empty for the file as a whole. */
  readonly path: string;
  /** Format: `what is wrong; what was expected`. */
  readonly message: string;
};

/**
 * Formats a problem as one line, `file:line:col: path.to.field: what is wrong; what was expected`, without control characters. A problem of
 * the folder as a whole has no place.
 */
export const formatProblem = (problem: Problem): string =>
  escapeUnprintable([problemPlace(problem), problem.path, problem.message].filter((part) => part !== "").join(": "));

/** Formats a problem without its place, without control characters. */
export const textOfProblem = ({ path, message }: Problem): string =>
  escapeUnprintable([path, message].filter((part) => part !== "").join(": "));

/** A problem between jobs, and the files that it affects. */
export type Conflict = { readonly problem: Problem; readonly files: readonly string[] };
