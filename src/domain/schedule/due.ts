import type { Schedule } from "./schedule.ts";

/** Maximum number of occurrences (the newest) in the ledger of a job and after one gap: a day of seconds, or two months of minutes. */
export const MAX_DUE = 100_000;

export type Due = {
  /** Oldest first, in ms since the Unix epoch. */
  readonly occurrences: readonly number[];
  /** The first occurrence that is not due yet, or null. */
  readonly next: number | null;
};

/** Number of occurrences in one step of `dueInSteps`: 1 to 2 ms of work. */
export const DUE_STEP = 1_000;

/** Returns all due occurrences without yielding; see `dueInSteps`. */
export const dueFrom = (...args: Parameters<typeof dueInSteps>): Due => allOf(dueInSteps(...args));

/** Runs all steps and returns their result. */
export const allOf = (steps: Iterator<void, Due>): Due => {
  for (let step = steps.next(); ; step = steps.next()) if (step.done) return step.value;
};

/**
 * Returns the due occurrences from `first` on. `isDue` is true up to some instant and false after it. If there are more
 * than MAX_DUE, skips older ones, so that a year of downtime costs no more than a day. Yields after each DUE_STEP
 * occurrences, so that the caller can release the thread.
 */
export function* dueInSteps(
  schedule: Pick<Schedule, "next">,
  first: number | null,
  now: number,
  isDue: (at: number) => boolean,
): Generator<void, Due> {
  let occurrences: number[] = [];
  let at = first;
  let looked = 0;
  while (at !== null && isDue(at)) {
    if (looked++ >= DUE_STEP) {
      looked = 1;
      yield;
    }
    occurrences.push(at);
    at = schedule.next(at);
    if (at === null || occurrences.length < 2 * MAX_DUE) continue;
    const start = passOver(occurrences, now);
    if (start > at) at = schedule.next(start);
    occurrences = occurrences.slice(-MAX_DUE);
  }
  return { occurrences: occurrences.slice(-MAX_DUE), next: at };
}

/** Estimates the instant after which slightly more than MAX_DUE occurrences remain, from the spacing of these. */
const passOver = (occurrences: readonly number[], now: number): number => {
  const [first = now, last = now] = [occurrences[0], occurrences.at(-1)];
  const paceMs = (last - first) / (occurrences.length - 1);
  return Math.floor(now - 1.5 * MAX_DUE * paceMs);
};
