import { type ShutGate, shutGate, type Upstream } from "../../domain/dependency.ts";
import { type JobId, newRunId, type RunId } from "../../domain/ids.ts";
import type { Job } from "../../domain/job.ts";
import type { ActivityCounts } from "../../domain/limits/activity.ts";
import { isBackfilled, NO_QUEUES, type QueueRuns, type QueueState } from "../../domain/limits/queue.ts";
import { addWaiting, countWaiting, type WaitingCode } from "../../domain/limits/waiting-for.ts";
import type { WaitsFor } from "../../domain/limits/waits-for.ts";
import { refuse, runNotFound } from "../../domain/refusal.ts";
import { type EndingReason, isFinal, type Run, type RunOutcome } from "../../domain/run.ts";
import type { NewRun } from "../../store/runs/runs.ts";
import type { Store } from "../../store/store.ts";
import { endProcess } from "../attempt/end-process.ts";
import type { AddHooks, TransactionHooks } from "../commits.ts";
import { assertNoStorageFault, internalErrorText } from "../internal-errors.ts";
import { Listeners } from "../listeners.ts";
import { findSpool } from "../output/spool.ts";
import type { AdmissionState } from "../schedule/admission.ts";
import type { Jobs } from "../schedule/jobs.ts";
import type { ApprovalDecision } from "./approval/decision.ts";
import type { AdoptedAttempt } from "./attempts.ts";
import { ChildRuns } from "./child/child-runs.ts";
import { endRun } from "./end-run.ts";
import { LateRuns } from "./late-runs.ts";
import { Limiter, type WaitingRun } from "./limits/limiter.ts";
import type { NewestRuns } from "./newest-runs.ts";
import { outcomeOfEnding } from "./plan/outcome.ts";
import { RunJob, type StoredParts } from "./run-job.ts";
import type { RunOwner, RunServices } from "./services.ts";

/** The id is a new one if it is missing. */
export type RunRequest = Omit<NewRun, "id" | "now"> & Partial<Pick<NewRun, "id">>;

export type RunsOptions = {
  readonly services: RunServices;
  readonly newestRuns: NewestRuns;
  readonly jobs: Jobs;
  /** Called when the end of a run is stored. */
  readonly onEnd: (run: Run) => void;
};

const IDLE: ActivityCounts = { running: 0, pending: 0, executing: 0, waiting: {} };

/** Owns the pending and the running runs. */
export class Runs implements Disposable {
  readonly #options: RunsOptions;
  readonly #services: RunServices;
  readonly #limiter: Limiter;
  readonly #active = new Map<RunId, RunJob>();
  readonly #endListeners = new Listeners<RunId, Run>();
  readonly #lateRuns: LateRuns;
  readonly #children: ChildRuns;
  readonly #owner: RunOwner;
  #isStarting = false;
  #isClosed = false;
  #onIdle: (() => void) | null = null;

  constructor(options: RunsOptions) {
    this.#options = options;
    this.#services = options.services;
    const { store, clock, log, settings, commits, notifier, detach } = options.services;
    const { maxJobs, queues = NO_QUEUES } = settings;
    this.#limiter = new Limiter({ maxJobs, queues }, (waiting) => this.#isGated(waiting));
    this.#lateRuns = new LateRuns({ store, clock, log, commits, notifier, detach });
    this.#children = new ChildRuns({
      store,
      jobs: options.jobs,
      create: (request) => this.create(request),
      end: (runId, reason, bounds) => this.#endChild(runId, reason, bounds),
      onEnd: (runId, listener) => this.onEnd(runId, listener),
    });
    this.#owner = {
      onChildrenSeen: (runIds, updateSlot) => {
        for (const runId of runIds) this.#limiter.release(runId);
        updateSlot();
        void this.startPending();
      },
      onPark: (run) => this.#park(run),
      onUnpark: (run) => this.#unpark(run),
      waitingFor: (runId) => this.waitingFor(runId),
      onRest: () => {
        if (this.#onIdle !== null && this.#isIdle) this.#onIdle();
      },
      onEnd: (run) => this.#handleEnd(run),
    };
  }

  /** Starts no more runs and releases the spool files; processes continue to run. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#services.spools[Symbol.dispose]();
    this.#lateRuns[Symbol.dispose]();
  }

  /** Prepares in the background for `count` processes that start together, now and later. */
  prepareFor(count: number): void {
    this.#services.spools.prepare(count);
  }

  get counts(): { readonly pending: number; readonly running: number } {
    return this.#limiter.counts;
  }

  countRunning(jobId: JobId): number {
    return this.#limiter.countRunning(jobId);
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

  /** The unfinished runs that are late by `warn_after`. */
  get late(): readonly Run[] {
    return this.#lateRuns.late;
  }

  /** The pending runs: the highest priority first, then the oldest. */
  get waiting(): readonly WaitingRun[] {
    return this.#limiter.waiting;
  }

  waitingOf(jobId: JobId): readonly WaitingRun[] {
    return this.#limiter.waitingOf(jobId);
  }

  /** The queues with what runs and waits in each, by name. */
  get queues(): readonly QueueState[] {
    return this.#limiter.queues;
  }

  queuesOf(jobIds: ReadonlySet<JobId>, names: Iterable<string>): readonly QueueState[] {
    return this.#limiter.queuesOf(jobIds, names);
  }

  queueRuns(name: string, jobIds: ReadonlySet<JobId> | null): QueueRuns {
    return this.#limiter.queueRuns(name, jobIds);
  }

  /** Returns the limit that keeps a run from starting or continuing; null if none does. */
  waitsFor(runId: RunId): WaitsFor | null {
    return this.#limiter.waitsFor(runId);
  }

  /** Returns the limit that a pending run waits for; null if nothing keeps it. */
  waitCode(runId: RunId): WaitsFor["code"] | null {
    return this.#limiter.waitCode(runId);
  }

  /** Returns what an unfinished run only waits for; null while something of it executes, or is about to. */
  waitingFor(runId: RunId): WaitingCode | null {
    return this.#limiter.waitingFor(runId) ?? this.find(runId)?.waitingFor ?? null;
  }

  /** Returns the unfinished runs that only wait for it, in no order. */
  listWaiting(code: WaitingCode): readonly RunId[] {
    const ids = new Set([...this.#active.keys(), ...this.#limiter.pendingIds]);
    return [...ids].filter((runId) => this.waitingFor(runId) === code);
  }

  /** Returns `activity` of one job. Most jobs of a list are idle. */
  activityOf(jobId: JobId): ActivityCounts {
    const isIdle = this.#limiter.countRunning(jobId) === 0 && this.#limiter.countPending(jobId) === 0;
    return isIdle ? IDLE : this.activity(new Set([jobId]));
  }

  /** Returns how many unfinished runs there are, of all jobs or of some, and what those that execute nothing wait for. */
  activity(jobIds: ReadonlySet<JobId> | null): ActivityCounts {
    const runIds =
      jobIds === null ? [...this.#active.keys()] : [...jobIds].flatMap((id) => this.#limiter.runningIds(id));
    const codes = runIds.map((runId) => this.waitingFor(runId));
    const counts = this.#limiter.counts;
    const sum = (count: (jobId: JobId) => number): number =>
      [...(jobIds ?? [])].reduce((all, id) => all + count(id), 0);
    const pending = jobIds === null ? counts.pending : sum((id) => this.#limiter.countPending(id));
    return {
      running: jobIds === null ? counts.running : sum((id) => this.#limiter.countRunning(id)),
      pending,
      executing: codes.filter((code) => code === null).length,
      waiting: addWaiting(countWaiting(codes), pending === 0 ? {} : this.#limiter.countWaiting(jobIds)),
    };
  }

  /** Returns the current state that admission of a run of `job` depends on. */
  admissionState(job: Job): AdmissionState {
    const { settings } = this.#services;
    return {
      shutGates: this.#shutGates(job),
      running: this.#limiter.countRunning(job.id),
      pending: this.#limiter.countOtherPending(job.id),
      isFull: this.#limiter.isFull(job),
      maxJobs: settings.maxJobs,
    };
  }

  #shutGates(job: Job): readonly ShutGate[] {
    const { jobs } = this.#options;
    const { store, clock } = this.#services;
    const now = clock.now();
    const upstreamOf = (jobId: JobId): Upstream => store.runs.getUpstream(jobs.currentId(jobId));
    return job.dependsOn.flatMap((gate) => shutGate(gate, upstreamOf(gate.jobId), now) ?? []);
  }

  /** Returns whether a pending run waits for gates. A child run and one of a backfill do: others are refused or skipped at a shut gate. */
  #isGated({ run, job }: WaitingRun): boolean {
    return (run.trigger === "job" || isBackfilled(run)) && this.#shutGates(job).length > 0;
  }

  /** Stores a new run within the current transaction. Its hooks start it. */
  create(request: RunRequest): TransactionHooks & { readonly run: Run } {
    const { newestRuns } = this.#options;
    const { store, clock, traces } = this.#services;
    const now = clock.now();
    const trace = traces === null ? null : (request.trace ?? null);
    const run = store.runs.start({ ...request, trace, id: request.id ?? newRunId(now), now });
    if (run.status === "pending") return { run, ...this.#enqueue({ run, job: request.job }) };
    const begun = this.#begin(run, request.job);
    const onCommit = (): void => {
      newestRuns.add(run);
      this.#lateRuns.watch(run, request.job);
      begun.onCommit?.();
    };
    return { ...begun, run, onCommit };
  }

  /** Takes over a run that the previous process left unfinished. */
  adopt(run: Run, job: Job, adopted: readonly AdoptedAttempt[]): void {
    this.#lateRuns.watch(run, job);
    if (run.status === "pending") {
      this.#limiter.enqueue({ run, job });
      return;
    }
    this.#limiter.enter(job, run.id);
    const runJob = this.#createRunJob(run, job, {
      adopted,
      attempts: this.#services.store.runs.listAttempts(run.id),
    });
    this.#active.set(run.id, runJob);
    const keepsSlot = adopted.some(({ attempt }) => attempt.childRunId === null);
    runJob.resume({ isParked: !keepsSlot && !this.#takeSlotAgain(runJob) });
  }

  /** Takes the slots of a run that the database does not know. Returns a function that frees them. */
  occupy(jobId: JobId, runId: RunId): () => void {
    const { jobs } = this.#options;
    const queue = jobs.find(jobId)?.job.queue;
    this.#limiter.enter({ id: jobs.currentId(jobId), ...(queue !== undefined && { queue }) }, runId);
    return () => {
      this.#limiter.leave(runId);
      void this.startPending();
    };
  }

  /**
   * Ends a run that petit can't continue or start because of an error of its own, with its processes. If the database refuses that, the
   * run stays as it is until somebody cancels it, and petit says so.
   */
  endFaulty(run: Run, job: Job | null, cause: unknown): void {
    const { commits, clock, log, internalErrors } = this.#services;
    this.#leave(run.id);
    log.error({ err: cause, job_id: run.jobId, run_id: run.id }, "cannot continue a run");
    const error = internalErrorText(cause);
    try {
      commits.commit((addHooks) =>
        addHooks(this.#endNow(run, job, { status: "failed", reason: "internal_error", error })),
      );
      internalErrors.note({ jobId: run.jobId, runId: run.id }, { error, now: clock.now() });
    } catch (again) {
      commits.outage.noteFailure(again);
      log.error({ err: again, job_id: run.jobId, run_id: run.id }, "cannot end a run");
      internalErrors.block({ jobId: run.jobId, runId: run.id }, { error: again, now: clock.now() });
    }
  }

  /** Ends a run without a plan, within the current transaction, and kills its processes. */
  #endNow(run: Run, job: Job | null, outcome: RunOutcome): TransactionHooks {
    const { store, clock, log, settings, spoolDir, notifier, figures, cgroups } = this.#services;
    const graceMs = job?.killGraceMs ?? settings.killGraceMs;
    const forceKill = new AbortController().signal;
    const attempts = store.runs.listAttempts(run.id).filter(({ status }) => status === "running");
    const ended = endRun(run, { store, log, outcome, now: clock.now() });
    figures.count(ended);
    if (job !== null) notifier.ended(job, ended);
    return {
      onCommit: () => {
        for (const attempt of attempts) {
          const termination = { clock, graceMs, forceKill, cgroup: cgroups.find(attempt) };
          endProcess(attempt.process, findSpool(spoolDir, attempt.id), termination).catch((error: unknown) =>
            log.error({ err: error, run_id: run.id }, "cannot end the processes of a run"),
          );
        }
        this.#handleEnd(ended);
      },
    };
  }

  /** The unfinished runs of a job were moved to another one in the store. They go on as runs of that. */
  rename(from: JobId, to: JobId): void {
    const { store } = this.#services;
    const current = (run: Run): Run => ({
      ...run,
      jobId: to,
      versionId: store.runs.find(run.id)?.versionId ?? run.versionId,
    });
    for (const active of this.activeOf(from)) active.rename(current(active.run));
    this.#limiter.rename({ from, to, current });
    this.#lateRuns.rename({ from, to, current });
  }

  #leave(runId: RunId): void {
    this.#limiter.takeOut(runId);
    this.#limiter.leave(runId);
    this.#active.delete(runId);
    this.#lateRuns.forget(runId);
  }

  /** Returns true if an adopted run without a process may continue. If it was parked before, other runs may have all slots. */
  #takeSlotAgain({ run, wantsSlot }: RunJob): boolean {
    this.#limiter.park(run.id);
    return wantsSlot && this.#limiter.unpark(run.id);
  }

  /** Cancels a pending run, or begins to end a running one, and returns its new state. Throws `not_found`. */
  cancel(runId: RunId, by: string | null): Run {
    const { store } = this.#services;
    const run = mustFindRun(store, runId);
    if (isFinal(run.status)) return run;
    const waiting = this.#limiter.findWaiting(runId);
    if (waiting !== null) this.#cancelWaiting(waiting, by);
    const active = this.find(runId);
    if (active !== null) {
      const all = active.isEnding;
      store.runs.requestEnd(runId, "cancelled", { by, all });
      active.end("cancelled", { all });
    }
    if (waiting === null && active === null) this.#cancelUnmanaged(run, by);
    return mustFindRun(store, runId);
  }

  #cancelWaiting(waiting: WaitingRun, by: string | null): void {
    const { commits, log } = this.#services;
    try {
      commits.commit((addHooks) => addHooks(this.dropWaiting(waiting, { by })));
    } catch (error) {
      assertNoStorageFault(error);
      log.error({ err: error, run_id: waiting.run.id }, "cannot cancel a pending run task by task");
      this.#cancelUnmanaged(waiting.run, by);
      this.#limiter.takeOut(waiting.run.id);
    }
  }

  /** Cancels a run that petit could neither continue nor end when it started. */
  #cancelUnmanaged(run: Run, by: string | null): void {
    const { commits, store } = this.#services;
    commits.commit((addHooks) => {
      store.runs.requestEnd(run.id, "cancelled", { by });
      addHooks(this.#endNow(run, null, { status: "cancelled", reason: "cancelled", error: "cancelled" }));
    });
  }

  /**
   * Ends an approval of a run that waits, within the current transaction; without a task, the only one that waits. Throws
   * `not_found` and `conflict`.
   */
  decide(runId: RunId, taskId: string | null, decision: ApprovalDecision): TransactionHooks {
    const run = mustFindRun(this.#services.store, runId);
    const active = this.find(runId);
    const asking = active?.asking ?? [];
    const found = taskId === null && asking.length === 1 ? asking[0] : asking.find((id) => id === taskId);
    if (active !== null && found !== undefined) return active.decide(found, decision);
    throw refuse({ reason: "not_asking", runId: run.id, taskId, asking });
  }

  /** Ends a run because its parent is being ended. */
  async #endChild(runId: RunId, reason: EndingReason, { all }: { readonly all: boolean }): Promise<void> {
    await this.#services.commits.enqueueUntilStored((addHooks) => {
      const waiting = this.#limiter.findWaiting(runId);
      if (waiting !== null) addHooks(this.dropWaiting(waiting, { reason }));
    });
    this.find(runId)?.endAnyhow(reason, { all });
  }

  /** Ends a pending run, within the current transaction. By default it is cancelled. */
  dropWaiting(
    waiting: WaitingRun,
    { by = null, reason = "cancelled" }: { readonly by?: string | null; readonly reason?: EndingReason } = {},
  ): TransactionHooks {
    const { store, clock, notifier, figures } = this.#services;
    const { run, job } = waiting;
    const now = clock.now();
    store.runs.requestEnd(run.id, reason, { by });
    const skipped = { status: "skipped", reason, error: null, exitCode: null, outputs: {} } as const;
    // A retry has results of the previous run.
    for (const { taskId, endedAt } of store.runs.listTaskRuns(run.id))
      if (endedAt === null) store.runs.finishTask(run, { taskId, item: null }, { outcome: skipped, now });
    const ended = store.runs.finish(run.id, outcomeOfEnding(reason, job), now);
    figures.count(ended);
    notifier.ended(job, ended);
    const { putBack } = this.#limiter.takeOut(run.id);
    return { onCommit: () => this.#handleEnd(ended), onRollback: putBack };
  }

  /** Starts pending runs in their order, as far as the limits allow. */
  async startPending(): Promise<void> {
    if (this.#isStarting || this.#isClosed) return;
    this.#isStarting = true;
    try {
      while (!this.#isClosed && this.#hasStartable() && (await this.#startOne()));
    } finally {
      this.#isStarting = false;
    }
  }

  /**
   * Starts the next pending run. One that petit can't start, because of an error of its own, ends: the others come after it. Returns
   * false if no other can be started now.
   */
  async #startOne(): Promise<boolean> {
    const { commits, log, detach } = this.#services;
    const tried: WaitingRun[] = [];
    try {
      await commits.enqueueUntilStored((addHooks) => {
        const next = this.#limiter.nextStartable();
        if (next === null) return;
        tried.splice(0, 1, next);
        this.#start(next, addHooks);
      });
      return true;
    } catch (error) {
      if (detach.aborted) return false;
      const [failed] = tried;
      if (failed === undefined) log.error({ err: error }, "cannot start a pending run");
      else this.endFaulty(failed.run, failed.job, error);
      return failed !== undefined;
    }
  }

  /** Continues parked runs for which there are slots again. Returns true if there is also a slot for a pending run. */
  #hasStartable(): boolean {
    for (let runId = this.#limiter.nextReturning(); runId !== null; runId = this.#limiter.nextReturning()) {
      this.#limiter.unpark(runId);
      this.#active.get(runId)?.unpark();
    }
    return this.#limiter.nextStartable() !== null;
  }

  /** Starts no more pending runs. */
  close(): void {
    this.#isClosed = true;
  }

  /** Resolves when no run is running, apart from those that only wait for people and other runs. */
  async idle(): Promise<void> {
    if (this.#isIdle) return;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
  }

  /**
   * Calls `listener` when output of the run was stored, and when the run has ended. Returns a function that removes
   * it.
   */
  onOutput(runId: RunId, listener: () => void): () => void {
    return this.#services.outputListeners.add(runId, listener);
  }

  /** Calls `listener` when the run has ended. Returns a function that removes it. */
  onEnd(runId: RunId, listener: (run: Run) => void): () => void {
    return this.#endListeners.add(runId, listener);
  }

  get #isIdle(): boolean {
    return this.active.every(({ isResting }) => isResting);
  }

  #park(run: Run): void {
    this.#limiter.park(run.id);
    if (this.#isIdle) this.#onIdle?.();
    void this.startPending();
  }

  #unpark(run: Run): void {
    // While petit stops, the run stays as it is; the next start continues it.
    if (this.#isClosed) return;
    if (this.#limiter.unpark(run.id)) this.#active.get(run.id)?.unpark();
  }

  #start(next: WaitingRun, addHooks: AddHooks): void {
    const { newestRuns } = this.#options;
    const { store, clock } = this.#services;
    const run = store.runs.begin(next.run.id, clock.now());
    addHooks(this.#begin(run, next.job));
    const { putBack } = this.#limiter.takeOut(run.id);
    addHooks({ onCommit: () => newestRuns.update(run), onRollback: putBack });
  }

  #enqueue(waiting: WaitingRun): TransactionHooks {
    this.#limiter.enqueue(waiting);
    const { run } = waiting;
    return {
      onCommit: () => {
        this.#options.newestRuns.add(run);
        this.#lateRuns.watch(run, waiting.job);
        void this.startPending();
      },
      onRollback: () => void this.#limiter.takeOut(run.id),
    };
  }

  #begin(run: Run, job: Job): TransactionHooks {
    const runJob = this.#createRunJob(run, job, { adopted: [], attempts: [] });
    this.#services.notifier.started(job, run);
    const begun = runJob.begin();
    this.#limiter.enter(job, run.id);
    this.#active.set(run.id, runJob);
    return {
      ...begun,
      onRollback: () => {
        this.#active.delete(run.id);
        this.#limiter.leave(run.id);
      },
    };
  }

  #createRunJob(run: Run, job: Job, { attempts, adopted }: Pick<StoredParts, "attempts" | "adopted">): RunJob {
    const { runs } = this.#services.store;
    const taskRuns = runs.listTaskRuns(run.id);
    const expanded = taskRuns.filter(({ items }) => items !== null);
    const items = new Map(expanded.map(({ taskId }) => [taskId, runs.listItems({ runId: run.id, taskId })]));
    const stored = { taskRuns, items, attempts, adopted };
    return new RunJob({ services: this.#services, children: this.#children, owner: this.#owner, run, job, stored });
  }

  #handleEnd(run: Run): void {
    // A parent that needs a slot again comes before all pending runs, and one that fails fast ends its pending child runs.
    const parent = run.parent === null ? null : this.find(run.parent.runId);
    this.#limiter.leave(run.id, { isAwaited: parent?.awaits(run.id) === true });
    this.#active.delete(run.id);
    this.#lateRuns.forget(run.id);
    this.#options.newestRuns.update(run);
    this.#endListeners.emit(run.id, run);
    this.#options.onEnd(run);
    this.#services.outputListeners.emit(run.id);
    if (this.#isIdle) this.#onIdle?.();
    void this.startPending();
  }
}

/** Returns a stored run. Throws `not_found`. */
export const mustFindRun = (store: Store, runId: RunId): Run => {
  const run = store.runs.find(runId);
  if (run === null) throw runNotFound(runId);
  return run;
};
