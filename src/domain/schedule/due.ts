import type { Schedule } from "./schedule.ts";

/** Occurrences that the ledger keeps of a job, and of one gap, at most: the newest. A day of seconds fits, and two months of minutes. */
export const MAX_DUE = 100_000;

export type Due = {
  /** Oldest first, ms since the epoch. */
  readonly occurrences: readonly number[];
  /** The first one that is not due yet; null where none comes. */
  readonly next: number | null;
};

/** Occurrences that are looked for in one step of `dueInSteps`: about a ms or two of work. */
export const DUE_STEP = 1_000;

/** Returns all that is due at once; see `dueInSteps`. */
export const dueFrom = (...args: Parameters<typeof dueInSteps>): Due => allOf(dueInSteps(...args));

/** Returns what the steps end with. */
export const allOf = (steps: Iterator<void, Due>): Due => {
  for (let step = steps.next(); ; step = steps.next()) if (step.done) return step.value;
};

/**
 * The occurrences that are due, from `first` on: `isDue` is true up to some instant and false from then on. Where there
 * are more than MAX_DUE, the middle of the gap is passed over, so that a year without petit costs no more than a day.
 * Yields after each DUE_STEP of them, so that the caller can leave the thread to others.
 */
export function* dueInSteps(
  schedule: Schedule,
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

/** From where some more than MAX_DUE occurrences are left, if they go on at the pace of these. */
const passOver = (occurrences: readonly number[], now: number): number => {
  const [first = now, last = now] = [occurrences[0], occurrences.at(-1)];
  const paceMs = (last - first) / (occurrences.length - 1);
  return Math.floor(now - 1.5 * MAX_DUE * paceMs);
};
