import type { RunId } from "../../domain/ids.ts";
import type { Job } from "../../domain/job.ts";
import { dueAtOf, type Run } from "../../domain/run.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import type { Store } from "../../store/store.ts";
import type { Commits } from "../commits.ts";
import type { Notifier } from "../notify/notifier.ts";
import type { RunRename } from "./waiting-lines.ts";

export type LateRunsOptions = {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly commits: Commits;
  readonly notifier: Notifier;
  /** Aborted when the engine detaches. */
  readonly detach: AbortSignal;
};

/** Maximum delay between checks of the wall clock, because timers stop while the machine is suspended. */
const MAX_DELAY_MS = 5_000;

type Watched = { readonly run: Run; readonly job: Job; readonly lateFrom: number };

/** Notices when an unfinished run exceeds `warn_after` of its job: stores it once, with its event and its notifications. */
export class LateRuns implements Disposable {
  readonly #options: LateRunsOptions;
  readonly #watched = new Map<RunId, Watched>();
  readonly #late = new Map<RunId, Run>();
  /** When the timer checks next, by the wall clock; null without a timer. */
  #checkAt: number | null = null;
  #cancelTimer = (): void => {};

  constructor(options: LateRunsOptions) {
    this.#options = options;
  }

  /** The unfinished runs that are late, in the order in which they became late. */
  get late(): readonly Run[] {
    return [...this.#late.values()];
  }

  /** Watches a run whose start or creation is stored. */
  watch(run: Run, job: Job): void {
    if (run.lateAt !== null) this.#late.set(run.id, run);
    if (run.lateAt !== null || job.warnAfterMs === undefined) return;
    const lateFrom = dueAtOf(run) + job.warnAfterMs;
    this.#watched.set(run.id, { run, job, lateFrom });
    this.#arm(lateFrom);
  }

  rename({ from, to, current }: RunRename): void {
    for (const [runId, { run, job, lateFrom }] of this.#watched)
      if (job.id === from) this.#watched.set(runId, { run: current(run), job: { ...job, id: to }, lateFrom });
    for (const [runId, run] of this.#late) if (run.jobId === from) this.#late.set(runId, current(run));
  }

  /** Call it when the end of a run is stored. */
  forget(runId: RunId): void {
    this.#watched.delete(runId);
    this.#late.delete(runId);
  }

  [Symbol.dispose](): void {
    this.#cancelTimer();
    this.#watched.clear();
  }

  #arm(lateFrom: number): void {
    const { clock } = this.#options;
    const now = clock.now();
    const at = Math.max(now, Math.min(lateFrom, now + MAX_DELAY_MS));
    if (this.#checkAt !== null && this.#checkAt <= at) return;
    this.#cancelTimer();
    this.#checkAt = at;
    this.#cancelTimer = clock.setTimeout(() => this.#check(), Math.ceil(at - now));
  }

  #check(): void {
    this.#checkAt = null;
    const now = this.#options.clock.now();
    for (const [runId, { job, lateFrom }] of this.#watched) {
      if (lateFrom > now) continue;
      this.#watched.delete(runId);
      void this.#mark(runId, job);
    }
    const next = Math.min(...this.#watched.values().map(({ lateFrom }) => lateFrom));
    if (this.#watched.size > 0) this.#arm(next);
  }

  async #mark(runId: RunId, job: Job): Promise<void> {
    const { store, clock, log, commits, notifier, detach } = this.#options;
    try {
      await commits.enqueueUntilStored((addHooks) => {
        const run = store.runs.markLate(runId, clock.now());
        if (run === null) return;
        notifier.late(job, run);
        addHooks({ onCommit: () => this.#late.set(runId, run), onRollback: () => {} });
      });
    } catch (error) {
      if (!detach.aborted) log.error({ err: error, run_id: runId }, "cannot store that a run is late");
    }
  }
}
