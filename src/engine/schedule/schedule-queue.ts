import type { JobId } from "../../domain/ids.ts";
import type { Job } from "../../domain/job.ts";
import { DUE_STEP, type Due, dueInSteps } from "../../domain/schedule/due.ts";
import { frequentIntervalMs } from "../../domain/schedule/frequency.ts";
import { jitterMs } from "../../domain/schedule/jitter.ts";
import { compileSchedule } from "../../domain/schedule/schedule.ts";
import type { Clock } from "../../lib/clock.ts";
import type { StoredJob } from "../../store/jobs.ts";
import { bootId } from "../attempt/identity.ts";
import type { OccurrenceBounds } from "../engine.ts";
import { Backlogs, type DueSteps } from "./backlog.ts";
import type { Fire, ScheduleEntry } from "./due-job.ts";
import { Timer } from "./timer.ts";

/** The due occurrences of one job. `due` is null if there are so many that the search is unfinished. */
type DueEntry = DueSteps & { readonly due: Due | null };
type Batch = { readonly batch: readonly DueEntry[]; readonly failed: readonly ScheduleEntry[] };
type CompleteEntry = Pick<DueSteps, "entry" | "wasDown"> & { readonly due: Due };

export type ScheduleQueueOptions = {
  readonly clock: Clock;
  readonly timezone: string;
  /** If it throws, the occurrences come due again after a second; undecided ones after 30 s. */
  readonly fire: Fire;
  /** Called if the due occurrences of a job can't be found because of an error of petit itself. They come due again later. */
  readonly onError: (jobId: JobId, error: unknown) => void;
  /** Called when the clock was set back, before anything comes due again. */
  readonly onClockSetBack: (since: number, byMs: number) => void;
  /** Returns whether the occurrences of a job are skipped. */
  readonly isPaused: (jobId: JobId) => boolean;
  /** Returns whether a time may have been decided in a database that was replaced by an older copy. */
  readonly isUnknown: (at: number) => boolean;
};

/** Approximate maximum of occurrences that are decided without a pause. One job with more than DUE_STEP has a backlog. */
const BATCH = 2_000;

/**
 * Jobs per call of `fire`, which is one transaction. The processes of these jobs start before the next jobs are decided. With
 * fewer, transactions take a notable part of the time; with more, the first processes start later.
 */
const JOBS_PER_CALL = 10;

/** Delay before a failed `fire` is retried. */
const RETRY_MS = 1_000;

/** Delay after an error of petit itself, which is not expected to end by itself. */
const ERROR_RETRY_MS = 30_000;

/** Keeps the next occurrence of each job, and fires it when it is due. */
export class ScheduleQueue implements Disposable {
  readonly #options: ScheduleQueueOptions;
  readonly #timer: Timer<ScheduleEntry>;
  #entries = new Map<JobId, ScheduleEntry>();
  readonly #backlogs: Backlogs;
  /** Intervals of jobs, and the next occurrence as of which they are known: they are expensive for lists of many jobs. */
  readonly #intervals = new WeakMap<ScheduleEntry, { readonly at: number; readonly everyMs: number | null }>();
  /** When petit started. Occurrences that were due by then came due while it was not running. */
  #downUntil = Number.NEGATIVE_INFINITY;
  /** The last error of `fire`. */
  #failure: { readonly error: unknown } | null = null;

  constructor(options: ScheduleQueueOptions) {
    this.#options = options;
    this.#timer = new Timer({
      clock: options.clock,
      onDue: (entries, now) => this.#fire(entries, now),
      onSetBack: (since, byMs) => this.#replan(since, byMs),
    });
    this.#backlogs = new Backlogs({
      clock: options.clock,
      fire: options.fire,
      onError: options.onError,
      isPaused: options.isPaused,
      findEntry: (jobId) => this.#entries.get(jobId),
      onDone: (entry) => this.#plan(entry),
      onFailed: (entry) => this.#plan(entry, options.clock.now() + ERROR_RETRY_MS),
    });
  }

  /** The number of jobs with a schedule. */
  get size(): number {
    return this.#entries.size;
  }

  /** Fires what came due while petit was not running, then starts the timer. */
  start(now: number): void {
    this.#downUntil = now;
    this.#timer.start();
    this.#timer.checkNow();
  }

  [Symbol.dispose](): void {
    this.#backlogs[Symbol.dispose]();
    this.#timer[Symbol.dispose]();
  }

  /** Fires everything that is due now, without waiting for the timer. Throws the errors of `fire`. */
  decideDue(): void {
    this.#failure = null;
    // After a failure, entries are planned for a later time, although they are due.
    this.#refill();
    this.#timer.checkNow();
    this.#throwFailure();
  }

  #throwFailure(): void {
    if (this.#failure !== null) throw this.#failure.error;
  }

  /** Returns the next occurrence of a job that is not excepted, in ms since the epoch. Null if it has none or is disabled. */
  nextAt(jobId: JobId): number | null {
    const entry = this.#entries.get(jobId);
    if (!entry?.stored.job.enabled) return null;
    const { schedule, nextAt } = entry;
    if (this.#backlogs.has(entry)) return schedule.nextStart(this.#options.clock.now());
    return nextAt !== null && schedule.excludes(nextAt) ? schedule.nextStart(nextAt) : nextAt;
  }

  /**
   * Returns the first occurrence of a job that is not decided yet, whether it is due or not. Null if there is none, or while a backlog is
   * being decided.
   */
  undecidedFrom(jobId: JobId): number | null {
    const entry = this.#entries.get(jobId);
    return entry === undefined || this.#backlogs.has(entry) ? null : entry.nextAt;
  }

  /** Returns the longest of a job's next intervals, in ms, if it is due every few minutes; null otherwise. */
  everyMs(jobId: JobId): number | null {
    const entry = this.#entries.get(jobId);
    const at = this.nextAt(jobId);
    if (entry === undefined || at === null) return null;
    const known = this.#intervals.get(entry);
    if (known?.at === at) return known.everyMs;
    const everyMs = frequentIntervalMs(entry.schedule, at - 1);
    this.#intervals.set(entry, { at, everyMs });
    return everyMs;
  }

  /** Returns when the occurrence of a job at `at` starts a run, which jitter delays. */
  startOf(jobId: JobId, at: number): number {
    const entry = this.#entries.get(jobId);
    return entry === undefined ? at : this.#dueAt(entry, at);
  }

  /** Returns the next `count` occurrences of a job within the bounds. */
  nextOccurrences(
    jobId: JobId,
    count: number,
    { from = 0, to = Number.MAX_SAFE_INTEGER, spacingMs = 1 }: OccurrenceBounds,
  ): readonly number[] {
    const schedule = this.#entries.get(jobId)?.schedule ?? null;
    const occurrences: number[] = [];
    let at = this.nextAt(jobId);
    if (schedule !== null && at !== null && at < from) at = schedule.nextStart(from - 1);
    while (schedule !== null && at !== null && at < to && occurrences.length < count) {
      occurrences.push(at);
      at = schedule.nextStart(at + spacingMs - 1);
    }
    return occurrences;
  }

  /** Replaces the jobs. A job whose schedule has not changed keeps its next occurrence. */
  set(jobs: Iterable<StoredJob>, now: number): void {
    const before = this.#entries;
    this.#entries = new Map();
    for (const stored of jobs) {
      if (stored.job.schedule !== null)
        this.#entries.set(stored.job.id, this.#entry(stored, before.get(stored.job.id), now));
    }
    this.#refill();
  }

  #entry(stored: StoredJob, before: ScheduleEntry | undefined, now: number): ScheduleEntry {
    const { job } = stored;
    const { timezone } = this.#options;
    if (before !== undefined && isSameSchedule(before.stored.job, job)) {
      return { ...before, stored };
    }
    const isNewBoot = stored.bootId !== null && stored.bootId !== bootId();
    const schedule = compileSchedule(scheduleOf(job), timezone, isNewBoot ? now : null);
    const after = Math.min(stored.accountedUntil, now);
    return { stored, schedule, nextAt: schedule.next(schedule.bootAt === null ? after : Math.min(after, now - 1)) };
  }

  #refill(): void {
    this.#timer.clear();
    for (const entry of this.#entries.values()) this.#plan(entry);
  }

  #plan(entry: ScheduleEntry, notBefore = 0): void {
    if (this.#backlogs.has(entry)) return;
    if (entry.nextAt !== null) this.#timer.add(entry, Math.max(this.#dueAt(entry, entry.nextAt), notBefore));
  }

  #fire(entries: readonly ScheduleEntry[], now: number): void {
    const current = entries.filter((entry) => this.#entries.get(entry.stored.job.id) === entry);
    const { batch, failed } = this.#takeBatch(current, now);
    const taken = new Set([...batch.map(({ entry }) => entry), ...failed]);
    for (const entry of failed) this.#plan(entry, now + ERROR_RETRY_MS);
    for (const entry of current) if (!taken.has(entry)) this.#plan(entry);
    for (const each of batch) if (each.due === null) this.#backlogs.start(each, now);
    this.#fireBatch(batch, now);
  }

  #fireBatch(batch: readonly DueEntry[], now: number): void {
    const complete = batch.flatMap(({ due, ...rest }) => (due === null ? [] : [{ ...rest, due }]));
    for (let at = 0; at < complete.length; at += JOBS_PER_CALL) {
      try {
        this.#fireJobs(complete.slice(at, at + JOBS_PER_CALL), now);
      } catch (error) {
        this.#failure = { error };
        for (const { entry } of complete.slice(at)) this.#plan(entry, now + RETRY_MS);
        return;
      }
    }
  }

  #fireJobs(jobs: readonly CompleteEntry[], now: number): void {
    const undecided = this.#options.fire(
      jobs.map(({ entry: { stored, schedule }, due: { occurrences }, wasDown }) => ({
        stored,
        schedule,
        occurrences,
        wasDown,
      })),
      now,
    );
    for (const { entry, due } of jobs) {
      const isUndecided = undecided.has(entry.stored.job.id);
      if (!isUndecided) entry.nextAt = due.next;
      this.#plan(entry, isUndecided ? now + ERROR_RETRY_MS : 0);
    }
  }

  /** Returns the first entries, as many as fit in one batch, and those whose due occurrences can't be found. */
  #takeBatch(entries: readonly ScheduleEntry[], now: number): Batch {
    const batch: DueEntry[] = [];
    const failed: ScheduleEntry[] = [];
    let count = 0;
    for (const entry of entries) {
      if (count >= BATCH) break;
      const one = this.#tryFindDue(entry, now);
      if (one === null) {
        failed.push(entry);
        continue;
      }
      count += one.due?.occurrences.length ?? DUE_STEP;
      batch.push(one);
    }
    return { batch, failed };
  }

  #tryFindDue(entry: ScheduleEntry, now: number): DueEntry | null {
    try {
      return this.#findDue(entry, now);
    } catch (error) {
      this.#options.onError(entry.stored.job.id, error);
      return null;
    }
  }

  #findDue(entry: ScheduleEntry, now: number): DueEntry {
    const wasDown = entry.nextAt !== null && this.#dueAt(entry, entry.nextAt) <= this.#downUntil;
    const until = wasDown ? this.#downUntil : now;
    const steps = dueInSteps(entry.schedule, entry.nextAt, now, (at) => this.#dueAt(entry, at) <= until);
    const first = steps.next();
    return { entry, wasDown, steps, due: first.done ? first.value : null };
  }

  /**
   * Returns when an occurrence is due, which includes jitter. That of a boot which may have started the job already is due at once: the next
   * start of petit would take it for a later one.
   */
  #dueAt({ stored: { job }, schedule }: ScheduleEntry, at: number): number {
    if (at === schedule.bootAt && this.#options.isUnknown(at)) return at;
    return at + jitterMs(job.id, at, scheduleOf(job).jitterMs);
  }

  /**
   * Plans all entries again, because the clock was set back by `byMs` at `since`, by the new clock, or up to a few seconds later. Occurrences after
   * `since` may be in the ledger already, which `fire` checks. Occurrences that were due before stay due.
   */
  #replan(since: number, byMs: number): void {
    this.#options.onClockSetBack(since, byMs);
    this.#backlogs.end();
    this.#downUntil = Math.min(this.#downUntil, since);
    for (const entry of this.#entries.values()) {
      if (entry.nextAt === null || entry.nextAt > since) entry.nextAt = entry.schedule.next(since);
    }
    this.#refill();
  }
}

const isSameSchedule = (a: Job, b: Job): boolean =>
  a === b || JSON.stringify(a.schedule) === JSON.stringify(b.schedule);

const scheduleOf = (job: Job): NonNullable<Job["schedule"]> => {
  if (job.schedule === null) throw new Error(`job '${job.id}' has no schedule`);
  return job.schedule;
};
