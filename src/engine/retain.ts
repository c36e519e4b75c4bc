import { MAX_DUE } from "../domain/due.ts";
import type { JobId } from "../domain/ids.ts";
import type { Job } from "../domain/job.ts";
import { type Clock, sleep } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Store } from "../store/store.ts";

/** From the end of a run until what is one too many goes: several ends at once are one round. */
const ROUND_MS = 1_000;

/** Days pass for jobs without a run, too. */
const ALL_MS = 3_600_000;

/** One step works at most so long, and then leaves the thread to others for as long again. */
const STEP_MS = 8;
const REST_MS = 8;

/** Rows looked at, or deleted, in one statement. */
const STEP_ROWS = 50;

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
  /** Told when some of a job's runs were deleted. */
  readonly onDeleted: (jobId: JobId) => void;
  /** Ends it, in the middle of a round as well. */
  readonly signal: AbortSignal;
};

/** Deletes what is beyond the limits of its job, in small steps. */
export class Retain {
  readonly #options: RetainOptions;
  #waiting = new Set<JobId>();
  #isRunning = false;
  #lookedAtAll = Number.NEGATIVE_INFINITY;
  #restedAt = Number.NEGATIVE_INFINITY;

  constructor(options: RetainOptions) {
    this.#options = options;
  }

  /** Something of this job may be beyond its limits now; of the others as well, when they were not looked at for long. */
  look(jobId: JobId): void {
    this.#waiting.add(jobId);
    if (this.#options.clock.monotonic() - this.#lookedAtAll >= ALL_MS) this.lookAtAll();
    else this.#start();
  }

  lookAtAll(): void {
    this.#lookedAtAll = this.#options.clock.monotonic();
    for (const jobId of this.#options.jobIds()) this.#waiting.add(jobId);
    this.#start();
  }

  #start(): void {
    if (!this.#isRunning && this.#waiting.size > 0) void this.#run();
  }

  async #run(): Promise<void> {
    const { clock, log, signal } = this.#options;
    this.#isRunning = true;
    try {
      while (this.#waiting.size > 0 && !signal.aborted) {
        await sleep(clock, ROUND_MS, signal);
        await this.#round();
      }
    } catch (error) {
      // What can't be deleted now is looked at again after the next run.
      log.warn({ err: error }, "old runs can't be deleted");
    } finally {
      this.#isRunning = false;
    }
  }

  async #round(): Promise<void> {
    const { store } = this.#options;
    const jobIds = [...this.#waiting];
    this.#waiting = new Set();
    for (const jobId of jobIds) {
      if (await this.#inSteps(() => this.#stepOfRuns(jobId))) this.#options.onDeleted(jobId);
      await this.#inSteps(() => store.deleteOccurrences(jobId, MAX_DUE, STEP_ROWS) > 0);
    }
    await this.#inSteps(() => store.deleteEvents(MAX_EVENTS, STEP_ROWS) > 0);
  }

  /** Until `step` has nothing left to do. True where it has done something. */
  async #inSteps(step: () => boolean): Promise<boolean> {
    for (let isDone = false; ; isDone = true) {
      const goesOn = !this.#options.signal.aborted && step();
      await this.#rest();
      if (!goesOn) return isDone;
    }
  }

  /** Where it is time: of many jobs each may take but a moment. */
  async #rest(): Promise<void> {
    const { clock, signal } = this.#options;
    if (clock.monotonic() - this.#restedAt < STEP_MS) return;
    await sleep(clock, REST_MS, signal);
    this.#restedAt = clock.monotonic();
  }

  #stepOfRuns(jobId: JobId): boolean {
    const { store, clock, findJob, defaults } = this.#options;
    const own = findJob(jobId)?.retention;
    const [runs, days] = [own?.runs ?? defaults.runs, own?.days ?? defaults.days];
    if (runs === null && days === null) return false;
    const endedAfter = days === null ? null : clock.now() - days * DAY_MS;
    return store.deleteRuns(jobId, { runs, endedAfter }, { limit: STEP_ROWS, untilMs: STEP_MS, clock }) > 0;
  }
}
