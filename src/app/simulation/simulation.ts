import { setTimeout } from "node:timers/promises";
import type { Job } from "../../domain/job.ts";
import type { AttemptDriver } from "../../engine/attempt/driver.ts";
import type { Engine } from "../../engine/engine.ts";
import type { EventIntake } from "../../engine/scheduler.ts";
import { sleep } from "../../lib/clock.ts";
import { silentLog } from "../../lib/log.ts";
import { VirtualClock } from "../../lib/virtual-clock.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { MEMORY } from "../../store/database/open.ts";
import { openEngine } from "../open-engine.ts";
import type { Settings } from "../settings/settings.ts";

export type SimulationOptions = {
  readonly settings: Settings;
  readonly runtime: Runtime;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly jobsDir: string;
  readonly jobs: readonly Job[];
  /** When it begins, in ms since the Unix epoch. */
  readonly now: number;
  /** True to start runs from schedules and `run` triggers too. */
  readonly followSchedules: boolean;
  /** Returns what runs attempts. `local` runs them on this machine. */
  readonly attempts: (local: AttemptDriver) => AttemptDriver;
  /** Returns whether a process runs, for which time passes as in reality. Missing: none does. */
  readonly hasProcess?: () => boolean;
  /** Once it is aborted, the time of the simulation no longer passes, and waiting throws its reason. Missing: never. */
  readonly signal?: AbortSignal;
};

/** An engine with a database in memory and a clock that only this advances. It sends no notifications and watches no files. */
export class Simulation implements AsyncDisposable {
  readonly engine: Engine & EventIntake;
  readonly clock: VirtualClock;
  readonly #parts: AsyncDisposableStack;
  readonly #hasProcess: () => boolean;
  readonly #signal: AbortSignal | undefined;
  #activity = 0;

  private constructor(
    engine: Engine & EventIntake,
    clock: VirtualClock,
    {
      parts,
      hasProcess,
      signal,
    }: {
      readonly parts: AsyncDisposableStack;
      readonly hasProcess: () => boolean;
      readonly signal: AbortSignal | undefined;
    },
  ) {
    this.engine = engine;
    this.clock = clock;
    this.#parts = parts;
    this.#hasProcess = hasProcess;
    this.#signal = signal;
    engine.onEvent(() => {
      this.#activity++;
    });
  }

  /** Resolves when the engine has started. Leaves nothing if it can't. */
  static async start(options: SimulationOptions): Promise<Simulation> {
    await using unfinished = new AsyncDisposableStack();
    const simulation = await Simulation.#open(options, unfinished.use(new AsyncDisposableStack()));
    unfinished.move();
    return simulation;
  }

  static async #open(options: SimulationOptions, parts: AsyncDisposableStack): Promise<Simulation> {
    const { settings, runtime, environment, jobsDir, jobs, now, followSchedules, attempts } = options;
    const clock = new VirtualClock(now);
    const engine = openEngine(
      {
        // A database in memory has no backups.
        settings: { ...settings, db: MEMORY, backupDir: null },
        runtime,
        clock,
        environment,
        jobsDir,
        readJobs: async () => ({ jobs: jobs.map(withoutNotify), problems: [], broken: [] }),
        log: silentLog,
        followSchedules,
        watchFiles: false,
        attempts,
      },
      parts,
    );
    const simulation = new Simulation(engine, clock, {
      parts,
      hasProcess: options.hasProcess ?? (() => false),
      signal: options.signal,
    });
    await simulation.until(engine.start(), Number.POSITIVE_INFINITY);
    return simulation;
  }

  /**
   * Lets time pass until a promise settles, or until `end` (wall time). Then resolves with its value, or with null. Rejects as the promise
   * does, and with the reason of the signal if that is aborted.
   */
  until<T>(promise: Promise<T>, end: number): Promise<T | null> {
    return this.#until(promise, { end, signal: this.#signal });
  }

  async #until<T>(
    promise: Promise<T>,
    { end, signal }: { readonly end: number; readonly signal: AbortSignal | undefined },
  ): Promise<T | null> {
    const settled = { is: false };
    const note = (): void => {
      settled.is = true;
    };
    promise.then(note, note);
    const { clock } = this;
    for (;;) {
      const from = performance.now();
      await clock.idle(() => this.#activity);
      signal?.throwIfAborted();
      if (settled.is) return await promise;
      if (this.#hasProcess()) {
        await setTimeout(REAL_STEP_MS);
        await clock.pass(Math.ceil(performance.now() - from));
      } else if (!clock.fireNext(end)) return null;
    }
  }

  /** Lets time pass until `end` (wall time), with everything that happens until then. */
  async passTo(end: number): Promise<void> {
    await this.until(new Promise<never>(() => {}), end);
  }

  /** Calls `callback` at a time by its clock, unless that has passed. */
  at(time: number, callback: () => void): void {
    const delayMs = time - this.clock.now();
    if (delayMs >= 0) void sleep(this.clock, delayMs).then(callback);
  }

  /** Ends what runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#until(this.engine.stop("now"), { end: Number.POSITIVE_INFINITY, signal: undefined });
    await this.#parts.disposeAsync();
  }
}

/** How long a simulation waits for a process before it looks again. */
const REAL_STEP_MS = 5;

/** Returns a job without its notifications. */
const withoutNotify = (job: Job): Job => ({ ...job, notify: [] });
