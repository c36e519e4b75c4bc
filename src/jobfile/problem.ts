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
  [`${problem.file}:${problem.line}:${problem.column}`, problem.path, problem.message]
    .filter((part) => part !== "")
    .join(": ")
    .replace(UNPRINTABLE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);

/** Control characters, and those that change the direction of text: what a file holds must not steer a terminal. */
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;
