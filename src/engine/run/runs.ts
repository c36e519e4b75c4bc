import { whyShut } from "../../domain/dependency.ts";
import { type JobId, newRunId, type RunId } from "../../domain/ids.ts";
import type { Job } from "../../domain/job.ts";
import type { Run } from "../../domain/run.ts";
import type { NewRun } from "../../store/runs/runs.ts";
import { Commits, type Followup, type Later } from "../commits.ts";
import { Listeners } from "../listeners.ts";
import { SpoolPool } from "../output/spool-pool.ts";
import { Pulse } from "../poller.ts";
import type { AdmissionState } from "../schedule/admission.ts";
import type { Adopted, RunJobOptions, RunsOptions } from "./context.ts";
import { Limiter, type WaitingRun } from "./limiter.ts";
import { NewestRuns } from "./newest-runs.ts";
import { RunJob } from "./run-job.ts";

export type RunRequest = Omit<NewRun, "id" | "now">;

/** The runs that wait or go on. */
export class Runs implements Disposable {
  readonly #options: RunsOptions;
  readonly #limiter: Limiter;
  readonly #onEnd: (run: Run) => void;
  readonly #active = new Map<RunId, RunJob>();
  readonly newest = new NewestRuns();
  readonly #outputs = new Listeners<RunId, void>();
  readonly #ends = new Listeners<RunId, Run>();
  readonly #left = new AbortController();
  /** For what has to be looked at again and again. */
  readonly pulse: Pulse;
  readonly #spools: SpoolPool;
  readonly commits: Commits;
  #pumping = false;
  #isClosed = false;
  #whenIdle: (() => void) | null = null;

  constructor(options: RunsOptions, onEnd: (run: Run) => void) {
    this.#options = options;
    this.#onEnd = onEnd;
    this.#limiter = new Limiter(options.settings.maxJobs);
    this.pulse = new Pulse(options);
    this.#spools = new SpoolPool(options);
    this.commits = new Commits({ ...options, signal: this.#left.signal });
  }

  /** Aborted when petit leaves. */
  get left(): AbortSignal {
    return this.#left.signal;
  }

  /** Lets processes live and stores nothing more. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#left.abort();
    this.pulse[Symbol.dispose]();
    this.#spools[Symbol.dispose]();
  }

  get counts(): { readonly pending: number; readonly running: number } {
    return this.#limiter.counts;
  }

  running(jobId: JobId): number {
    return this.#limiter.running(jobId);
  }

  get active(): readonly RunJob[] {
    return [...this.#active.values()];
  }

  find(runId: RunId): RunJob | null {
    return this.#active.get(runId) ?? null;
  }

  activeOf(jobId: JobId): readonly RunJob[] {
    return this.#limiter.runningIds(jobId).flatMap((runId) => this.#active.get(runId) ?? []);
  }

  waitingOf(jobId: JobId): readonly WaitingRun[] {
    return this.#limiter.waitingOf(jobId);
  }

  /** What admission looks at, now. */
  admissionState(job: Job): AdmissionState {
    const { store, clock, settings } = this.#options;
    const now = clock.now();
    const reasons = job.dependsOn.flatMap((gate) => whyShut(gate, store.runs.getUpstream(gate.jobId), now) ?? []);
    return {
      shutGate: reasons[0] ?? null,
      running: this.#limiter.running(job.id),
      pending: this.#limiter.pending(job.id),
      isFull: this.#limiter.isFull,
      maxJobs: settings.maxJobs,
    };
  }

  /** Stores a run, within a transaction. */
  create(request: RunRequest): Followup & { readonly run: Run } {
    const { store, clock } = this.#options;
    const now = clock.now();
    const run = store.runs.start({ ...request, id: newRunId(now), now });
    if (run.status === "pending") return { run, ...this.#hold({ run, job: request.job }) };
    const { launch, undo } = this.#begin(run, request.job);
    const added = (): void => {
      this.newest.add(run);
      launch();
    };
    return { run, launch: added, undo };
  }

  /** Takes up what an earlier petit left. */
  adopt(run: Run, job: Job, adopted: readonly Adopted[]): void {
    if (run.status === "pending") {
      this.#limiter.wait({ run, job });
      return;
    }
    this.#limiter.enter(job.id, run.id);
    const runJob = this.#runJob(run, job, { adopted, attempts: this.#options.store.runs.listAttempts(run.id) });
    this.#active.set(run.id, runJob);
    runJob.resume();
  }

  loadNewest(): void {
    this.newest.load(this.#options.store.runs.listNewestByJob());
  }

  /** Ends a run that waits, within a transaction. */
  dropWaiting(waiting: WaitingRun): Followup {
    const { store, clock, notify } = this.#options;
    const { run, job } = waiting;
    const now = clock.now();
    store.runs.requestEnd(run.id, "cancelled");
    for (const { id } of job.tasks) store.runs.finishTask(run, id, { outcome: SKIPPED, now });
    const ended = store.runs.finish(run.id, { status: "cancelled", reason: "cancelled", error: "cancelled" }, now);
    notify.ended(job, ended);
    return { launch: () => this.#ended(ended), undo: this.#limiter.drop(run.id) };
  }

  findWaiting(runId: RunId): WaitingRun | null {
    const run = this.#options.store.runs.find(runId);
    return run?.status === "pending"
      ? (this.waitingOf(run.jobId).find((waiting) => waiting.run.id === runId) ?? null)
      : null;
  }

  /** Starts what waits, as far as there is room, in the order in which it came. */
  async pump(): Promise<void> {
    if (this.#pumping || this.#isClosed) return;
    this.#pumping = true;
    try {
      while (!this.#isClosed && this.#limiter.nextStartable() !== null)
        await this.commits.surely((later) => this.#startNext(later));
    } catch (error) {
      if (!this.#left.signal.aborted) this.#options.log.error({ err: error }, "a pending run can't be started");
    } finally {
      this.#pumping = false;
    }
  }

  /** No run that waits is started any more. */
  close(): void {
    this.#isClosed = true;
  }

  /** Resolves when no run is going on. */
  async idle(): Promise<void> {
    if (this.#active.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#whenIdle = resolve;
    });
  }

  onOutput(runId: RunId, listener: () => void): () => void {
    return this.#outputs.add(runId, listener);
  }

  onEnd(runId: RunId, listener: (run: Run) => void): () => void {
    return this.#ends.add(runId, listener);
  }

  #startNext(later: Later): void {
    const next = this.#limiter.nextStartable();
    if (next === null) return;
    const { store, clock } = this.#options;
    const run = store.runs.begin(next.run.id, clock.now());
    later(this.#begin(run, next.job));
    later({ launch: () => this.newest.update(run), undo: this.#limiter.drop(run.id) });
  }

  #hold(waiting: WaitingRun): Followup {
    this.#limiter.wait(waiting);
    const { run } = waiting;
    return {
      launch: () => {
        this.newest.add(run);
        void this.pump();
      },
      undo: () => this.#limiter.drop(run.id),
    };
  }

  #begin(run: Run, job: Job): Followup {
    const runJob = this.#runJob(run, job, { adopted: [], attempts: [] });
    this.#options.notify.started(job, run);
    const begun = runJob.begin();
    this.#limiter.enter(job.id, run.id);
    this.#active.set(run.id, runJob);
    return {
      launch: begun.launch,
      undo: () => {
        this.#active.delete(run.id);
        this.#limiter.leave(job.id, run.id);
      },
    };
  }

  #runJob(run: Run, job: Job, before: Pick<RunJobOptions, "adopted" | "attempts">): RunJob {
    return new RunJob({
      engine: this.#options,
      run,
      job,
      taskRuns: this.#options.store.runs.listTaskRuns(run.id),
      ...before,
      pulse: this.pulse,
      spools: this.#spools,
      commits: this.commits,
      left: this.#left.signal,
      onOutput: ({ id }) => this.#outputs.tell(id),
      onEnd: (ended) => this.#ended(ended),
    });
  }

  #ended(run: Run): void {
    this.#limiter.leave(run.jobId, run.id);
    this.#active.delete(run.id);
    this.newest.update(run);
    this.#ends.tell(run.id, run);
    this.#onEnd(run);
    this.#outputs.tell(run.id);
    if (this.#active.size === 0) this.#whenIdle?.();
    void this.pump();
  }
}

const SKIPPED = { status: "skipped", reason: "cancelled", error: null, exitCode: null, outputs: {} } as const;
