import { setImmediate } from "node:timers/promises";
import { BEFORE_DAYS, changeBetween, type DurationChange, RECENT_DAYS } from "../../domain/durations/change.ts";
import { dayAt } from "../../domain/durations/day.ts";
import { bucketOf } from "../../domain/durations/histogram.ts";
import type { JobId } from "../../domain/ids.ts";
import type { Run } from "../../domain/run.ts";
import { type Zone, zoneOf } from "../../domain/schedule/local-time.ts";
import { type Clock, sleep } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import { assertNever } from "../../lib/never.ts";
import { CANCELLED_BUCKET, type EndedRun, FAILED_BUCKET } from "../../store/durations.ts";
import type { Store } from "../../store/store.ts";

/** How long the figures of a day are kept: longer than the 90 days that are shown. */
const KEPT_DAYS = 100;

const DAY_MS = 86_400_000;

/** Number of runs that one step counts, which takes about 2 ms, and the pause after a step, in ms. */
const STEP_RUNS = 500;
const REST_MS = 10;

/** Number of rows that one step deletes. */
const STEP_ROWS = 200;

/** How long a job waits after the end of a run until its change is computed, in ms. Others that end meanwhile share the round. */
const ROUND_DELAY_MS = 1_000;

/** Minimum time between two computations for a job, in ms, and between two rounds for all jobs. */
const SAME_JOB_MS = 60_000;
const FULL_ROUND_MS = 3_600_000;

export type DailyFiguresOptions = {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** Zone of the days. */
  readonly timezone: string;
  /** Repeats a step until the database accepts it. */
  readonly retryUntilStored: <T>(step: () => T) => Promise<T>;
  readonly signal: AbortSignal;
};

/**
 * Counts the runs of each day by duration, in the transactions that end them, and knows how the durations of each job have changed.
 * The figures outlive the runs. They are deleted after 100 days, also those of removed jobs.
 */
export class DailyFigures {
  readonly #options: DailyFiguresOptions;
  readonly #zone: Zone;
  readonly #changes = new Map<JobId, { readonly change: DurationChange | null; readonly at: number }>();
  #waiting = new Set<JobId>();
  #isRunning = false;
  #isFull = false;
  #lastFullRound = Number.NEGATIVE_INFINITY;

  constructor(options: DailyFiguresOptions) {
    this.#options = options;
    this.#zone = zoneOf(options.timezone);
  }

  /** Counts the runs that ended before petit counted any, and computes the changes of all jobs. */
  start(): void {
    this.#isFull = true;
    this.#run();
  }

  /** Counts a run that has ended, within the transaction that stores its end. */
  count(run: Run): void {
    const { endedAt } = run;
    if (endedAt === null) return;
    this.#options.store.durations.count(run, bucketOfRun({ ...run, endedAt }), dayAt(endedAt, this.#zone));
  }

  /** Takes note of a run whose end is stored. */
  noteEnd({ jobId }: Run): void {
    this.#waiting.add(jobId);
    this.#run();
  }

  noteRenamed(from: JobId, to: JobId): void {
    this.#changes.delete(from);
    this.#changes.delete(to);
    this.#waiting.add(to);
    this.#run();
  }

  /** Returns how the durations of the last days differ from those before, or null if they do not, or may not. */
  changeOf(jobId: JobId): DurationChange | null {
    return this.#changes.get(jobId)?.change ?? null;
  }

  #run(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#rounds().catch((error: unknown) => {
      this.#isRunning = false;
      if (!this.#options.signal.aborted) this.#options.log.warn({ err: error }, "cannot update the daily figures");
    });
  }

  async #rounds(): Promise<void> {
    const { clock, signal } = this.#options;
    while ((this.#waiting.size > 0 || this.#isFull) && !signal.aborted) {
      const isFirst = this.#lastFullRound === Number.NEGATIVE_INFINITY;
      if (!isFirst) await sleep(clock, ROUND_DELAY_MS, signal);
      if (this.#isFull || clock.monotonic() - this.#lastFullRound >= FULL_ROUND_MS) await this.#fullRound();
      else await this.#round();
    }
    this.#isRunning = false;
  }

  async #fullRound(): Promise<void> {
    const { store, clock, signal } = this.#options;
    this.#isFull = false;
    this.#lastFullRound = clock.monotonic();
    await this.#countOlder();
    await this.#deleteOldActions();
    let jobId = store.durations.findJobAfter("");
    for (; jobId !== null && !signal.aborted; jobId = store.durations.findJobAfter(jobId)) {
      await this.#deleteOld(jobId);
      this.#waiting.delete(jobId);
      this.#compute(jobId);
      await setImmediate();
    }
  }

  async #round(): Promise<void> {
    const jobIds = this.#waiting;
    this.#waiting = new Set();
    const now = this.#options.clock.monotonic();
    for (const jobId of jobIds) {
      if (now - (this.#changes.get(jobId)?.at ?? Number.NEGATIVE_INFINITY) < SAME_JOB_MS) continue;
      this.#compute(jobId);
      await setImmediate();
    }
  }

  #compute(jobId: JobId): void {
    const { store, clock } = this.#options;
    if (this.#options.signal.aborted) return;
    const today = dayAt(clock.now(), this.#zone);
    const first = today - RECENT_DAYS + 1;
    const before = store.durations.histogram(jobId, first - BEFORE_DAYS, first - 1);
    const change = changeBetween(before, store.durations.histogram(jobId, first, today));
    this.#changes.set(jobId, { change, at: clock.monotonic() });
  }

  async #countOlder(): Promise<void> {
    const { store, clock, retryUntilStored, signal } = this.#options;
    const oldest = dayAt(clock.now(), this.#zone) - KEPT_DAYS;
    const placeOf = (run: EndedRun) => {
      const day = dayAt(run.endedAt, this.#zone);
      return day < oldest ? null : { day, bucket: bucketOfRun(run) };
    };
    if (!store.durations.hasOlder()) return;
    while (!signal.aborted && (await retryUntilStored(() => store.durations.countOlder(STEP_RUNS, placeOf))))
      await sleep(clock, REST_MS, signal);
  }

  async #deleteOldActions(): Promise<void> {
    const { store, clock, retryUntilStored, signal } = this.#options;
    const before = clock.now() - KEPT_DAYS * DAY_MS;
    while (!signal.aborted && (await retryUntilStored(() => store.reviews.deleteActionsBefore(before, STEP_ROWS))) > 0)
      await sleep(clock, REST_MS, signal);
  }

  async #deleteOld(jobId: JobId): Promise<void> {
    const { store, clock, retryUntilStored, signal } = this.#options;
    const day = dayAt(clock.now(), this.#zone) - KEPT_DAYS;
    while (!signal.aborted && store.durations.listDays(jobId, 0, day - 1).length > 0) {
      await retryUntilStored(() => store.durations.deleteBefore(jobId, day, STEP_ROWS));
      await sleep(clock, REST_MS, signal);
    }
  }
}

/** Durations are those of the rows, which a step of the wall clock does not change. */
const bucketOfRun = ({ status, startedAt, endedAt }: EndedRun): number => {
  switch (status) {
    case "completed":
      return bucketOf(Math.max(0, endedAt - (startedAt ?? endedAt)));
    case "failed":
    case "interrupted":
      return FAILED_BUCKET;
    case "cancelled":
      return CANCELLED_BUCKET;
    case "pending":
    case "running":
      throw new Error("the run has not ended");
    default:
      return assertNever(status);
  }
};
