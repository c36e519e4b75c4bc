import { setImmediate } from "node:timers/promises";
import type { JobId } from "../../domain/ids.ts";
import { DUE_STEP, type Due } from "../../domain/schedule/due.ts";
import type { Schedule } from "../../domain/schedule/schedule.ts";
import { type Clock, sleep } from "../../lib/clock.ts";
import type { NewOccurrence } from "../../store/occurrences.ts";
import type { DueJob, Fire, ScheduleEntry } from "./due-job.ts";

/** A search for the due occurrences of a job, which may be unfinished. */
export type DueSteps = {
  readonly entry: ScheduleEntry;
  readonly wasDown: boolean;
  readonly steps: Iterator<void, Due>;
};

type BacklogPart = {
  /** Oldest first, ms since the epoch. */
  readonly occurrences: readonly number[];
  readonly isLast: boolean;
  /** Occurrences of the backlog that are newer than this part and not excepted. */
  readonly newer: number;
  /** The occurrence after this part, due or not; null if there is none. */
  readonly next: number | null;
};

export type PartsOptions = {
  readonly schedule: Pick<Schedule, "excludes">;
  readonly isCurrent: () => boolean;
};

/**
 * Yields due occurrences in parts, and yields to the event loop between them. Ends early when `isCurrent` returns
 * false.
 */
export async function* inParts(
  steps: Iterator<void, Due>,
  { schedule, isCurrent }: PartsOptions,
): AsyncGenerator<BacklogPart> {
  let step = steps.next();
  while (!step.done) {
    await setImmediate();
    if (!isCurrent()) return;
    step = steps.next();
  }
  const { occurrences, next } = step.value;
  const countStarts = (list: readonly number[]): number => list.filter((at) => !schedule.excludes(at)).length;
  let newer = countStarts(occurrences);
  for (let at = 0; at < occurrences.length; at += DUE_STEP) {
    await setImmediate();
    if (!isCurrent()) return;
    const part = occurrences.slice(at, at + DUE_STEP);
    newer -= countStarts(part);
    const isLast = at + DUE_STEP >= occurrences.length;
    yield { occurrences: part, isLast, newer, next: occurrences[at + DUE_STEP] ?? next };
  }
}

export type BacklogsOptions = {
  readonly clock: Clock;
  readonly fire: Fire;
  /** Called if the backlog of a job can't be found because of an error of petit itself. */
  readonly onError: (jobId: JobId, error: unknown) => void;
  /** Returns whether the occurrences of a job are skipped. */
  readonly isPaused: (jobId: JobId) => boolean;
  /** Returns the current entry; a reload may have replaced the one that came due. */
  readonly findEntry: (jobId: JobId) => ScheduleEntry | undefined;
  /** Called when the whole backlog is accounted for, to plan the next occurrence. */
  readonly onDone: (entry: ScheduleEntry) => void;
  /** Called when the rest of the backlog is left because of an error of petit itself, to plan it again later. */
  readonly onFailed: (entry: ScheduleEntry) => void;
};

/** Delay before a part that could not be stored is retried. */
const RETRY_MS = 1_000;

/**
 * Accounts for the many occurrences that came due during a long downtime, in parts and one job after the other, without
 * blocking the rest of petit. Each part is one transaction, oldest first, so the next start continues after a crash.
 */
export class Backlogs implements Disposable {
  readonly #options: BacklogsOptions;
  /** The schedule of each backlog, by job. */
  readonly #schedules = new Map<JobId, Schedule>();
  #working: Promise<void> = Promise.resolve();
  #abort = new AbortController();

  constructor(options: BacklogsOptions) {
    this.#options = options;
  }

  has({ stored, schedule }: ScheduleEntry): boolean {
    return this.#schedules.get(stored.job.id) === schedule;
  }

  start(due: DueSteps, now: number): void {
    const { entry } = due;
    const jobId = entry.stored.job.id;
    const { signal } = this.#abort;
    this.#schedules.set(jobId, entry.schedule);
    const isCurrent = (): boolean => !signal.aborted && this.#findCurrent(entry) !== null;
    const context = { now, isPaused: this.#options.isPaused(jobId), isCurrent, signal };
    this.#working = this.#working.then(async () => {
      const isDone = await this.#tryAccountFor(due, context);
      const current = this.#findCurrent(entry);
      if (signal.aborted || current === null) return;
      this.#schedules.delete(jobId);
      if (isDone) this.#options.onDone(current);
      else this.#options.onFailed(current);
    });
  }

  /** Abandons all backlogs. What is not accounted for comes due again when its entry is planned. */
  end(): void {
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#schedules.clear();
  }

  [Symbol.dispose](): void {
    this.end();
  }

  /** Returns the entry with the same schedule. Null if the job has another schedule now or was removed. */
  #findCurrent({ stored, schedule }: ScheduleEntry): ScheduleEntry | null {
    const current = this.#options.findEntry(stored.job.id);
    return current?.schedule === schedule ? current : null;
  }

  /** Returns false if petit itself failed. The backlogs of other jobs continue. */
  async #tryAccountFor(due: DueSteps, context: BacklogContext): Promise<boolean> {
    try {
      return await this.#accountFor(due, context);
    } catch (error) {
      this.#options.onError(due.entry.stored.job.id, error);
      return false;
    }
  }

  /** Returns false if a part stays undecided because of an error of petit itself. */
  async #accountFor({ entry, steps, wasDown }: DueSteps, context: BacklogContext): Promise<boolean> {
    const { now, isPaused, isCurrent, signal } = context;
    const recorded: NewOccurrence[] = [];
    const { schedule } = entry;
    let isDecided = true;
    for await (const { occurrences, isLast, newer, next } of inParts(steps, { schedule, isCurrent })) {
      const due = (): DueJob => {
        const { stored } = this.#findCurrent(entry) ?? entry;
        return { stored, schedule, occurrences, wasDown, backlog: { isPaused, recorded, isLast, newer } };
      };
      let result = isCurrent() ? this.#tryFire(due(), now) : "stored";
      while (isCurrent() && result === "unwritable") {
        await sleep(this.#options.clock, RETRY_MS, signal);
        if (isCurrent()) result = this.#tryFire(due(), now);
      }
      isDecided = result !== "undecided";
      if (!isDecided) break;
      const current = this.#findCurrent(entry);
      if (isCurrent() && current !== null) current.nextAt = next;
    }
    // If the loop ended early, the recorded occurrences are still emitted.
    const backlog = { isPaused, recorded, isLast: true, newer: 0 };
    if (recorded.length > 0) this.#tryFire({ stored: entry.stored, schedule, occurrences: [], wasDown, backlog }, now);
    return isDecided;
  }

  /** `undecided`: petit itself failed, so that it makes no sense to try it again at once. */
  #tryFire(due: DueJob, now: number): "stored" | "unwritable" | "undecided" {
    try {
      return this.#options.fire([due], now).size === 0 ? "stored" : "undecided";
    } catch {
      return "unwritable";
    }
  }
}

type BacklogContext = {
  readonly now: number;
  readonly isPaused: boolean;
  /** Returns false when the backlog was abandoned or the schedule was replaced. */
  readonly isCurrent: () => boolean;
  readonly signal: AbortSignal;
};
