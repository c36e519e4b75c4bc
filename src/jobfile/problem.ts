import { printable } from "../lib/printable.ts";

/** What is wrong with a job file. Line and column count from 1. */
export type Problem = {
  /** Path of the file, relative to JOBS_DIR. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Path of the field, such as `tasks[1].retry.delay`; empty for the file as a whole. */
  readonly path: string;
  /** What is wrong; what was expected. */
  readonly message: string;
};

/** `file:line:col: path.to.field: what is wrong; what was expected`, in one line that is safe on a terminal. */
export const formatProblem = (problem: Problem): string =>
  printable(
    [`${problem.file}:${problem.line}:${problem.column}`, problem.path, problem.message]
      .filter((part) => part !== "")
      .join(": "),
  );
