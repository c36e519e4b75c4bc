import { sleep } from "../lib/clock.ts";
import type { StopMode } from "./engine.ts";
import type { Notifier } from "./notify/notifier.ts";
import type { EngineOptions } from "./options.ts";
import type { RunJob } from "./run/run-job.ts";
import type { Runs } from "./run/runs.ts";
import type { ScheduleQueue } from "./schedule/schedule-queue.ts";

/** How long runs may take to end after they were killed, in ms. The next start adopts what is still running then. */
const END_TIMEOUT_MS = 5_000;

export type ShutdownOptions = Pick<EngineOptions, "clock" | "log" | "settings"> & {
  /** False if runs are created by trigger only. */
  readonly followSchedules: boolean;
  readonly notifier: Notifier;
  readonly runs: Runs;
  readonly scheduleQueue: ScheduleQueue;
  /** Sends the traces of runs that have ended, for a moment. */
  readonly drainTraces: () => Promise<void>;
  /** Releases the processes and the store. Called last. */
  readonly detach: () => void;
};

/** Stops the engine: no new runs, then drain, end or leave the running ones, then detach. */
export class Shutdown {
  readonly #options: ShutdownOptions;
  readonly #now = new AbortController();
  #done: Promise<void> | null = null;

  constructor(options: ShutdownOptions) {
    this.#options = options;
  }

  get isStopping(): boolean {
    return this.#done !== null;
  }

  /** Idempotent; `now` also ends a drain that is under way. */
  run(mode: StopMode): Promise<void> {
    if (mode === "now") this.#now.abort();
    this.#done ??= this.#stop(mode);
    return this.#done;
  }

  async #stop(mode: StopMode): Promise<void> {
    const { runs, scheduleQueue, notifier, followSchedules, drainTraces, detach } = this.#options;
    scheduleQueue[Symbol.dispose]();
    runs.close();
    if (mode !== "leave") await this.#drain();
    // Without schedules there may be no next start that sends the waiting notifications.
    if (mode === "drain" || !followSchedules) await notifier.drain(this.#now.signal);
    await drainTraces();
    detach();
  }

  async #drain(): Promise<void> {
    const { runs, settings, log, clock } = this.#options;
    const working = runs.active.filter(({ isResting }) => !isResting);
    if (working.length === 0) return;
    log.info({ runs: working.length, timeout_ms: settings.shutdownTimeoutMs }, "waiting for running runs to end");
    const idle = new AbortController();
    const whenIdle = runs.idle().then(() => idle.abort());
    await sleep(clock, settings.shutdownTimeoutMs, AbortSignal.any([idle.signal, this.#now.signal]));
    if (!idle.signal.aborted) await this.#endAll(idle.signal);
    if (idle.signal.aborted) await whenIdle;
  }

  async #endAll(idle: AbortSignal): Promise<void> {
    const { runs, clock, settings, log } = this.#options;
    const working = withParents(
      runs.active.filter(({ isResting }) => !isResting),
      runs,
    );
    log.warn({ runs: working.size }, "ending the runs that are still running");
    for (const runJob of working) runJob.endAnyhow("shutdown", { all: true });
    await sleep(clock, settings.killGraceMs, AbortSignal.any([idle, this.#now.signal]));
    for (const runJob of runs.active) runJob.forceKill();
    await sleep(clock, END_TIMEOUT_MS, idle);
  }
}

/**
 * Adds the runs that wait for these, because they can't complete without them. Any other run that only waits has no process; the
 * next start continues it.
 */
const withParents = (working: readonly RunJob[], runs: Pick<Runs, "find">): ReadonlySet<RunJob> => {
  const found = new Set<RunJob>();
  const add = (runJob: RunJob | null): void => {
    if (runJob === null || found.has(runJob)) return;
    found.add(runJob);
    const { parent } = runJob.run;
    const waiting = parent === null ? null : runs.find(parent.runId);
    if (waiting?.awaits(runJob.run.id) === true) add(waiting);
  };
  for (const runJob of working) add(runJob);
  return found;
};
