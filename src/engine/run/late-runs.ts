import type { RunId } from "../../domain/ids.ts";
import type { Job } from "../../domain/job.ts";
import { dueAtOf, type Run } from "../../domain/run.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import type { Store } from "../../store/store.ts";
import type { Commits } from "../commits.ts";
import type { Notifier } from "../notify/notifier.ts";
import { Timer } from "../schedule/timer.ts";
import type { RunRename } from "./limits/waiting-lines.ts";

export type LateRunsOptions = {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly commits: Commits;
  readonly notifier: Notifier;
  /** Aborted when the engine detaches. */
  readonly detach: AbortSignal;
};

type Watched = { readonly run: Run; readonly job: Job; readonly lateFrom: number };

/** The timer may have this many runs more than twice those that are watched, since runs that have ended stay in it. */
const SPARE = 64;

/** Notices when an unfinished run exceeds `warn_after` of its job: stores it once, with its event and its notifications. */
export class LateRuns implements Disposable {
  readonly #options: LateRunsOptions;
  readonly #watched = new Map<RunId, Watched>();
  readonly #late = new Map<RunId, Run>();
  readonly #timer: Timer<RunId>;

  constructor(options: LateRunsOptions) {
    this.#options = options;
    this.#timer = new Timer({ clock: options.clock, onDue: (runIds) => this.#noteLate(runIds) });
    this.#timer.start();
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
    this.#timer.add(run.id, lateFrom);
  }

  rename({ from, to, current }: RunRename): void {
    for (const [runId, { run, job, lateFrom }] of this.#watched)
      if (job.id === from) this.#watched.set(runId, { run: current(run), job: { ...job, id: to }, lateFrom });
    for (const [runId, run] of this.#late) if (run.jobId === from) this.#late.set(runId, current(run));
  }

  /** Call it when the end of a run is stored. */
  forget(runId: RunId): void {
    this.#late.delete(runId);
    if (!this.#watched.delete(runId) || this.#timer.size <= 2 * this.#watched.size + SPARE) return;
    this.#timer.clear();
    for (const [id, { lateFrom }] of this.#watched) this.#timer.add(id, lateFrom);
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
    this.#watched.clear();
  }

  #noteLate(runIds: readonly RunId[]): void {
    for (const runId of runIds) {
      const watched = this.#watched.get(runId);
      if (watched === undefined) continue;
      this.#watched.delete(runId);
      void this.#mark(runId, watched.job);
    }
  }

  async #mark(runId: RunId, job: Job): Promise<void> {
    const { store, clock, log, commits, notifier, detach } = this.#options;
    try {
      await commits.enqueueUntilStored((addHooks) => {
        const run = store.runs.markLate(runId, clock.now());
        if (run === null) return;
        notifier.late(job, run);
        addHooks({ onCommit: () => this.#late.set(runId, run) });
      });
    } catch (error) {
      if (!detach.aborted) log.error({ err: error, run_id: runId }, "cannot store that a run is late");
    }
  }
}
