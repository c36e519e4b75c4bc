/** Something that keeps petit from harm, how to take it away, and who has to notice. */
export type Guard = {
  /** What it keeps out. */
  readonly against: string;
  /** In `src`. */
  readonly file: string;
  /** Stands there once, */
  readonly from: string;
  /** and is replaced by this. */
  readonly to: string;
  /** A file in `test`, */
  readonly test: string;
  /** and of it, the tests whose names match; all. */
  readonly only?: string;
};
