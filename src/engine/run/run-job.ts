import { InvalidItemsError } from "../../domain/expand-items.ts";
import { topological } from "../../domain/graph.ts";
import type { RunId, TaskId } from "../../domain/ids.ts";
import type { Item } from "../../domain/item.ts";
import { hasProcess, type Job, type Task, taskOf } from "../../domain/job.ts";
import { type EndingReason, isLostReason, type Run } from "../../domain/run.ts";
import type { Attempt, ItemRun, Outputs, TaskOutcome, TaskRun } from "../../domain/task-run.ts";
import { type Clock, sleep, soon } from "../../lib/clock.ts";
import type { TaskNode } from "../../store/runs/task-runs.ts";
import type { Artifacts } from "../artifacts/artifacts.ts";
import { adoptProcess } from "../attempt/adopt.ts";
import { type AttemptDriver, type AttemptDrivers, driverOf } from "../attempt/driver.ts";
import { endProcess } from "../attempt/end-process.ts";
import { hasEnded, killLeftovers, type RunningProcess } from "../attempt/process.ts";
import type { AttemptResult } from "../attempt/run-attempt.ts";
import type { AddHooks, Commits, TransactionHooks } from "../commits.ts";
import { assertNoStorageFault, type InternalErrors, internalErrorText } from "../internal-errors.ts";
import type { Notifier } from "../notify/notifier.ts";
import type { EngineOptions } from "../options.ts";
import { findSpool, noteEnding, type Spool, spoolOf } from "../output/spool.ts";
import type { SpoolPool } from "../output/spool-pool.ts";
import type { Poller } from "../poller.ts";
import type { SecretKey } from "../secrets/secret-key.ts";
import {
  ApprovalTimeouts,
  askingTasks,
  type OpenApproval,
  openApprovals,
  promptOf,
  whyNoPrompt,
} from "./approval/approvals.ts";
import { type ApprovalDecision, outcomeOfDecision } from "./approval/decision.ts";
import { childFailed, childStarted, followChild } from "./child/child-attempt.ts";
import type { ChildRuns } from "./child/child-runs.ts";
import { jobOutputs } from "./child/job-outputs.ts";
import { endRun } from "./end-run.ts";
import { itemKey, type NodeKey, nodeKey } from "./node.ts";
import { outcomeOfEnding, outcomeOfRun } from "./outcome.ts";
import { type Ending, isEnded, planRun, type RunPlan, type RunStep } from "./plan.ts";
import {
  afterAttempt,
  attempting,
  awaiting,
  ended,
  endedWithoutAttempt,
  newProgress,
  progressOfRun,
  type RunProgress,
  stateOf,
  type TaskProgress,
} from "./progress.ts";
import { RetriedParts } from "./retried-parts.ts";
import { clockOfRun } from "./run-clock.ts";
import { Conditions } from "./task/conditions.ts";
import { expandTask } from "./task/expansion.ts";
import { aggregateOutputs, itemsError, withinItemOutputs } from "./task/items.ts";
import { referredTasks } from "./task/references.ts";
import { type RunState, scopeOfState } from "./task/run-scope.ts";

/** The parts of the engine that runs use. */
export type RunEngine = {
  readonly engine: EngineOptions;
  /** petit's environment with the variables that no task inherits. */
  readonly ownEnvironment: EngineOptions["environment"];
  readonly notifier: Notifier;
  readonly commits: Commits;
  readonly internalErrors: InternalErrors;
  readonly artifacts: Artifacts;
  readonly poller: Poller;
  readonly drivers: AttemptDrivers;
  /** Aborted when the engine detaches: the run stores nothing more, and its processes continue. */
  readonly detach: AbortSignal;
};

export type RunJobOptions = RunEngine & {
  readonly run: Run;
  readonly job: Job;
  /** The stored task runs of the run. */
  readonly taskRuns: readonly TaskRun[];
  /** The stored items of the run's tasks; none for a new run. */
  readonly items: ReadonlyMap<TaskId, readonly ItemRun[]>;
  /** The stored attempts of the run; none for a new run. */
  readonly attempts: readonly Attempt[];
  /** The attempts that were running when the previous process ended. */
  readonly adopted: readonly AdoptedAttempt[];
  readonly spools: SpoolPool;
  readonly secretKey: SecretKey;
  readonly children: ChildRuns;
  readonly onOutput: (run: Run) => void;
  /** Called when the ends of child runs are stored, to decide whether the run needs a place again. */
  readonly onChildrenSeen: (runIds: readonly RunId[], decide: () => void) => void;
  /** Called when the run only waits for persons and other runs, so that its place is free. */
  readonly onPark: (run: Run) => void;
  /** Called when it could continue; `unpark` is called when there is a place for it. */
  readonly onUnpark: (run: Run) => void;
  /** Called when `isResting` may have become true. */
  readonly onRest: () => void;
  /** Called once, when the end of the run is stored. */
  readonly onEnd: (run: Run) => void;
};

/** An attempt of the previous process. `process` is null if it was never started. */
export type AdoptedAttempt = { readonly attempt: Attempt; readonly process: RunningProcess | null };

/** Runs one job: plans the next steps, stores them, then executes them. */
export class RunJob {
  #options: RunJobOptions;
  readonly #tasks: readonly Task[];
  readonly #hasApprovals: boolean;
  /** True if some tasks wait for persons or other runs. */
  readonly #canPark: boolean;
  /** True if some tasks run on other machines. */
  readonly #mayBeElsewhere: boolean;
  readonly #now: () => number;
  readonly #ends: ReadonlyMap<TaskId, AbortController>;
  /** Aborted to end the items of a task, because too many of them have failed. */
  readonly #failFasts: ReadonlyMap<TaskId, AbortController>;
  /** The tasks whose items the previous process was ending because too many of them had failed. */
  #failedFast: readonly TaskId[] = [];
  /** The items of each task that was expanded. */
  readonly #items: Map<TaskId, readonly Item[]>;
  /** The attempts whose end is not stored yet. Each promise resolves when it is. */
  readonly #unfinished = new Map<Attempt, Promise<void>>();
  readonly #forceKill = new AbortController();
  readonly #over = new AbortController();
  /** Aborted to try at once to store what the database has refused. */
  #retryNow = new AbortController();
  #progress: RunProgress;
  #run: Run;
  /**
   * When the newest change happened, by the clock of the run. The run ends at this time, even if that is stored
   * later.
   */
  #changedAt: number;
  #ending: Ending | null;
  /** True when the end of the run is stored. */
  #isFinished = false;
  /** True while no attempts may start because the run may have timed out. */
  #isHeld = false;
  /** True while the run has given its place back, because it only waits for persons and other runs. */
  #isParked = false;
  readonly #approvalTimeouts: ApprovalTimeouts;
  /** Child runs whose end was seen since the last commit. */
  readonly #seenChildren: RunId[] = [];
  readonly #retriedParts: RetriedParts;

  constructor(options: RunJobOptions) {
    this.#options = options;
    this.#run = options.run;
    this.#now = clockOfRun({ ...options, clock: options.engine.clock });
    this.#changedAt = this.#now();
    const { ending, endsCleanUps } = options.run;
    this.#ending = ending === null ? null : { reason: ending, all: endsCleanUps || ending === "shutdown" };
    this.#tasks = topological(options.job.tasks);
    this.#hasApprovals = this.#tasks.some(({ program }) => program.type === "approval");
    this.#canPark = this.#tasks.some((task) => !hasProcess(task.program.type));
    this.#mayBeElsewhere = this.#tasks.some(({ runsOn }) => runsOn !== undefined);
    this.#ends = new Map(this.#tasks.map(({ id }) => [id, new AbortController()]));
    this.#failFasts = new Map(
      this.#tasks.flatMap(({ id, items }) => (items === undefined ? [] : [[id, new AbortController()]])),
    );
    this.#items = new Map(options.items);
    this.#retriedParts = new RetriedParts({ ...options, store: options.engine.store });
    this.#progress = progressOfRun(options);
    this.#approvalTimeouts = new ApprovalTimeouts({
      job: options.job,
      clock: options.engine.clock,
      now: this.#now,
      signal: AbortSignal.any([options.detach, this.#over.signal]),
      listTaskRuns: () => this.#listTaskRuns(),
      decide: (taskId, decision) => this.#advance(this.#decision(taskId, decision)),
      onError: (error) => this.#endFaulty(error),
    });
  }

  get run(): Run {
    return this.#run;
  }

  /** Goes on as a run of the job that has the history of its job now. */
  rename({ jobId, versionId }: Run): void {
    this.#run = { ...this.#run, jobId, versionId };
    this.#options = { ...this.#options, job: { ...this.#options.job, id: jobId } };
  }

  /** Time since the start of the run, in ms. */
  get elapsedMs(): number {
    return Math.max(0, this.#now() - (this.#run.startedAt ?? this.#run.createdAt));
  }

  /** Stores the first steps, within the transaction that stores the run. */
  begin(): TransactionHooks {
    const hooks = this.#storeNext(null);
    return {
      ...hooks,
      onCommit: () => {
        void this.#guard(() => this.#watchTimeout());
        hooks.onCommit();
      },
    };
  }

  /** Continues a run of the previous process. A parked one starts no process until `unpark` is called. */
  resume({ isParked }: { readonly isParked: boolean }): void {
    this.#isParked = isParked;
    void this.#guard(async () => {
      this.#failedFast = this.#plan(this.#progress, { withholdsProcesses: true }).failFast;
    });
    for (const { attempt, process } of this.#options.adopted) this.#startAttempt(attempt, process);
    for (const { phase, node } of this.#progress.values()) if (phase === "waiting") this.#waitForRetry(node);
    if (this.#ending !== null) this.#abortEnded(this.#ending);
    if (this.#ending?.all === true) this.#endChildren(this.#ending.reason, { all: true });
    this.#abortFailFast({ failFast: this.#failedFast });
    void this.#guard(() => this.#watchTimeout());
    void this.#advance();
  }

  /**
   * Ends running tasks and skips pending ones; clean-up tasks only if `all` is set. The caller has stored the reason.
   */
  end(reason: EndingReason, options: { readonly all: boolean }): void {
    this.#ending = { reason: this.#ending?.reason ?? reason, all: options.all || this.#ending?.all === true };
    this.#run = { ...this.#run, ending: this.#ending.reason };
    this.#abortEnded(this.#ending);
    this.#retryNow.abort();
    this.#retryNow = new AbortController();
    if (this.#ending.all) this.#endChildren(this.#ending.reason, { all: true });
    void this.#advance();
  }

  /** Ends the child runs of all tasks or of one; with `all`, their clean-up tasks too. */
  #endChildren(reason: EndingReason, { all, of }: { readonly all: boolean; readonly of?: TaskId }): void {
    for (const { taskId, childRunId } of this.#unfinished.keys())
      if (childRunId !== null && (of === undefined || of === taskId))
        void this.#logFailure(() => this.#options.children.end(childRunId, reason, { all }));
  }

  /**
   * Ends the run and stores the reason. If the database can't be written, the reason is stored as soon as it can be, and a
   * note in the spool folder informs the next process.
   */
  endAnyhow(reason: EndingReason, options: { readonly all: boolean }): void {
    const { store } = this.#options.engine;
    const isStored = this.#options.commits.commitOrDefer(() => store.runs.requestEnd(this.#run.id, reason, options));
    if (!isStored) for (const attempt of this.#unfinished.keys()) noteEnding(this.#spoolOf(attempt), reason);
    this.end(reason, options);
  }

  get isParked(): boolean {
    return this.#isParked;
  }

  /** Continues a parked run, which has a place again. */
  unpark(): void {
    if (!this.#isParked) return;
    this.#isParked = false;
    void this.#advance();
  }

  /** True while the run only waits for people, other runs and other machines. False while the whole run is being ended. */
  get isResting(): boolean {
    return (this.#isParked || this.#isElsewhere) && this.#ending?.all !== true;
  }

  /** True while all attempts of the run continue without petit, and no other attempt is due. */
  get #isElsewhere(): boolean {
    if (!this.#mayBeElsewhere) return false;
    const { job } = this.#options;
    const attempts = [...this.#unfinished.keys()];
    return (
      attempts.length > 0 &&
      attempts.every(
        ({ taskId, childRunId }) => childRunId !== null || this.#driverOf(taskOf(job, taskId)).outlivesPetit,
      ) &&
      [...this.#progress.values()].every(({ phase }) => phase !== "waiting" && phase !== "due")
    );
  }

  /** The approvals that wait for a person. */
  get asking(): readonly TaskId[] {
    return this.#hasApprovals ? askingTasks(this.#progress.values()) : [];
  }

  /** The approvals that wait, with what they ask and since when. */
  get approvals(): readonly OpenApproval[] {
    return openApprovals(this.#state(), () => this.#listTaskRuns());
  }

  /** Ends an approval that waits, within the current transaction. */
  decide(taskId: TaskId, decision: ApprovalDecision): TransactionHooks {
    this.#changedAt = Math.max(this.#changedAt, this.#now());
    return this.#storeNext(this.#decision(taskId, decision));
  }

  #decision(taskId: TaskId, decision: ApprovalDecision): Change {
    const apply = (progress: RunProgress): void => this.#storeDecision(taskId, decision, progress);
    return { node: { taskId, item: null }, apply };
  }

  /** Returns whether an attempt of the run waits for the end of another run. */
  awaits(childRunId: RunId): boolean {
    return [...this.#unfinished.keys()].some((attempt) => attempt.childRunId === childRunId);
  }

  get isEnding(): boolean {
    return this.#ending !== null;
  }

  /** Kills the processes that are being ended, without the rest of their grace period. */
  forceKill(): void {
    this.#forceKill.abort();
  }

  #abortEnded(ending: Ending): void {
    for (const task of this.#tasks) if (isEnded(task, ending)) this.#ends.get(task.id)?.abort(ending.reason);
  }

  /** Ends the running items of tasks that fail fast. Of their child runs, those that are pending must not start before that. */
  #abortFailFast({ failFast }: Pick<RunPlan, "failFast">): void {
    for (const taskId of failFast) {
      const isNew = this.#failFasts.get(taskId)?.signal.aborted === false;
      this.#failFasts.get(taskId)?.abort("cancelled");
      if (isNew) this.#endChildren("cancelled", { all: false, of: taskId });
    }
  }

  /**
   * Stores `change`, which happened at `at`, with the steps that follow from it, in one transaction. Then executes
   * the steps, and calls `cleanUp` last.
   */
  async #advance(change: Change | null = null, cleanUp: () => void = () => {}, at = this.#now()): Promise<void> {
    this.#changedAt = Math.max(this.#changedAt, at);
    const work = (addHooks: AddHooks): void => {
      if (!this.#isFinished) addHooks(this.#storeNext(change));
      addHooks({ onCommit: () => {}, onRollback: () => {}, cleanUp });
    };
    try {
      await this.#options.commits.enqueueUntilStored(work);
    } catch (error) {
      await this.#endFaulty(error, work);
    }
  }

  /**
   * Stores a change with the steps that follow from it. If petit itself fails at that, each step is stored on its own, and the task
   * whose step fails ends with `internal_error`. If that does not help, the run ends. Throws only if not even that can be stored.
   */
  #storeNext(change: Change | null): TransactionHooks {
    const { store } = this.#options.engine;
    try {
      return store.transaction(() => this.#storeSteps(change, { isCareful: false }));
    } catch (error) {
      assertNoStorageFault(error);
      this.#logError(error);
    }
    try {
      return store.transaction(() => this.#storeSteps(change, { isCareful: true }));
    } catch (error) {
      assertNoStorageFault(error);
      return store.transaction(() => this.#storeFault(error));
    }
  }

  /**
   * Replaces the progress before the commit, since later work in the same transaction builds on it. A rollback
   * restores it.
   */
  #storeSteps(change: Change | null, { isCareful }: { readonly isCareful: boolean }): TransactionHooks {
    const before = this.#progress;
    const progress: RunProgress = new Map(before);
    const stored: StoredSteps = { attempts: [], waiting: [], children: [] };
    const onRollback = (): void => {
      for (const child of stored.children.toReversed()) child.onRollback();
      this.#progress = before;
      this.#isFinished = false;
    };
    this.#progress = progress;
    const store = (node: TaskNode, work: () => StepResult): StepResult =>
      isCareful ? this.#storeOrFail(node, { progress, stored, work }) : work();
    try {
      if (change !== null)
        store(change.node, () => {
          change.apply(progress);
          return null;
        });
      let plan: RunPlan;
      let hasMore: boolean;
      do {
        plan = this.#plan(progress, { withholdsProcesses: this.#isParked });
        hasMore = plan.isPartial;
        for (const step of plan.steps) {
          const result = store(nodeOf(step), () => this.#storeStep(step, progress, stored));
          hasMore ||= result !== null;
          // The other steps may follow from this one.
          if (result === "failed") break;
        }
      } while (hasMore);
      const storeEnd = isCareful ? () => this.#storeEndInAnyCase(progress) : () => this.#storeEnd(progress);
      const final = plan.isOver ? storeEnd() : null;
      this.#isFinished = plan.isOver;
      const onCommit = (): void => {
        for (const child of stored.children) child.onCommit();
        if (final === null) return;
        this.#run = final;
        this.#over.abort(final.status);
        this.#options.onEnd(final);
      };
      const onSettled = (): void => {
        // The next petit process starts attempts that were stored but not started.
        if (this.#options.detach.aborted) return;
        for (const attempt of stored.attempts) this.#startAttempt(attempt, null);
        for (const node of stored.waiting) this.#waitForRetry(node);
        void this.#guard(async () => this.#settle(plan, final));
      };
      return { onCommit, onRollback, onSettled };
    } catch (error) {
      onRollback();
      throw error;
    }
  }

  /** Does what follows from a commit, apart from starting attempts. `final` is the run if it has ended. */
  #settle(plan: RunPlan, final: Run | null): void {
    if (plan.isCut) soon(() => void this.#advance());
    this.#abortFailFast(plan);
    this.#approvalTimeouts.watch(this.asking);
    const decide = (): void => {
      if (final === null) this.#updateParked();
    };
    const seen = this.#seenChildren.splice(0);
    if (seen.length > 0) this.#options.onChildrenSeen(seen, decide);
    else decide();
  }

  /** Stores something about a task or an item. If petit itself fails at that, the task or item fails instead. */
  #storeOrFail(node: TaskNode, { progress, stored, work }: CarefulWork): StepResult {
    const { store } = this.#options.engine;
    const before = [...progress];
    const counts = { attempts: stored.attempts.length, waiting: stored.waiting.length };
    const children = stored.children.length;
    try {
      return store.transaction(work);
    } catch (error) {
      assertNoStorageFault(error);
      this.#logError(error);
      for (const child of stored.children.splice(children).toReversed()) child.onRollback();
      stored.attempts.length = counts.attempts;
      stored.waiting.length = counts.waiting;
      progress.clear();
      for (const [key, each] of before) progress.set(key, each);
      this.#failNode(node, internalErrorText(error), progress);
      return "failed";
    }
  }

  /** Fails a task or an item at which petit itself has failed. */
  #failNode(node: TaskNode, error: string, progress: RunProgress): void {
    const { runs } = this.#options.engine.store;
    const failed = { status: "failed", reason: "internal_error", error, exitCode: null } as const;
    for (const attempt of runs.listAttempts(this.#run.id))
      if (attempt.status === "running" && nodeKey(attempt) === nodeKey(node))
        runs.finishAttempt(attempt.id, { ...failed, signal: null }, { now: this.#changedAt, retryAt: null });
    const before = stateOf(progress, node);
    if (before.phase !== "items" && node.item === null) this.#items.delete(node.taskId);
    this.#storeOutcome(before, { ...failed, outputs: {} }, progress);
    this.#noteInternalError(error);
  }

  #storeEndInAnyCase(progress: RunProgress): Run {
    const { store } = this.#options.engine;
    try {
      return store.transaction(() => this.#storeEnd(progress));
    } catch (error) {
      assertNoStorageFault(error);
      this.#logError(error);
      return this.#storeInternalError(error);
    }
  }

  /** Ends the run and what has not ended in it, without a plan. */
  #storeInternalError(cause: unknown): Run {
    const { engine, notifier, job } = this.#options;
    const error = internalErrorText(cause);
    const outcome =
      this.#ending === null
        ? ({ status: "failed", reason: "internal_error", error } as const)
        : outcomeOfEnding(this.#ending.reason, job);
    const final = endRun(this.#run, { ...engine, outcome, now: this.#changedAt });
    notifier.ended(job, final);
    this.#noteInternalError(error);
    return final;
  }

  /** Ends the run as it is, because petit can't continue it. */
  #storeFault(cause: unknown): TransactionHooks {
    const final = this.#storeInternalError(cause);
    this.#isFinished = true;
    return {
      onCommit: () => {
        this.#run = final;
        this.#over.abort(final.status);
        for (const end of this.#ends.values()) end.abort("cancelled");
        this.#endChildren("cancelled", { all: true });
        this.#options.onEnd(final);
      },
      onRollback: () => {
        this.#isFinished = false;
      },
    };
  }

  /**
   * Ends the run because of an error of petit itself, after `work` was tried once more. As long as the database refuses even that, the
   * run stays as it is, and petit says so and tries it again.
   */
  async #endFaulty(error: unknown, work: ((addHooks: AddHooks) => void) | null = null): Promise<void> {
    const { commits, detach, internalErrors, engine } = this.#options;
    const end = (addHooks: AddHooks): void => {
      if (!this.#isFinished) addHooks(this.#storeFault(error));
    };
    for (let delayMs = FIRST_DELAY_MS; !detach.aborted; delayMs = Math.min(2 * delayMs, LONGEST_DELAY_MS)) {
      this.#logError(error);
      for (const each of work === null ? [end] : [work, end]) {
        try {
          await commits.retryUntilStored(() => commits.commit(each));
          return internalErrors.unblock(this.#subject);
        } catch (again) {
          if (detach.aborted) return;
          internalErrors.block(this.#subject, { error: again, now: engine.clock.now() });
        }
      }
      await sleep(engine.clock, delayMs, AbortSignal.any([detach, this.#over.signal, this.#retryNow.signal]));
      if (this.#over.signal.aborted) return;
    }
  }

  get #subject() {
    return { jobId: this.#run.jobId, runId: this.#run.id };
  }

  #noteInternalError(error: string): void {
    const { internalErrors, engine } = this.#options;
    internalErrors.note(this.#subject, { error, now: engine.clock.now() });
  }

  #plan(progress: RunProgress, { withholdsProcesses }: { readonly withholdsProcesses: boolean }): RunPlan {
    const conditions = new Conditions(this.#state(progress));
    return planRun({
      tasks: this.#tasks,
      states: progress,
      ending: this.#ending,
      maxTasks: this.#isHeld ? 0 : this.#options.engine.settings.maxTasks,
      withholdsProcesses,
      evaluateIf: (taskId, item) => conditions.evaluate({ taskId, item }),
      refersTo: (taskId) => referredTasks(this.#options.job, taskOf(this.#options.job, taskId)),
    });
  }

  #state(progress: ReadonlyMap<NodeKey, TaskProgress> = this.#progress): RunState {
    return { job: this.#options.job, run: this.#run, items: this.#items, progress };
  }

  #listTaskRuns(): readonly TaskRun[] {
    return this.#options.engine.store.runs.listTaskRuns(this.#run.id);
  }

  /** Stores a step, and adds what follows from it to `stored`. */
  #storeStep(step: RunStep, progress: RunProgress, stored: StoredSteps): "plan again" | null {
    if (step.kind === "expand") {
      this.#expand(step.taskId, progress);
      return "plan again";
    }
    if (step.kind === "ask") {
      return this.#ask(step.taskId, progress);
    }
    const node = nodeOf(step);
    if (step.kind === "start" || step.kind === "retry") return this.#storeAttempt(node, progress, stored);
    const before = stateOf(progress, node);
    const outcome =
      step.kind === "finish_items"
        ? this.#outcomeOfItems(step, progress)
        : endedWithoutAttempt(
            step.kind === "fail" ? { ...before, error: step.error } : before,
            step.kind === "skip" ? "skipped" : "failed",
            step.reason,
          );
    this.#storeOutcome(before, outcome, progress);
    return null;
  }

  /** Stores a new attempt. One of a task that runs a job is stored with its run. */
  #storeAttempt(node: TaskNode, progress: RunProgress, stored: StoredSteps): "plan again" | null {
    const before = stateOf(progress, node);
    const task = taskOf(this.#options.job, node.taskId);
    const attempt = this.#driverOf(task).store({ run: this.#run, node, task, now: this.#now() });
    progress.set(nodeKey(node), attempting(before));
    const { program } = task;
    if (program.type !== "job") {
      stored.attempts.push(attempt);
      return null;
    }
    const item = this.#itemOf(node);
    const scope = scopeOfState(this.#state(progress), { taskId: node.taskId, item });
    const previous = before.childRunId ?? this.#retriedParts.childOf(node.taskId, item);
    const started = this.#options.children.start({ program, parent: this.#run, attempt, scope, previous });
    if ("childRunId" in started) {
      stored.children.push(started);
      progress.set(nodeKey(node), awaiting(before, started.childRunId));
      if (program.wait) stored.attempts.push(started.attempt);
      if (program.wait) return null;
    }
    const result = "childRunId" in started ? childStarted : childFailed(started.error);
    this.#storeResult(attempt, { ...result, endedAt: this.#now() }, progress);
    stored.waiting.push(node);
    return "plan again";
  }

  #driverOf(task: Task): AttemptDriver {
    return hasProcess(task.program.type) ? driverOf(task, this.#options.drivers) : this.#options.drivers.local;
  }

  #itemOf({ taskId, item }: TaskNode): Item | null {
    return item === null ? null : (this.#items.get(taskId)?.[item] ?? null);
  }

  /**
   * Begins to wait for a person, and notifies of it in the same transaction, so that a restart does not repeat it. A task whose
   * prompt can't be evaluated fails.
   */
  #ask(taskId: TaskId, progress: RunProgress): "plan again" | null {
    const { engine, notifier, job } = this.#options;
    const before = stateOf(progress, { taskId, item: null });
    const error = whyNoPrompt(this.#state(progress), taskId);
    if (error !== null) {
      this.#storeOutcome(before, endedWithoutAttempt({ ...before, error }, "failed", "invalid_condition"), progress);
      return "plan again";
    }
    const now = this.#now();
    engine.store.runs.askApproval(this.#run, taskId, now);
    progress.set(taskId, { ...before, status: "running", phase: "asking" });
    notifier.asked(job, this.#run, () => ({
      task: taskOf(job, taskId),
      prompt: promptOf(this.#state(progress), taskId),
      now,
    }));
    return null;
  }

  #storeOutcome(before: TaskProgress, outcome: TaskOutcome, progress: RunProgress): void {
    this.#options.engine.store.runs.finishTask(this.#run, before.node, { outcome, now: this.#changedAt });
    progress.set(nodeKey(before.node), ended(before, outcome));
  }

  #storeDecision(taskId: TaskId, decision: ApprovalDecision, progress: RunProgress): void {
    const before = stateOf(progress, { taskId, item: null });
    if (before.phase !== "asking") return;
    this.#storeOutcome(before, outcomeOfDecision(decision), progress);
  }

  /** Gives the place of the run back while it only waits for persons and other runs, and asks for one when it could continue. */
  #updateParked(): void {
    if (!this.#canPark && !this.#isParked) return;
    const phases = new Set([...this.#progress.values()].map(({ phase }) => phase));
    const isWaiting = phases.has("asking") || phases.has("awaiting");
    if (!isWaiting && !this.#isParked) return;
    const { wantsPlace } = this;
    if (wantsPlace && this.#isParked) this.#options.onUnpark(this.#run);
    if (wantsPlace || !isWaiting || this.#isParked) return;
    this.#isParked = true;
    this.#options.onPark(this.#run);
  }

  /** True unless the run only waits for persons and other runs. */
  get wantsPlace(): boolean {
    const isActive = [...this.#progress.values()].some(({ phase }) => ACTIVE_PHASES.some((active) => active === phase));
    return isActive || this.#couldStart();
  }

  /** Returns whether a process could start if the run had a place. */
  #couldStart(): boolean {
    const { steps, isCut } = this.#plan(this.#progress, { withholdsProcesses: false });
    const starts = steps.some(
      ({ kind, taskId }) =>
        (kind === "start" || kind === "retry") && hasProcess(taskOf(this.#options.job, taskId).program.type),
    );
    return starts || isCut;
  }

  /** Expands a task into its items, and stores them. A task whose items can't be used fails. */
  #expand(taskId: TaskId, progress: RunProgress): void {
    const { store } = this.#options.engine;
    const before = stateOf(progress, { taskId, item: null });
    try {
      const items = expandTask(this.#state(progress), taskId, this.#retriedParts.itemsOf(taskId));
      store.runs.startItems(this.#run, taskId, items, this.#now());
      this.#items.set(taskId, items);
      progress.set(taskId, { ...before, status: "running", phase: "items", items: items.length });
      for (const item of items) {
        const node = { taskId, item: item.index };
        progress.set(nodeKey(node), newProgress(node, item));
      }
    } catch (error) {
      if (!(error instanceof InvalidItemsError)) throw error;
      const { message } = error;
      const outcome = {
        status: "failed",
        reason: "invalid_items",
        error: message,
        exitCode: null,
        outputs: {},
      } as const;
      this.#storeOutcome(before, outcome, progress);
    }
  }

  #outcomeOfItems(
    { taskId, reason, exitCode }: Extract<RunStep, { readonly kind: "finish_items" }>,
    progress: RunProgress,
  ): TaskOutcome {
    const items = (this.#items.get(taskId) ?? []).map(({ key, index }) => ({
      key,
      ...stateOf(progress, { taskId, item: index }),
    }));
    const outputs = aggregateOutputs(items);
    if (reason === null) return { status: "completed", reason, error: null, exitCode: null, outputs };
    return { status: "failed", reason, error: itemsError(items, reason), exitCode, outputs };
  }

  #storeEnd(progress: RunProgress): Run {
    const { engine, notifier, job } = this.#options;
    const isLost = this.#run.lost || [...progress.values()].some(({ reason }) => isLostReason(reason));
    const outcome = outcomeOfRun({ job, tasks: progress, ending: this.#ending?.reason ?? null, isLost });
    const final = outcome.status === "completed" ? jobOutputs(outcome, this.#state(progress)) : outcome;
    const run = engine.store.runs.finish(this.#run.id, final, this.#changedAt);
    notifier.ended(job, run);
    return run;
  }

  /** Starts an attempt, or adopts its process, or follows its run, and stores how it ended. */
  #startAttempt(attempt: Attempt, process: RunningProcess | null): void {
    // What ends it from now on did not cause an exit of an adopted process before.
    const endedBefore = process === null ? null : this.#endingOf(attempt, this.#failedFast);
    const finished = this.#guard(async () => {
      const { job, spools, detach, engine } = this.#options;
      const spool = this.#spoolOf(attempt);
      const result = await this.#resultOf(attempt, process, endedBefore);
      detach.throwIfAborted();
      if (result.outcome.reason === "interrupted")
        await this.#logFailure(() => killLeftovers(attempt.process, spool, engine.clock));
      await this.#advance(
        { node: attempt, apply: (progress) => this.#storeResult(attempt, result, progress) },
        () => {
          if (attempt.childRunId === null)
            this.#driverOf(taskOf(job, attempt.taskId)).release({ attempt, spool, spools });
        },
        result.endedAt,
      );
      this.#waitForRetry(attempt);
    });
    this.#unfinished.set(attempt, finished);
    void finished.then(() => {
      this.#unfinished.delete(attempt);
      if (this.isResting) this.#options.onRest();
    });
  }

  /**
   * Runs or follows an attempt to its end. While the database can't be used, it waits, and then goes on with what it finds, as after a
   * restart. An attempt at which petit itself fails is ended. Rejects only when the engine detaches.
   */
  async #resultOf(
    attempt: Attempt,
    process: RunningProcess | null,
    endedBefore: EndingReason | null,
  ): Promise<AttemptResult> {
    const { detach, commits, engine } = this.#options;
    const { childRunId } = attempt;
    for (let isAgain = false; ; isAgain = true) {
      try {
        if (childRunId !== null) return await this.#followChild(attempt, childRunId);
        return isAgain
          ? await this.#runAttempt(attempt, this.#adoptAgain(attempt), this.#endingOf(attempt, this.#failingFast))
          : await this.#runAttempt(attempt, process, endedBefore);
      } catch (error) {
        detach.throwIfAborted();
        if (!commits.outage.noteFailure(error)) return await this.#failAttempt(attempt, error);
        await commits.retryUntilStored(() => engine.store.probe(engine.clock.now()));
      }
    }
  }

  #adoptAgain(attempt: Attempt): RunningProcess | null {
    const { job, poller, engine } = this.#options;
    if (this.#driverOf(taskOf(job, attempt.taskId)).outlivesPetit) return null;
    return adoptProcess(attempt, this.#spoolOf(attempt), { poller, clock: engine.clock });
  }

  /** Ends the process of an attempt at which petit itself has failed. Returns how the attempt ended. */
  async #failAttempt(attempt: Attempt, cause: unknown): Promise<AttemptResult> {
    const { engine, job } = this.#options;
    this.#logError(cause);
    const graceMs = job.killGraceMs ?? engine.settings.killGraceMs;
    const termination = { clock: engine.clock, graceMs, forceKill: this.#forceKill.signal };
    await this.#logFailure(() => endProcess(attempt.process, this.#spoolOf(attempt), termination));
    return {
      outcome: {
        status: "failed",
        reason: "internal_error",
        error: internalErrorText(cause),
        exitCode: null,
        signal: null,
      },
      outputs: {},
      transient: false,
      endedAt: this.#now(),
    };
  }

  /** Returns why an attempt is being ended, if the items of `failingFast` are; null if it is not. */
  #endingOf({ taskId, item }: TaskNode, failingFast: readonly TaskId[]): EndingReason | null {
    if (isEnded(taskOf(this.#options.job, taskId), this.#ending)) return this.#ending.reason;
    return item !== null && failingFast.includes(taskId) ? "cancelled" : null;
  }

  /** The tasks whose items are being ended. */
  get #failingFast(): readonly TaskId[] {
    return [...this.#failFasts].flatMap(([id, { signal }]) => (signal.aborted ? [id] : []));
  }

  #runAttempt(
    attempt: Attempt,
    adopted: RunningProcess | null,
    endedBefore: EndingReason | null,
  ): Promise<AttemptResult> {
    const { job, onOutput } = this.#options;
    const task = taskOf(job, attempt.taskId);
    const item = this.#itemOf(attempt);
    const current = (): Run => this.#run;
    return this.#driverOf(task).run({
      ...this.#options,
      context: {
        job,
        task,
        get run() {
          return current();
        },
        item,
        scope: () => scopeOfState(this.#state(), { taskId: task.id, item }),
      },
      attempt,
      now: this.#now,
      spool: this.#spoolOf(attempt),
      adopted,
      endedBefore,
      end: this.#endOf(attempt),
      forceKill: this.#forceKill.signal,
      onOutput: () => onOutput(this.#run),
    });
  }

  /** Only an adopted run can have attempts of an older petit. */
  #spoolOf({ id }: Attempt): Spool {
    const { engine, adopted } = this.#options;
    return adopted.length === 0 ? spoolOf(engine.spoolDir, id) : findSpool(engine.spoolDir, id);
  }

  #followChild(attempt: Attempt, childRunId: RunId): Promise<AttemptResult> {
    const { engine, job } = this.#options;
    const { timeoutMs } = taskOf(job, attempt.taskId);
    const { startedAt } = attempt;
    const { clock } = engine;
    return followChild({
      ...this.#options,
      ...{ childRunId, startedAt, timeoutMs, clock },
      now: this.#now,
      end: this.#endOf(attempt),
    });
  }

  /** Returns the signal that ends an attempt. */
  #endOf({ taskId, item }: TaskNode): AbortSignal {
    const end = this.#ends.get(taskId)?.signal ?? this.#over.signal;
    const failFast = item === null ? undefined : this.#failFasts.get(taskId)?.signal;
    return failFast === undefined ? end : AbortSignal.any([end, failFast]);
  }

  /** Stores how an attempt ended and what follows for its task: its end, or another attempt. */
  #storeResult(attempt: Attempt, given: AttemptResult, progress: RunProgress): void {
    const { job, engine } = this.#options;
    const { store, settings } = engine;
    const now = given.endedAt;
    const result = attempt.item === null ? given : withinItemOutputs(given, this.#outputsOfItems(attempt, progress));
    const task = taskOf(job, attempt.taskId);
    if (attempt.childRunId !== null) this.#seenChildren.push(attempt.childRunId);
    const isFailingFast = attempt.item !== null && this.#failFasts.get(task.id)?.signal.aborted === true;
    const ending = isEnded(task, this.#ending) ? this.#ending.reason : null;
    const after = afterAttempt(stateOf(progress, attempt), result, {
      task,
      now,
      ending: ending ?? (isFailingFast ? "cancelled" : null),
      onInterrupt: job.onInterrupt ?? settings.onInterrupt,
      random: Math.random(),
    });
    store.runs.finishAttempt(attempt.id, result.outcome, { now, retryAt: after.progress.retryAt });
    if (result.outcome.reason === "internal_error") this.#noteInternalError(result.outcome.error ?? "");
    if (isLostReason(after.outcome?.reason ?? null)) store.runs.markLost(this.#run.id);
    if (after.outcome !== null) store.runs.finishTask(this.#run, after.progress.node, { outcome: after.outcome, now });
    progress.set(nodeKey(attempt), after.progress);
  }

  /** Returns the outputs of the other items of a task. */
  #outputsOfItems({ taskId, item }: TaskNode, progress: RunProgress): readonly Outputs[] {
    return (this.#items.get(taskId) ?? []).flatMap(({ index }) => {
      const outputs = index === item ? undefined : progress.get(itemKey(taskId, index))?.outputs;
      return outputs === undefined ? [] : [outputs];
    });
  }

  #waitForRetry(node: TaskNode): void {
    void this.#guard(() => this.#makeDue(node));
  }

  /** Makes the next attempt of a task or item due when its time has come. */
  async #makeDue(node: TaskNode): Promise<void> {
    const { engine, detach } = this.#options;
    const key = nodeKey(node);
    const state = this.#progress.get(key);
    if (state?.phase !== "waiting" || state.retryAt === null) return;
    const signal = AbortSignal.any([detach, this.#over.signal, this.#ends.get(node.taskId)?.signal ?? detach]);
    await sleep(engine.clock, state.retryAt - this.#now(), signal);
    if (signal.aborted) return;
    const apply = (progress: RunProgress): void => {
      const waiting = progress.get(key);
      if (waiting?.phase === "waiting") progress.set(key, { ...waiting, phase: "due" });
    };
    await this.#advance({ node, apply });
  }

  /** Ends the run when its timeout is reached. */
  async #watchTimeout(): Promise<void> {
    const { job, engine, detach } = this.#options;
    if (job.timeoutMs === null) return;
    const signal = AbortSignal.any([this.#over.signal, detach]);
    await sleep(engine.clock, job.timeoutMs - (this.#now() - (this.#run.startedAt ?? this.#now())), signal);
    if (signal.aborted) return;
    // The run may already be over. Until its exits are stored, it starts no attempts.
    this.#isHeld = true;
    await waitForExitsStored(this.#unfinished, { ...engine, spoolOf: (attempt) => this.#spoolOf(attempt) });
    this.#isHeld = false;
    if (signal.aborted) return;
    if (this.isEnding) return this.#advance();
    this.endAnyhow("timeout", { all: false });
  }

  /** Ends the run if `work` throws, which is a fault of petit itself. Other runs continue. After detaching, errors are expected. */
  async #guard(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!this.#over.signal.aborted) await this.#endFaulty(error);
    }
  }

  async #logFailure(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#logError(error);
    }
  }

  #logError(error: unknown): void {
    const { engine, detach } = this.#options;
    const fields = { job_id: this.#run.jobId, run_id: this.#run.id };
    if (!detach.aborted) engine.log.error({ err: error, ...fields }, "cannot continue a run");
  }
}

/** A change of a task or an item, which the steps of the run follow. */
type Change = { readonly node: TaskNode; readonly apply: (progress: RunProgress) => void };

type CarefulWork = {
  readonly progress: RunProgress;
  readonly stored: StoredSteps;
  readonly work: () => StepResult;
};

/** `failed`: petit itself failed at the step, and the task or item has ended. */
type StepResult = "plan again" | "failed" | null;

const nodeOf = (step: RunStep): TaskNode => ({
  taskId: step.taskId,
  item: ("item" in step ? step.item : undefined) ?? null,
});

/** Delays between attempts to end a run whose end the database refuses, in ms. */
const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 60_000;

/** What the stored steps require when they are committed. */
type StoredSteps = {
  /** Attempts to start or to follow. */
  readonly attempts: Attempt[];
  /** Tasks and items that may wait for their next attempt. */
  readonly waiting: TaskNode[];
  /** New runs that attempts have started. */
  readonly children: TransactionHooks[];
};

/** The phases in which a run needs its place. */
const ACTIVE_PHASES = ["attempting", "waiting", "due"] as const;

/** How long a run whose timeout is reached waits until past exits are stored, while other tasks still run, in ms. */
const STORE_TIMEOUT_MS = 1_000;

/** Resolves when the exits of all processes that have ended are stored, or after 1 s if other processes still run. */
const waitForExitsStored = async (
  unfinished: ReadonlyMap<Attempt, Promise<void>>,
  { spoolOf, clock }: { readonly spoolOf: (attempt: Attempt) => Spool; readonly clock: Clock },
): Promise<void> => {
  const exited = [...unfinished].filter(([attempt]) => hasEnded(spoolOf(attempt)));
  const stored = new AbortController();
  const storing = Promise.all(exited.map(([, finished]) => finished)).then(() => stored.abort());
  const isAll = exited.length === unfinished.size;
  await (isAll ? storing : Promise.race([storing, sleep(clock, STORE_TIMEOUT_MS, stored.signal)]));
};
