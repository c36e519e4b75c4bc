import type { JobId } from "../../domain/ids.ts";
import type { Job } from "../../domain/job.ts";
import { DUE_STEP, type Due, dueInSteps } from "../../domain/schedule/due.ts";
import { jitterMs } from "../../domain/schedule/jitter.ts";
import { compileSchedule } from "../../domain/schedule/schedule.ts";
import type { Clock } from "../../lib/clock.ts";
import type { StoredJob } from "../../store/jobs.ts";
import type { ComingBounds } from "../engine.ts";
import { Backlogs, type DueSteps } from "./backlog.ts";
import type { DueJob, Entry } from "./due-job.ts";
import { Timer } from "./timer.ts";

/** `due` is null where there is so much that the rest must still be looked for. */
type Slice = DueSteps & { readonly due: Due | null };

export type AgendaOptions = {
  readonly clock: Clock;
  readonly timezone: string;
  /** Decides about what is due and stores that; a throw lets it come due again in a moment. */
  readonly fire: (due: readonly DueJob[], now: number) => void;
  /** Told when the clock was set back, before anything comes due once more. */
  readonly setBack: (now: number) => void;
  readonly isPaused: () => boolean;
};

/** Occurrences of all jobs that are decided about in one go, about. A job that alone has more than DUE_STEP is a backlog. */
const SLICE = 2_000;

/** A fire that failed is tried again after this. */
const AGAIN_MS = 1_000;

/** Knows when each job is due next, and tells. */
export class Agenda implements Disposable {
  readonly #options: AgendaOptions;
  readonly #timer: Timer<Entry>;
  #entries = new Map<JobId, Entry>();
  readonly #backlogs: Backlogs;
  /** When petit started: what was due by then came due while it was not there. */
  #downUntil = Number.NEGATIVE_INFINITY;
  /** Why `fire` failed the last time that it did. */
  #failure: { readonly error: unknown } | null = null;

  constructor(options: AgendaOptions) {
    this.#options = options;
    this.#timer = new Timer({
      clock: options.clock,
      onDue: (entries, now) => this.#fire(entries, now),
      onSetBack: (now) => this.#replan(now),
    });
    this.#backlogs = new Backlogs({
      ...options,
      findEntry: (jobId) => this.#entries.get(jobId),
      onDone: (entry) => this.#plan(entry),
    });
  }

  /** What came due while petit was not there first, then what comes. */
  start(now: number): void {
    this.#downUntil = now;
    this.#timer.start();
    this.#timer.look();
  }

  [Symbol.dispose](): void {
    this.#backlogs[Symbol.dispose]();
    this.#timer[Symbol.dispose]();
  }

  /** Decides about everything that is due by now, without waiting for a timer. Throws what `fire` throws. */
  decideDue(): void {
    this.#failure = null;
    // What failed before is planned for a later moment, though it is due.
    this.#refill();
    this.#timer.look();
    this.#throwFailure();
  }

  #throwFailure(): void {
    if (this.#failure !== null) throw this.#failure.error;
  }

  /** Its next occurrence, ms since the epoch; null where it has none or is disabled. */
  nextAt(jobId: JobId): number | null {
    const entry = this.#entries.get(jobId);
    if (!entry?.stored.job.enabled) return null;
    return this.#backlogs.has(entry) ? entry.schedule.next(this.#options.clock.now()) : entry.nextAt;
  }

  /** The next occurrences of a job within the bounds. */
  coming(
    jobId: JobId,
    count: number,
    { from = 0, to = Number.MAX_SAFE_INTEGER, apartMs = 1 }: ComingBounds,
  ): readonly number[] {
    const schedule = this.#entries.get(jobId)?.schedule ?? null;
    const coming: number[] = [];
    let at = this.nextAt(jobId);
    if (schedule !== null && at !== null && at < from) at = schedule.next(from - 1);
    while (schedule !== null && at !== null && at < to && coming.length < count) {
      coming.push(at);
      at = schedule.next(at + apartMs - 1);
    }
    return coming;
  }

  /** Takes the jobs as they are now; those whose schedule is as it was keep their place. */
  set(jobs: Iterable<StoredJob>, now: number): void {
    const before = this.#entries;
    this.#entries = new Map();
    for (const stored of jobs) {
      if (stored.job.schedule !== null)
        this.#entries.set(stored.job.id, this.#entry(stored, before.get(stored.job.id), now));
    }
    this.#refill();
  }

  #entry(stored: StoredJob, before: Entry | undefined, now: number): Entry {
    const { job } = stored;
    const { timezone } = this.#options;
    if (before !== undefined && JSON.stringify(before.stored.job.schedule) === JSON.stringify(job.schedule)) {
      return { ...before, stored };
    }
    const schedule = compileSchedule(scheduleOf(job), timezone);
    return { stored, schedule, nextAt: schedule.next(Math.min(stored.accountedUntil, now)) };
  }

  #refill(): void {
    this.#timer.clear();
    for (const entry of this.#entries.values()) this.#plan(entry);
  }

  #plan(entry: Entry, notBefore = 0): void {
    if (this.#backlogs.has(entry)) return;
    if (entry.nextAt !== null) this.#timer.add(entry, Math.max(dueAt(entry, entry.nextAt), notBefore));
  }

  #fire(entries: readonly Entry[], now: number): void {
    const current = entries.filter((entry) => this.#entries.get(entry.stored.job.id) === entry);
    const slice = this.#slice(current, now);
    const taken = new Set(slice.map(({ entry }) => entry));
    for (const entry of current) if (!taken.has(entry)) this.#plan(entry);
    for (const each of slice) if (each.due === null) this.#backlogs.start(each, now);
    this.#fireSmall(slice, now);
  }

  #fireSmall(slice: readonly Slice[], now: number): void {
    const small = slice.flatMap(({ due, ...rest }) => (due === null ? [] : [{ ...rest, due }]));
    if (small.length === 0) return;
    try {
      this.#options.fire(
        small.map(({ entry: { stored }, due: { occurrences }, wasDown }) => ({ stored, occurrences, wasDown })),
        now,
      );
      for (const { entry, due } of small) entry.nextAt = due.next;
      for (const { entry } of small) this.#plan(entry);
    } catch (error) {
      this.#failure = { error };
      for (const { entry } of small) this.#plan(entry, now + AGAIN_MS);
    }
  }

  /** The first of them: as many as make a slice. */
  #slice(entries: readonly Entry[], now: number): readonly Slice[] {
    const slice: Slice[] = [];
    let count = 0;
    for (const entry of entries) {
      if (count >= SLICE) break;
      const one = this.#due(entry, now);
      count += one.due?.occurrences.length ?? DUE_STEP;
      slice.push(one);
    }
    return slice;
  }

  #due(entry: Entry, now: number): Slice {
    const wasDown = entry.nextAt !== null && dueAt(entry, entry.nextAt) <= this.#downUntil;
    const until = wasDown ? this.#downUntil : now;
    const steps = dueInSteps(entry.schedule, entry.nextAt, now, (at) => dueAt(entry, at) <= until);
    const first = steps.next();
    return { entry, wasDown, steps, due: first.done ? first.value : null };
  }

  /**
   * After the clock was set back, what lies ahead may lie in the ledger already: whoever fires looks there. What was due
   * before and still waits for its turn stays due.
   */
  #replan(now: number): void {
    this.#options.setBack(now);
    this.#backlogs.end();
    this.#downUntil = Math.min(this.#downUntil, now);
    for (const entry of this.#entries.values()) {
      if (entry.nextAt === null || entry.nextAt > now) entry.nextAt = entry.schedule.next(now);
    }
    this.#refill();
  }
}

const scheduleOf = (job: Job): NonNullable<Job["schedule"]> => {
  if (job.schedule === null) throw new Error(`job '${job.id}' has no schedule`);
  return job.schedule;
};

/** When an occurrence is to start. */
const dueAt = ({ stored: { job } }: Entry, at: number): number => at + jitterMs(job.id, at, scheduleOf(job).jitterMs);
