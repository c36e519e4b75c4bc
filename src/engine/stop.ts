import { sleep } from "../lib/clock.ts";
import type { StopMode } from "./engine.ts";
import type { Notify } from "./notify/notify.ts";
import type { EngineOptions } from "./options.ts";
import type { Runs } from "./run/runs.ts";
import type { Agenda } from "./schedule/schedule-queue.ts";

/** What ending a run may take beyond its grace, before petit leaves it to the next start. */
const PATIENCE_MS = 5_000;

export type StopOptions = EngineOptions & { readonly notify: Notify; readonly runs: Runs; readonly agenda: Agenda };

/** The way out: no new runs; then wait, end, or leave what is going on. */
export class Stop {
  readonly #options: StopOptions;
  readonly #now = new AbortController();
  #done: Promise<void> | null = null;

  constructor(options: StopOptions) {
    this.#options = options;
  }

  get isStopping(): boolean {
    return this.#done !== null;
  }

  /** Idempotent; `now` also hurries a stop that is under way. */
  run(how: StopMode): Promise<void> {
    if (how === "now") this.#now.abort();
    this.#done ??= this.#stop(how);
    return this.#done;
  }

  async #stop(how: StopMode): Promise<void> {
    const { runs, agenda, notify, followSchedules } = this.#options;
    agenda[Symbol.dispose]();
    runs.close();
    if (how !== "leave") await this.#drain();
    // Where only triggers make runs there may be no next start that sends what waits.
    if (how === "drain" || followSchedules === false) await notify.drain(this.#now.signal);
    notify[Symbol.dispose]();
    runs[Symbol.dispose]();
  }

  async #drain(): Promise<void> {
    const { runs, settings, log, clock } = this.#options;
    if (runs.active.length === 0) return;
    log.info({ runs: runs.active.length, timeout_ms: settings.shutdownTimeoutMs }, "waiting for running runs to end");
    const idle = new AbortController();
    const whenIdle = runs.idle().then(() => idle.abort());
    await sleep(clock, settings.shutdownTimeoutMs, AbortSignal.any([idle.signal, this.#now.signal]));
    if (!idle.signal.aborted) await this.#endAll(idle.signal);
    if (idle.signal.aborted) await whenIdle;
  }

  async #endAll(idle: AbortSignal): Promise<void> {
    const { runs, clock, settings, log } = this.#options;
    log.warn({ runs: runs.active.length }, "ending what still runs");
    for (const runJob of runs.active) runJob.endAnyhow("shutdown", { all: true });
    await sleep(clock, settings.killGraceMs, AbortSignal.any([idle, this.#now.signal]));
    for (const runJob of runs.active) runJob.hurry();
    await sleep(clock, PATIENCE_MS, idle);
  }
}
