import type { LostProcessGroups } from "../../domain/attention.ts";
import type { JobId, RunId } from "../../domain/ids.ts";
import { anyAborted } from "../../lib/abort.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import { isLost, type LostAttempts } from "../../store/identity.ts";
import type { Store } from "../../store/store.ts";
import { findStrays, type Stray } from "../attempt/strays.ts";

export type LostProcessesOptions = {
  readonly store: Pick<Store, "identity" | "runs">;
  readonly clock: Clock;
  readonly log: Log;
  readonly spoolDir: string;
  /** Takes the slots of a run that the database does not know. Returns a function that frees them. */
  readonly occupy: (jobId: JobId, runId: RunId) => () => void;
  /** Returns the id that a job has now. A process has the one that its job had when it started. */
  readonly currentId: (jobId: JobId) => JobId;
};

/** Interval between checks whether they have ended. */
const CHECK_MS = 500;

/**
 * The processes of attempts that only the database had that a restore has replaced. petit neither follows nor ends them. As long as they run,
 * their runs count for the limits of their jobs, and what petit continues of these jobs waits.
 */
export class LostProcesses implements Disposable {
  readonly #options: LostProcessesOptions;
  readonly #freeByRun = new Map<RunId, () => void>();
  readonly #waiting = new Set<() => void>();
  /** The runs that the previous process has left unfinished. */
  #continued: ReadonlySet<RunId> = new Set();
  #lost: readonly LostAttempts[] = [];
  #strays: readonly Stray[] = [];
  /** When they were found. */
  #since = 0;
  #cancel = (): void => {};

  constructor(options: LostProcessesOptions) {
    this.#options = options;
  }

  /** Finds them, before any run continues. */
  start(): void {
    const { store, clock, log, occupy } = this.#options;
    this.#lost = store.identity.listLost();
    if (this.#lost.length === 0) return;
    this.#strays = this.#find();
    this.#since = clock.now();
    this.#continued = new Set(store.runs.listUnfinished().map(({ id }) => id));
    for (const { attemptId, pgid, jobId, runId } of this.#strays) {
      log.warn({ pid: pgid, job_id: jobId, run_id: runId, attempt_id: attemptId }, LEFT);
      if (jobId === null || runId === null || this.#freeByRun.has(runId) || this.#continued.has(runId)) continue;
      this.#freeByRun.set(runId, occupy(jobId, runId));
    }
    this.#checkLater();
  }

  [Symbol.dispose](): void {
    this.#cancel();
    this.#strays = [];
  }

  /** Their attempts. */
  get attemptIds(): readonly number[] {
    return this.#strays.map(({ attemptId }) => attemptId);
  }

  /** Those that still run, the oldest first; null if there are none. */
  get found(): LostProcessGroups | null {
    if (this.#strays.length === 0) return null;
    const oldestFirst = this.#strays.toSorted((a, b) => a.attemptId - b.attemptId);
    return { since: this.#since, processes: oldestFirst.map(({ pgid: pid, jobId, runId }) => ({ pid, jobId, runId })) };
  }

  /** Returns whether a run must wait before it starts a process. */
  blocks({ id, jobId }: { readonly id: RunId; readonly jobId: JobId }): boolean {
    if (!this.#continued.has(id)) return false;
    const { currentId } = this.#options;
    const isOfJob = (stray: Stray): boolean => stray.jobId !== null && currentId(stray.jobId) === jobId;
    return this.#strays.some((stray) => stray.runId === id || isOfJob(stray));
  }

  /** Resolves when the run may start a process, or when `signal` aborts. */
  async untilFree(run: { readonly id: RunId; readonly jobId: JobId }, signal: AbortSignal): Promise<void> {
    while (this.blocks(run) && !signal.aborted) {
      const next = Promise.withResolvers<void>();
      this.#waiting.add(next.resolve);
      await Promise.race([next.promise, anyAborted([signal])]);
      this.#waiting.delete(next.resolve);
    }
  }

  #find(): readonly Stray[] {
    const { spoolDir } = this.#options;
    return findStrays({ spoolDir }, (attemptId) => isLost(attemptId, this.#lost));
  }

  #checkLater(): void {
    if (this.#strays.length === 0) this.#settle();
    else this.#cancel = this.#options.clock.setTimeout(() => this.#check(), CHECK_MS);
  }

  #check(): void {
    this.#strays = this.#find();
    const running = new Set(this.#strays.map(({ runId }) => runId));
    for (const [runId, free] of this.#freeByRun) {
      if (running.has(runId)) continue;
      this.#freeByRun.delete(runId);
      free();
    }
    for (const wake of [...this.#waiting]) wake();
    this.#checkLater();
  }

  /** Processes that have ended do not come back. */
  #settle(): void {
    const { store, log } = this.#options;
    try {
      store.identity.forgetLost();
    } catch (error) {
      log.warn({ err: error }, "cannot store that no process of before the restore is left");
    }
  }
}

const LEFT =
  "a process of a run that the restored database does not know is still running; 'petit doctor --end-strays' ends it";
