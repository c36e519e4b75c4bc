import type { JobId } from "../domain/ids.ts";
import type { Job } from "../domain/job.ts";
import { MAX_DUE } from "../domain/schedule/due.ts";
import { type Clock, sleep } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { DeletionBounds, RunLimits } from "../store/runs/deletion.ts";
import type { Store } from "../store/store.ts";

/** From the end of a run until its job is looked at: several ends share one round. */
const ROUND_MS = 1_000;

/** All jobs are looked at this often: runs grow too old without any run's end. */
const ALL_MS = 3_600_000;

/** A step works this long, then leaves the thread to others: about a quarter of the time goes into the deletion. */
const STEP_MS = 4;
const REST_MS = 12;

/** Runs that one step looks at, and rows of other tables that it deletes. */
const STEP_ROWS = 200;

/** Runs that are counted in one step, about half a ms of them. */
const COUNTED_ROWS = 20_000;

/** Events that are kept, for those who resume. */
export const MAX_EVENTS = 20_000;

const DAY_MS = 86_400_000;

export type RetainOptions = {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** Every job whose limits are known: a run in between, of other job files, is no reason to judge the rest. */
  readonly jobIds: () => Iterable<JobId>;
  /** The definition of today; null where there is none any more. */
  readonly findJob: (jobId: JobId) => Job | null;
  /** For jobs that don't say, and for those that are gone. */
  readonly defaults: Job["retention"];
  /** False where definitions are stored for runs alone: one that no run refers to yet must stay. Default: true. */
  readonly followSchedules?: boolean;
  /** Told when some of a job's runs were deleted. */
  readonly onDeleted: (jobId: JobId) => void;
  /** Repeats a step while the database can't be written. */
  readonly untilStored: (step: () => boolean) => Promise<boolean>;
  /** Ends it, in the middle of a round as well. */
  readonly signal: AbortSignal;
};

/**
 * Deletes what is beyond the limits of its job, in small steps. A run with much output disappears at once, and what
 * belonged to it goes in steps of its own; after a crash the next round finishes that.
 */
export class Retain {
  readonly #options: RetainOptions;
  readonly #bounds: DeletionBounds;
  #waiting = new Set<JobId>();
  #isFull = false;
  #isRunning = false;
  #lookedAtAll = Number.NEGATIVE_INFINITY;
  #restedAt = Number.NEGATIVE_INFINITY;

  constructor(options: RetainOptions) {
    this.#options = options;
    this.#bounds = { limit: STEP_ROWS, untilMs: STEP_MS, clock: options.clock };
  }

  /** Has a job's runs looked at soon; all jobs' where that was not done for an hour. */
  look(jobId: JobId): void {
    this.#waiting.add(jobId);
    if (this.#options.clock.monotonic() - this.#lookedAtAll >= ALL_MS) this.lookAtAll();
    else this.#start();
  }

  lookAtAll(): void {
    this.#lookedAtAll = this.#options.clock.monotonic();
    this.#isFull = true;
    for (const jobId of this.#options.jobIds()) this.#waiting.add(jobId);
    this.#start();
  }

  #start(): void {
    if (!this.#isRunning) void this.#run();
  }

  async #run(): Promise<void> {
    const { clock, log, signal } = this.#options;
    this.#isRunning = true;
    try {
      while ((this.#waiting.size > 0 || this.#isFull) && !signal.aborted) {
        await sleep(clock, ROUND_MS, signal);
        await this.#round();
      }
    } catch (error) {
      // What can't be deleted now is looked at again after the next run.
      if (!signal.aborted) log.warn({ err: error }, "old runs can't be deleted");
    } finally {
      this.#isRunning = false;
    }
  }

  async #round(): Promise<void> {
    const { store } = this.#options;
    const [jobIds, isFull] = [[...this.#waiting], this.#isFull];
    this.#waiting = new Set();
    this.#isFull = false;
    await this.#inSteps(() => store.runs.continueDeletions(this.#bounds));
    for (const jobId of jobIds) {
      await this.#deleteRuns(jobId, isFull);
      if (isFull) await this.#deleteOccurrences(jobId);
    }
    if (isFull && this.#options.followSchedules !== false) await this.#deleteVersions();
    await this.#inSteps(() => store.events.deleteOldest(MAX_EVENTS, STEP_ROWS) > 0);
  }

  /** Until `step` has nothing left to do. */
  async #inSteps(step: () => boolean): Promise<void> {
    for (let goesOn = true; goesOn; ) {
      goesOn = !this.#options.signal.aborted && (await this.#options.untilStored(step));
      await this.#rest();
    }
  }

  /** Leaves the thread to others where it is time: looking at many jobs takes long, too. */
  async #rest(): Promise<void> {
    const { clock, signal } = this.#options;
    if (clock.monotonic() - this.#restedAt < STEP_MS) return;
    await sleep(clock, REST_MS, signal);
    this.#restedAt = clock.monotonic();
  }

  /** A full look goes through all unsuccessful runs; others stop where nothing was to be deleted. */
  async #deleteRuns(jobId: JobId, isFull: boolean): Promise<void> {
    const { store, onDeleted } = this.#options;
    const limits = await this.#limitsOf(jobId);
    if (limits === null) return;
    let after: number | null = 0;
    let isChanged = false;
    await this.#inSteps(() => {
      const { runs, next } = store.runs.deleteExpired(jobId, limits, { ...this.#bounds, after: after ?? 0 });
      isChanged ||= runs > 0;
      after = next;
      return next !== null && (runs > 0 || isFull);
    });
    await this.#inSteps(() => store.runs.continueDeletions(this.#bounds));
    if (isChanged) onDeleted(jobId);
  }

  async #limitsOf(jobId: JobId): Promise<RunLimits | null> {
    const { store, clock, findJob, defaults } = this.#options;
    const own = findJob(jobId)?.retention;
    const [runs, days] = [own?.runs ?? defaults.runs, own?.days ?? defaults.days];
    if (runs === null && days === null) return null;
    const upTo = runs === null ? 0 : await this.#countOff(jobId, runs);
    if (days === null) return { upTo, age: null };
    const now = clock.now();
    const endedBy = now - days * DAY_MS;
    return { upTo, age: { endedBy, now, oldRun: store.runs.findLastSeqEndedBy(endedBy) } };
  }

  /** Returns the number up to which finished runs are too many: `keep` finished ones are newer. 0 where none are. */
  async #countOff(jobId: JobId, keep: number): Promise<number> {
    const { store } = this.#options;
    const newest = store.runs.findNthNewestSeq(jobId, Number.MAX_SAFE_INTEGER, 1) ?? 0;
    let unfinished = store.runs.countUnfinished(jobId, 0, newest);
    for (;;) {
      const oldestKept = await this.#nthNewest(jobId, { from: newest, count: keep + unfinished });
      if (oldestKept === null) return 0;
      // Unfinished runs are kept as well, and count for none: where some are older, newer ones were counted too few.
      const among = store.runs.countUnfinished(jobId, oldestKept, newest);
      if (among >= unfinished) return oldestKept - 1;
      unfinished = among;
    }
  }

  /** Counts by the index of a job's runs, which says nothing about their status. */
  async #nthNewest(
    jobId: JobId,
    { from, count }: { readonly from: number; readonly count: number },
  ): Promise<number | null> {
    let found: number | null = from + 1;
    for (let left = count; left > 0 && found !== null; left -= COUNTED_ROWS) {
      found = this.#options.store.runs.findNthNewestSeq(jobId, found, Math.min(left, COUNTED_ROWS));
      await this.#rest();
    }
    return found;
  }

  async #deleteVersions(): Promise<void> {
    let after: number | null = 0;
    await this.#inSteps(() => {
      after = this.#options.store.jobs.deleteUnusedVersions(after ?? 0, STEP_ROWS);
      return after !== null;
    });
  }

  async #deleteOccurrences(jobId: JobId): Promise<void> {
    const { store } = this.#options;
    const upTo = store.occurrences.findNthNewest(jobId, MAX_DUE);
    await this.#rest();
    if (upTo !== null) await this.#inSteps(() => store.occurrences.deleteOldest(jobId, upTo, STEP_ROWS) > 0);
  }
}
