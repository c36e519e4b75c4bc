import type { RunId, TaskId } from "../../domain/ids.ts";
import { hasProcess, type Task, taskOf } from "../../domain/job.ts";
import type { EndingReason, Reason } from "../../domain/run.ts";
import type { Attempt, FailureCause } from "../../domain/task-run.ts";
import { sleep } from "../../lib/clock.ts";
import type { TaskNode } from "../../store/runs/task-runs.ts";
import { adoptProcess } from "../attempt/adopt.ts";
import { wantsCgroup } from "../attempt/cgroup/place.ts";
import { type AttemptDriver, driverOf } from "../attempt/driver.ts";
import { endProcess } from "../attempt/end-process.ts";
import { hasEnded, killLeftovers, type RunningProcess } from "../attempt/process.ts";
import type { AttemptResult } from "../attempt/run-attempt.ts";
import { internalErrorText } from "../internal-errors.ts";
import { findSpool, noteEnding, type Spool, spoolOf } from "../output/spool.ts";
import { causeOfChild, followChild } from "./child/child-attempt.ts";
import type { ChildRuns } from "./child/child-runs.ts";
import type { RunFaults } from "./faults.ts";
import { type NodeKey, nodeKey } from "./plan/node.ts";
import { type Ending, isEnded } from "./plan/plan.ts";
import type { RunServices } from "./services.ts";
import { itemOf, type RunState, scopeOfState } from "./task/run-scope.ts";

/** An attempt of the previous process. `process` is null if it was never started here, but on a worker, or as a child run. */
export type AdoptedAttempt = { readonly attempt: Attempt; readonly process: RunningProcess | null };

export type RunAttemptsOptions = {
  readonly services: RunServices;
  readonly children: ChildRuns;
  readonly tasks: readonly Task[];
  /** The clock of the run. */
  readonly now: () => number;
  readonly state: () => RunState;
  readonly ending: () => Ending | null;
  /** True if the run has attempts of the previous process, whose files an older petit may have named. */
  readonly isAdopted: boolean;
  /** Aborted when the end of the run is stored. */
  readonly over: AbortSignal;
  readonly faults: RunFaults;
  /** Stores how an attempt has ended, and then calls `cleanUp`. */
  readonly onResult: (attempt: Attempt, result: AttemptResult, cleanUp: () => void) => Promise<void>;
  /** Called when the end of an attempt is stored, and it does not count as unfinished any more. */
  readonly onFinished: () => void;
};

/** Why attempts fail whose output says more. */
const EXPLAINED: ReadonlySet<Reason> = new Set(["exit_code", "signal", "timeout", "artifacts_failed", "child_failed"]);

/** How long `untilExitsStored` waits while processes still run, in ms. */
const STORE_TIMEOUT_MS = 1_000;

/** The unfinished attempts of a run: stores, starts, follows and ends them, as processes or as child runs. */
export class RunAttempts {
  readonly #options: RunAttemptsOptions;
  /** Each promise resolves when the end of the attempt is stored. */
  readonly #unfinished = new Map<Attempt, Promise<void>>();
  /** Aborted with an EndingReason to end the attempts of a task. */
  readonly #ends: ReadonlyMap<TaskId, AbortController>;
  /** Aborted to end the items of a task, because too many of them have failed. */
  readonly #failFasts: ReadonlyMap<TaskId, AbortController>;
  readonly #forceKill = new AbortController();

  constructor(options: RunAttemptsOptions) {
    this.#options = options;
    const { tasks } = options;
    this.#ends = new Map(tasks.map(({ id }) => [id, new AbortController()]));
    this.#failFasts = new Map(
      tasks.flatMap(({ id, items }) => (items === undefined ? [] : [[id, new AbortController()]])),
    );
  }

  /** Starts a stored attempt, or follows the run that it has started, and reports how it ended. */
  start(attempt: Attempt): void {
    this.#follow(attempt, null, null);
  }

  /** Continues the attempts of the previous process, which was ending the items of the tasks `failingFast`. */
  adopt(adopted: readonly AdoptedAttempt[], failingFast: readonly TaskId[]): void {
    for (const { attempt, process } of adopted) {
      // Only what was ending the attempt before can have caused an exit that has already happened.
      const endedBefore = process === null ? null : this.#reasonToEnd(attempt, failingFast);
      this.#follow(attempt, process, endedBefore);
    }
  }

  /** Ends the attempts of all tasks that a request to end the run ends, and with `all` their child runs. */
  end(ending: Ending): void {
    for (const task of this.#options.tasks) if (isEnded(task, ending)) this.#ends.get(task.id)?.abort(ending.reason);
    if (ending.all) this.#endChildren(ending.reason, { all: true });
  }

  /** Ends the attempts of all tasks, because the end of the run is stored already. */
  endAll(): void {
    for (const end of this.#ends.values()) end.abort("cancelled");
    this.#endChildren("cancelled", { all: true });
  }

  /** Ends the items of tasks that fail fast, with their child runs, also those that are pending. */
  failFast(taskIds: readonly TaskId[]): void {
    for (const taskId of taskIds) {
      const failFast = this.#failFasts.get(taskId);
      if (failFast === undefined || failFast.signal.aborted) continue;
      failFast.abort("cancelled");
      this.#endChildren("cancelled", { all: false, of: taskId });
    }
  }

  /** Kills the processes that are being ended, without the rest of their grace period. */
  forceKill(): void {
    this.#forceKill.abort();
  }

  /** Writes why the run is being ended into the spool folder, for the next process, because the database can't be written. */
  leaveNotes(reason: EndingReason): void {
    for (const attempt of this.#unfinished.keys()) noteEnding(this.#spoolOf(attempt), reason);
  }

  /** Returns why an attempt of a task or an item is being ended; null if it is not. */
  reasonToEnd(node: TaskNode): EndingReason | null {
    return this.#reasonToEnd(node, this.#failingFast);
  }

  /** Returns the signal that ends the attempts of a task or an item. */
  endOf({ taskId, item }: TaskNode): AbortSignal {
    const end = this.#ends.get(taskId)?.signal ?? this.#options.over;
    const failFast = item === null ? undefined : this.#failFasts.get(taskId)?.signal;
    return failFast === undefined ? end : AbortSignal.any([end, failFast]);
  }

  /** The tasks and items whose attempts execute on other machines. */
  get elsewhere(): ReadonlySet<NodeKey> {
    const { job } = this.#options.state();
    const executing = new Set<NodeKey>();
    for (const attempt of this.#unfinished.keys()) {
      const task = taskOf(job, attempt.taskId);
      if (task.runsOn !== undefined && this.#driverOf(task).isExecuting(attempt)) executing.add(nodeKey(attempt));
    }
    return executing;
  }

  /** Returns whether an attempt waits for the end of another run. */
  awaits(childRunId: RunId): boolean {
    return this.#unfinished.keys().some((attempt) => attempt.childRunId === childRunId);
  }

  /** True if there are attempts, and all of them continue while petit is stopped. */
  get outlivePetit(): boolean {
    const { job } = this.#options.state();
    const outlives = ({ taskId, childRunId }: Attempt): boolean =>
      childRunId !== null || this.#driverOf(taskOf(job, taskId)).outlivesPetit;
    return this.#unfinished.size > 0 && this.#unfinished.keys().every(outlives);
  }

  /** Stores a new attempt, in the current transaction. */
  store(node: TaskNode): Attempt {
    const { services, state, now } = this.#options;
    const { job, run } = state();
    const task = taskOf(job, node.taskId);
    if (task.runsOn === undefined && wantsCgroup(task, services.settings)) services.cgroups.expectEntry();
    return this.#driverOf(task).store({ run, node, task, now: now() });
  }

  /** Resolves when the exits of all processes that have ended are stored, or after 1 s if other processes still run. */
  async untilExitsStored(): Promise<void> {
    const exited = [...this.#unfinished].filter(([attempt]) => hasEnded(this.#spoolOf(attempt)));
    const stored = new AbortController();
    const storing = Promise.all(exited.map(([, finished]) => finished)).then(() => stored.abort());
    const isAll = exited.length === this.#unfinished.size;
    const { clock } = this.#options.services;
    await (isAll ? storing : Promise.race([storing, sleep(clock, STORE_TIMEOUT_MS, stored.signal)]));
  }

  #follow(attempt: Attempt, process: RunningProcess | null, endedBefore: EndingReason | null): void {
    const { faults, onFinished } = this.#options;
    const finished = faults.guard(() => this.#followToEnd(attempt, process, endedBefore));
    this.#unfinished.set(attempt, finished);
    void finished.then(() => {
      this.#unfinished.delete(attempt);
      onFinished();
    });
  }

  async #followToEnd(
    attempt: Attempt,
    process: RunningProcess | null,
    endedBefore: EndingReason | null,
  ): Promise<void> {
    const { services, state, faults, onResult } = this.#options;
    const { detach, clock, spools, cgroups } = services;
    const spool = this.#spoolOf(attempt);
    const result = await this.#withCause(attempt, await this.#resultOf(attempt, process, endedBefore));
    detach.throwIfAborted();
    // Its leader is gone, but not necessarily the rest of its process group.
    if (result.outcome.reason === "interrupted")
      await faults.logFailure("cannot end what is left of an attempt", () =>
        killLeftovers(attempt.process, spool, { clock, cgroup: cgroups.find(attempt) }),
      );
    await onResult(attempt, result, () => {
      if (attempt.childRunId !== null) return;
      spools.remove(spool);
      cgroups.remove(attempt);
      this.#driverOf(taskOf(state().job, attempt.taskId)).release(attempt);
    });
  }

  /** Adds the line that explains why an attempt failed by itself. */
  async #withCause(attempt: Attempt, result: AttemptResult): Promise<AttemptResult> {
    const { services, state, faults } = this.#options;
    const { reason } = result.outcome;
    if (reason === null || !EXPLAINED.has(reason) || services.detach.aborted) return result;
    const { run, items } = state();
    let cause: FailureCause | null = null;
    await faults.logFailure("cannot find the cause of a failure", async () => {
      if (attempt.childRunId !== null) {
        cause = causeOfChild(attempt.childRunId, reason, services.store);
        return;
      }
      const itemKey = itemOf(items, attempt)?.key ?? null;
      cause = await services.causes.find({ attempt, jobId: run.jobId, itemKey }, this.#endOfSearch(attempt));
    });
    return { ...result, cause };
  }

  /** Returns the signal that ends the search for a cause. A request to end the run came too late for an attempt that it did not end. */
  #endOfSearch({ taskId }: Attempt): AbortSignal {
    const end = this.#ends.get(taskId)?.signal;
    const signals = [this.#options.services.detach, this.#forceKill.signal];
    return AbortSignal.any(end === undefined || end.aborted ? signals : [...signals, end]);
  }

  /**
   * Runs or follows an attempt to its end. If the database can't be used, waits until it can, and then adopts the process as after a
   * restart. If petit itself fails, ends the attempt. Rejects only when the engine detaches.
   */
  async #resultOf(
    attempt: Attempt,
    process: RunningProcess | null,
    endedBefore: EndingReason | null,
  ): Promise<AttemptResult> {
    const { commits, detach, store, clock } = this.#options.services;
    const { childRunId } = attempt;
    for (let isAgain = false; ; isAgain = true) {
      try {
        if (childRunId !== null) return await this.#followChild(attempt, childRunId);
        return isAgain
          ? await this.#runAttempt(attempt, this.#adoptAgain(attempt), this.reasonToEnd(attempt))
          : await this.#runAttempt(attempt, process, endedBefore);
      } catch (error) {
        detach.throwIfAborted();
        if (!commits.outage.noteFailure(error)) return await this.#failAttempt(attempt, error);
        await commits.retryUntilStored(() => store.probe(clock.now()));
      }
    }
  }

  #runAttempt(
    attempt: Attempt,
    adopted: RunningProcess | null,
    endedBefore: EndingReason | null,
  ): Promise<AttemptResult> {
    const { services, state, now } = this.#options;
    const { job, items } = state();
    const task = taskOf(job, attempt.taskId);
    const item = itemOf(items, attempt);
    return this.#driverOf(task).run({
      services,
      context: {
        job,
        task,
        get run() {
          return state().run;
        },
        item,
        trace: services.traces?.ofAttempt(attempt) ?? null,
        scope: () => scopeOfState(state(), { taskId: task.id, item }),
      },
      attempt,
      now,
      spool: this.#spoolOf(attempt),
      adopted,
      endedBefore,
      end: this.endOf(attempt),
      forceKill: this.#forceKill.signal,
      onOutput: () => services.outputListeners.emit(attempt.runId),
    });
  }

  #followChild(attempt: Attempt, childRunId: RunId): Promise<AttemptResult> {
    const { services, children, state, now } = this.#options;
    const { clock, detach } = services;
    const { timeoutMs } = taskOf(state().job, attempt.taskId);
    const { startedAt } = attempt;
    return followChild({ children, childRunId, startedAt, timeoutMs, now, clock, end: this.endOf(attempt), detach });
  }

  #adoptAgain(attempt: Attempt): RunningProcess | null {
    const { services, state } = this.#options;
    if (this.#driverOf(taskOf(state().job, attempt.taskId)).outlivesPetit) return null;
    const { poller, clock } = services;
    return adoptProcess(attempt, this.#spoolOf(attempt), { poller, clock });
  }

  /** Ends the process of an attempt at which petit itself has failed. Returns how the attempt ended. */
  async #failAttempt(attempt: Attempt, cause: unknown): Promise<AttemptResult> {
    const { services, state, faults, now } = this.#options;
    const { clock, settings, cgroups } = services;
    faults.log(cause);
    const graceMs = state().job.killGraceMs ?? settings.killGraceMs;
    const termination = { clock, graceMs, forceKill: this.#forceKill.signal, cgroup: cgroups.find(attempt) };
    await faults.logFailure("cannot end the process of an attempt", () =>
      endProcess(attempt.process, this.#spoolOf(attempt), termination),
    );
    const error = internalErrorText(cause);
    const outcome = { status: "failed", reason: "internal_error", error, exitCode: null, signal: null } as const;
    return { outcome, outputs: {}, transient: false, endedAt: now() };
  }

  /** Ends the child runs of all tasks or of one; with `all`, their clean-up tasks too. */
  #endChildren(reason: EndingReason, { all, of }: { readonly all: boolean; readonly of?: TaskId }): void {
    const { children, faults } = this.#options;
    for (const { taskId, childRunId } of this.#unfinished.keys())
      if (childRunId !== null && (of === undefined || of === taskId))
        void faults.logFailure("cannot end a child run", () => children.end(childRunId, reason, { all }));
  }

  #reasonToEnd({ taskId, item }: TaskNode, failingFast: readonly TaskId[]): EndingReason | null {
    const { state, ending } = this.#options;
    const current = ending();
    if (isEnded(taskOf(state().job, taskId), current)) return current.reason;
    return item !== null && failingFast.includes(taskId) ? "cancelled" : null;
  }

  /** The tasks whose items are being ended. */
  get #failingFast(): readonly TaskId[] {
    return [...this.#failFasts].flatMap(([id, { signal }]) => (signal.aborted ? [id] : []));
  }

  #driverOf(task: Task): AttemptDriver {
    const { drivers } = this.#options.services;
    return hasProcess(task.program.type) ? driverOf(task, drivers) : drivers.local;
  }

  #spoolOf({ id }: Attempt): Spool {
    const { services, isAdopted } = this.#options;
    return (isAdopted ? findSpool : spoolOf)(services.spoolDir, id);
  }
}
