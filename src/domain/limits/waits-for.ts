/**
 * What can keep a run from starting or continuing. If there are several reasons, the first of:
 *
 * - `max_concurrency`: the limit of its job.
 * - `gates`: the gates of its job, for a run that another job started.
 * - `queue`: the limit of the queue of its job.
 * - `max_jobs`: the limit of all runs, `--max-jobs`.
 */
export const WAIT_CODES = ["max_concurrency", "gates", "queue", "max_jobs"] as const;

/** What a run waits for, as a code with data; `waitsForText` makes the sentence. */
export type WaitsFor = {
  readonly code: (typeof WAIT_CODES)[number];
  /** The name of the queue; null for the other codes. */
  readonly queue: string | null;
  /** Maximum of concurrent runs; null for gates. */
  readonly limit: number | null;
  /** Number of runs that have a slot of it; null for gates. */
  readonly running: number | null;
  /** Number of runs that wait for the same, and come first. */
  readonly ahead: number;
};
