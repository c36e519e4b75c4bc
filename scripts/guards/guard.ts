/** A security check in the source, how to remove it, and the test that must fail then. */
export type Guard = {
  /** What it prevents. */
  readonly against: string;
  /** A file, relative to `src`. */
  readonly file: string;
  /** Code that occurs exactly once in the file. */
  readonly from: string;
  /** The code that replaces it. */
  readonly to: string;
  /** A test file, relative to `test`. */
  readonly test: string;
  /** A regular expression for the names of the tests to run. The default is all tests of the file. */
  readonly only?: string;
};
