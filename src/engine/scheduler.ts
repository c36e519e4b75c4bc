import { PetitError } from "../domain/errors.ts";
import type { Event } from "../domain/event.ts";
import type { JobId, RunId } from "../domain/ids.ts";
import type { Run } from "../domain/run.ts";
import type { StoredJob } from "../store/jobs.ts";
import type { Store } from "../store/store.ts";
import { inheritable } from "./attempt/command.ts";
import type { Later } from "./commits.ts";
import type {
  ComingBounds,
  Engine,
  Health,
  JobView,
  Reload,
  SchedulerState,
  StopMode,
  TriggeredRun,
  TriggerRequest,
} from "./engine.ts";
import { healthOf } from "./health.ts";
import { safely } from "./listeners.ts";
import { Notify } from "./notify/notify.ts";
import type { EngineOptions } from "./options.ts";
import { makeSpoolDir } from "./output/spool.ts";
import { Retain } from "./pruner.ts";
import { cancel } from "./run/cancel.ts";
import { mustFindRun } from "./run/find.ts";
import { recover } from "./run/recover.ts";
import { Runs } from "./run/runs.ts";
import { canRetry, retry, type TriggerOptions, trigger } from "./run/trigger.ts";
import { type WaitOptions, waitForRun } from "./run/wait.ts";
import type { DueJob } from "./schedule/due-job.ts";
import { fire, lookAgain } from "./schedule/fire.ts";
import { Jobs } from "./schedule/jobs.ts";
import { Reloader } from "./schedule/reloader.ts";
import { Agenda } from "./schedule/schedule-queue.ts";
import { Stop } from "./stop.ts";

/** The engine: wires what decides, what runs and what remembers. */
export class Scheduler implements Engine {
  readonly store: Store;
  readonly #options: EngineOptions;
  readonly #jobs: Jobs;
  readonly #notify: Notify;
  readonly #runs: Runs;
  readonly #agenda: Agenda;
  readonly #retain: Retain;
  readonly #stop: Stop;
  readonly #reloader: Reloader;
  #isPaused = false;
  #isStarted = false;

  constructor(options: EngineOptions) {
    this.store = options.store;
    this.#options = options;
    this.#jobs = new Jobs(options, (due, now) => this.#fire(due, now));
    const { clock, settings } = options;
    this.#notify = new Notify({ ...options, untilStored: (work) => this.#runs.commits.untilStored(work) });
    this.#runs = new Runs({ ...options, notify: this.#notify, environment: inheritable(options.environment) }, (run) =>
      this.#retain.look(run.jobId),
    );
    this.#retain = new Retain({
      ...options,
      jobIds: () => [...this.#jobs.all.keys(), ...(options.followSchedules === false ? [] : this.#runs.newest.jobIds)],
      findJob: (jobId) => this.#jobs.find(jobId)?.job ?? null,
      defaults: settings.retention ?? { runs: null, days: null },
      onDeleted: (jobId) => this.#runs.newest.put(jobId, this.store.runs.findNewest(jobId)),
      untilStored: (work) => this.#runs.commits.untilStored(work),
      signal: this.#runs.left,
    });
    this.#agenda = new Agenda({
      clock,
      timezone: settings.timezone,
      fire: (due, now) => this.#fire(due, now),
      setBack: (now) => this.#runs.commits.nowOrLater(() => this.store.jobs.rewindAccountedUntil(now)),
      isPaused: () => this.#isPaused,
    });
    const parts = { notify: this.#notify, runs: this.#runs, agenda: this.#agenda };
    this.#stop = new Stop({ ...options, ...parts });
    this.#reloader = new Reloader({
      ...options,
      ...parts,
      jobs: this.#jobs,
      assertRunning: () => this.#assertRunning(),
    });
  }

  async start(): Promise<void> {
    makeSpoolDir(this.#options.spoolDir);
    this.#isPaused = this.store.scheduler.isPaused();
    await this.#jobs.load();
    this.#runs.loadNewest();
    recover(this.#options, this.#runs);
    if (this.#options.followSchedules !== false) this.#schedule();
    this.store.stopBlocking();
    this.#isStarted = true;
    this.#notify.start(this.#jobs.all.values());
    this.#retain.lookAtAll();
    void this.#runs.pump();
  }

  /** What came due while petit was away first, then what comes. */
  #schedule(): void {
    const now = this.#options.clock.now();
    lookAgain(this.#options, now);
    this.#agenda.set(this.#jobs.all.values(), now);
    this.#agenda.start(now);
  }

  async stop(how: StopMode): Promise<void> {
    await this.#stop.run(how);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("now");
  }

  get state(): SchedulerState {
    if (!this.#isStarted || this.#stop.isStopping) return "stopped";
    return this.#isPaused ? "paused" : "running";
  }

  get counts(): { readonly pending: number; readonly running: number } {
    return this.#runs.counts;
  }

  trigger(jobId: string, request: TriggerRequest = {}): Promise<TriggeredRun> {
    const { commits } = this.#runs;
    return commits.whileLocked(() => commits.soon((later) => trigger(jobId, request, this.#triggerOptions(later))));
  }

  retry(runId: RunId, options: { readonly fromStart?: boolean } = {}): Promise<Run> {
    const { commits } = this.#runs;
    return commits.whileLocked(() =>
      commits.soon((later) =>
        retry(mustFindRun(this.store, runId), options.fromStart ?? false, this.#triggerOptions(later)),
      ),
    );
  }

  canRetry(run: Run): boolean {
    return canRetry(run, { store: this.store, jobs: this.#jobs });
  }

  cancel(runId: RunId): Promise<Run> {
    return this.#runs.commits.whileLocked(() => cancel(runId, { store: this.store, runs: this.#runs }));
  }

  waitForRun(runId: RunId, options: WaitOptions = {}): Promise<Run> {
    const { store } = this;
    return waitForRun(runId, { ...options, store, runs: this.#runs, clock: this.#options.clock });
  }

  pause(): Promise<void> {
    return this.#runs.commits.whileLocked(() => this.#setPaused(true));
  }

  resume(): Promise<void> {
    return this.#runs.commits.whileLocked(() => this.#setPaused(false));
  }

  reload(): Promise<Reload> {
    return this.#reloader.reload();
  }

  listJobs(): readonly JobView[] {
    return [...this.#jobs.all.values()].map((stored) => this.#view(stored));
  }

  findJob(jobId: string): JobView | null {
    const stored = this.#jobs.find(jobId);
    return stored === null ? null : this.#view(stored);
  }

  coming(jobId: JobId, count: number, bounds: ComingBounds = {}): readonly number[] {
    return this.#agenda.coming(jobId, count, bounds);
  }

  get problems(): Engine["problems"] {
    return this.#jobs.problems;
  }

  health(): Health {
    return healthOf({
      store: this.store,
      clock: this.#options.clock,
      outage: this.#runs.commits.outage,
      problems: this.#jobs.problems,
      reloadFailure: this.#reloader.failure,
    });
  }

  onEvent(listener: (event: Event) => void): () => void {
    const heard = safely(listener, this.#options.log);
    return this.store.events.subscribe((events) => {
      for (const event of events) heard(event);
    });
  }

  onOutput(runId: RunId, listener: () => void): () => void {
    return this.#runs.onOutput(runId, safely(listener, this.#options.log));
  }

  onDelivery(...[listener]: Parameters<Engine["onDelivery"]>): () => void {
    return this.#notify.onDelivery(safely(listener, this.#options.log));
  }

  #setPaused(paused: boolean): void {
    this.#assertRunning();
    if (this.#isPaused === paused) return;
    // What is due by now is due under what was true until now.
    this.#agenda.decideDue();
    this.store.scheduler.setPaused(paused, this.#options.clock.now());
    this.#isPaused = paused;
  }

  #fire(due: readonly DueJob[], now: number): void {
    if (this.#stop.isStopping) this.#assertRunning();
    fire(due, { ...this.#options, runs: this.#runs, notify: this.#notify, now, isPaused: this.#isPaused });
  }

  #view(stored: StoredJob): JobView {
    const { job } = stored;
    return {
      job,
      nextRunAt: this.#agenda.nextAt(job.id),
      lastRun: this.#runs.newest.find(job.id),
      running: this.#runs.running(job.id),
    };
  }

  #triggerOptions(later: Later): TriggerOptions {
    this.#assertRunning();
    return { store: this.store, jobs: this.#jobs, runs: this.#runs, now: this.#options.clock.now(), later };
  }

  /** Throws `not_running`. */
  #assertRunning(): void {
    if (this.state !== "stopped") return;
    const what = this.#stop.isStopping ? "stopping" : "starting";
    throw new PetitError("not_running", `petit is ${what}; try again in a moment`);
  }
}
