import { setImmediate } from "node:timers/promises";
import type { JobId } from "../../domain/ids.ts";
import { DUE_STEP, type Due } from "../../domain/schedule/due.ts";
import type { Schedule } from "../../domain/schedule/schedule.ts";
import { type Clock, sleep } from "../../lib/clock.ts";
import type { NewOccurrence } from "../../store/occurrences.ts";
import type { DueJob, Entry } from "./due-job.ts";

/** What is due of a job, as far as it has been looked for. */
export type DueSteps = {
  readonly entry: Entry;
  readonly wasDown: boolean;
  readonly steps: Iterator<void, Due>;
};

type Part = {
  /** Oldest first, ms since the epoch. */
  readonly occurrences: readonly number[];
  readonly newer: number;
  /** The occurrence after this part, due or not; null where none comes. */
  readonly next: number | null;
};

/** Yields what is due in parts, and leaves the thread to others between them. Ends early when `isCurrent` is false. */
export async function* inParts(steps: Iterator<void, Due>, isCurrent: () => boolean): AsyncGenerator<Part> {
  let step = steps.next();
  while (!step.done) {
    await setImmediate();
    if (!isCurrent()) return;
    step = steps.next();
  }
  const { occurrences, next } = step.value;
  for (let at = 0; at < occurrences.length; at += DUE_STEP) {
    await setImmediate();
    if (!isCurrent()) return;
    const part = occurrences.slice(at, at + DUE_STEP);
    yield { occurrences: part, newer: occurrences.length - at - part.length, next: occurrences[at + DUE_STEP] ?? next };
  }
}

export type BacklogsOptions = {
  readonly clock: Clock;
  /** Decides about what is due and stores that; throws where it can't. */
  readonly fire: (due: readonly DueJob[], now: number) => void;
  readonly isPaused: () => boolean;
  /** The entry of today; a reload may have replaced the one that came due. */
  readonly findEntry: (jobId: JobId) => Entry | undefined;
  /** Called when everything is accounted for: the entry waits for its next occurrence again. */
  readonly onDone: (entry: Entry) => void;
};

/** A part that can't be stored is tried again after this. */
const AGAIN_MS = 1_000;

/**
 * Accounts for the occurrences that a long outage left, part by part and one job after the other, while the rest of
 * petit goes on. Each part is a transaction, oldest first: after a crash the next start continues where it ended.
 */
export class Backlogs implements Disposable {
  readonly #options: BacklogsOptions;
  /** By job, with the schedule that it belongs to. */
  readonly #schedules = new Map<JobId, Schedule>();
  #working: Promise<void> = Promise.resolve();
  #ending = new AbortController();

  constructor(options: BacklogsOptions) {
    this.#options = options;
  }

  has({ stored, schedule }: Entry): boolean {
    return this.#schedules.get(stored.job.id) === schedule;
  }

  start(due: DueSteps, now: number): void {
    const { entry } = due;
    const jobId = entry.stored.job.id;
    const { signal } = this.#ending;
    this.#schedules.set(jobId, entry.schedule);
    const isCurrent = (): boolean => !signal.aborted && this.#current(entry) !== null;
    const context = { now, isPaused: this.#options.isPaused(), isCurrent, signal };
    this.#working = this.#working.then(async () => {
      await this.#accountFor(due, context);
      const current = this.#current(entry);
      if (signal.aborted || current === null) return;
      this.#schedules.delete(jobId);
      this.#options.onDone(current);
    });
  }

  /** Ends the work on all of them; what is left comes due once more when its entry is planned again. */
  end(): void {
    this.#ending.abort();
    this.#ending = new AbortController();
    this.#schedules.clear();
  }

  [Symbol.dispose](): void {
    this.end();
  }

  /** The entry with the same schedule; null where the job has another one now, or is gone. */
  #current({ stored, schedule }: Entry): Entry | null {
    const current = this.#options.findEntry(stored.job.id);
    return current?.schedule === schedule ? current : null;
  }

  async #accountFor({ entry, steps, wasDown }: DueSteps, context: Context): Promise<void> {
    const { now, isPaused, isCurrent, signal } = context;
    const recorded: NewOccurrence[] = [];
    for await (const { occurrences, newer, next } of inParts(steps, isCurrent)) {
      const due = (): DueJob => {
        const { stored } = this.#current(entry) ?? entry;
        return { stored, occurrences, wasDown, backlog: { isPaused, recorded, newer } };
      };
      while (isCurrent() && !this.#isStored(due(), now)) await sleep(this.#options.clock, AGAIN_MS, signal);
      const current = this.#current(entry);
      if (isCurrent() && current !== null) current.nextAt = next;
    }
    // Where it ended early, what was recorded is still told.
    const backlog = { isPaused, recorded, newer: 0 };
    if (recorded.length > 0) this.#isStored({ stored: entry.stored, occurrences: [], wasDown, backlog }, now);
  }

  #isStored(due: DueJob, now: number): boolean {
    try {
      this.#options.fire([due], now);
      return true;
    } catch {
      return false;
    }
  }
}

type Context = {
  readonly now: number;
  readonly isPaused: boolean;
  /** False when the rest is not to be accounted for any more, or comes due once more. */
  readonly isCurrent: () => boolean;
  readonly signal: AbortSignal;
};
