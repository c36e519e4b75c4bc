import type { JobId } from "../domain/ids.ts";
import { type Expectation, expectedFrom, successAt } from "../domain/inbox/expectation.ts";
import type { Run } from "../domain/run.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Store } from "../store/store.ts";
import type { Commits } from "./commits.ts";
import type { Notifier } from "./notify/notifier.ts";
import type { Jobs } from "./schedule/jobs.ts";
import { Timer } from "./schedule/timer.ts";

export type ExpectationsOptions = {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly commits: Commits;
  readonly notifier: Pick<Notifier, "stale">;
  readonly jobs: Pick<Jobs, "all">;
  /** Aborted when the engine detaches. */
  readonly detach: AbortSignal;
};

/** Number of jobs that become stale in one transaction. */
const SLICE = 100;

/** Notices when no run of a job has completed within the time that its `expect` names: stores it once, with its event and notifications. */
export class Expectations implements Disposable {
  readonly #options: ExpectationsOptions;
  /** Those of the current jobs. */
  readonly #all = new Map<JobId, Expectation>();
  readonly #timer: Timer<JobId>;
  /** The jobs that the timer has. */
  readonly #timed = new Set<JobId>();
  /**
   * Since when the clock has been behind the last success of a job, by the clock: it was ahead when that was stored, and has been set
   * back.
   */
  readonly #behindSince = new Map<JobId, number>();

  constructor(options: ExpectationsOptions) {
    this.#options = options;
    this.#timer = new Timer({ clock: options.clock, onDue: (jobIds, now) => this.#judge(jobIds, now) });
  }

  /** Notices from now on what was due and did not come. */
  start(): void {
    this.#timer.start();
  }

  /** Reads what the current jobs expect. */
  load(): void {
    const { store, jobs } = this.#options;
    this.#all.clear();
    for (const each of store.expectations.list()) {
      if (jobs.all.get(each.jobId)?.job.expect !== undefined) this.#all.set(each.jobId, each);
    }
    for (const jobId of this.#behindSince.keys()) if (!this.#all.has(jobId)) this.#behindSince.delete(jobId);
    this.plan();
  }

  /** Plans anew when jobs become stale. Call it when the clock was set back, too. */
  plan(): void {
    const now = this.#options.clock.now();
    this.#timer.clear();
    this.#timed.clear();
    for (const each of this.#all.values()) this.#time(each, now);
  }

  get all(): Iterable<Expectation> {
    return this.#all.values();
  }

  find(jobId: JobId): Expectation | null {
    return this.#all.get(jobId) ?? null;
  }

  /** Returns what is expected of a job if it is stale; otherwise null. */
  findStale(jobId: JobId): Expectation | null {
    const each = this.find(jobId);
    return each?.staleSince == null ? null : each;
  }

  /** Call it when the end of a run is stored. */
  noteEnd(run: Run): void {
    const now = this.#options.clock.now();
    const known = this.#all.get(run.jobId);
    const lastSuccessAt = successAt(run, now);
    if (known === undefined || lastSuccessAt === null) return;
    const each = { ...known, lastSuccessAt, staleSince: null };
    this.#all.set(each.jobId, each);
    this.#behindSince.delete(each.jobId);
    this.#time(each, now);
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }

  /** A job that the timer already has becomes stale no earlier than that; then it is judged again. */
  #time(each: Expectation, now: number): void {
    if (each.staleSince !== null || this.#timed.has(each.jobId)) return;
    this.#timed.add(each.jobId);
    this.#timer.add(each.jobId, this.#staleFrom(each, now));
  }

  #staleFrom(each: Expectation, now: number): number {
    const { jobId, withinMs } = each;
    const from = expectedFrom(each);
    if (from <= now) {
      this.#behindSince.delete(jobId);
      return from + withinMs;
    }
    const behindSince = Math.min(now, this.#behindSince.get(jobId) ?? now);
    this.#behindSince.set(jobId, behindSince);
    return behindSince + withinMs;
  }

  #judge(jobIds: readonly JobId[], now: number): void {
    const overdue: Expectation[] = [];
    for (const jobId of jobIds) {
      this.#timed.delete(jobId);
      const each = this.#all.get(jobId);
      if (each === undefined || each.staleSince !== null) continue;
      if (this.#staleFrom(each, now) <= now) overdue.push(each);
      else this.#time(each, now);
    }
    for (let start = 0; start < overdue.length; start += SLICE) void this.#mark(overdue.slice(start, start + SLICE));
  }

  async #mark(overdue: readonly Expectation[]): Promise<void> {
    const { store, clock, log, commits, notifier, jobs, detach } = this.#options;
    try {
      await commits.enqueueUntilStored((addHooks) => {
        for (const each of overdue) {
          const stored = jobs.all.get(each.jobId);
          if (stored?.job.expect?.successWithinMs !== each.withinMs) continue;
          const stale = store.expectations.markStale(each.jobId, { from: expectedFrom(each), now: clock.now() });
          if (stale === null) continue;
          notifier.stale(stored, stale);
          addHooks({ onCommit: () => void this.#all.set(each.jobId, stale) });
        }
      });
    } catch (error) {
      if (!detach.aborted) log.error({ err: error }, "cannot store that jobs are stale");
    }
  }
}
