/** Another file that decides what a job file means, and its state before it was read. */
export type Reference = {
  /** Absolute path. */
  readonly path: string;
  /** The stamp of its state; null if it could not be reached. */
  readonly stamp: string | null;
};
