import { InvalidItemsError, toItems, valuesOf } from "../../domain/expand-items.ts";
import { topological } from "../../domain/graph.ts";
import type { TaskId } from "../../domain/ids.ts";
import type { Item } from "../../domain/item.ts";
import { type Approval, type Job, type Task, taskOf } from "../../domain/job.ts";
import type { EndingReason, Run } from "../../domain/run.ts";
import type { Attempt, ItemRun, TaskOutcome, TaskRun } from "../../domain/task-run.ts";
import { Expression } from "../../jobfile/expression/expression.ts";
import { expandTemplate, expressionScope, parseIf, type TemplateScope } from "../../jobfile/template.ts";
import { type Clock, sleep } from "../../lib/clock.ts";
import type { TaskNode } from "../../store/runs/task-runs.ts";
import type { Artifacts } from "../artifacts/artifacts.ts";
import { hasEnded, killLeftovers, type RunningProcess } from "../attempt/process.ts";
import { type AttemptResult, runAttempt } from "../attempt/run-attempt.ts";
import type { Commits, TransactionHooks } from "../commits.ts";
import type { Notifier } from "../notify/notifier.ts";
import type { EngineOptions } from "../options.ts";
import { noteEnding, spoolOf } from "../output/spool.ts";
import type { SpoolPool } from "../output/spool-pool.ts";
import type { Poller } from "../poller.ts";
import { type ApprovalDecision, outcomeOfDecision } from "./approval.ts";
import { aggregateOutputs, itemsError } from "./items.ts";
import { nodeKey } from "./node.ts";
import { outcomeOfRun } from "./outcome.ts";
import { type Ending, type IfResult, isEnded, planRun, type RunPlan, type RunStep } from "./plan.ts";
import {
  afterAttempt,
  attempting,
  ended,
  endedWithoutAttempt,
  newProgress,
  progressOfRun,
  type RunProgress,
  stateOf,
  type TaskProgress,
} from "./progress.ts";
import { clockOfRun } from "./run-clock.ts";

/** The parts of the engine that runs use. */
export type RunEngine = {
  readonly engine: EngineOptions;
  readonly notifier: Notifier;
  readonly commits: Commits;
  readonly artifacts: Artifacts;
  readonly poller: Poller;
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
  readonly onOutput: (run: Run) => void;
  /** Called when the run only waits for a person, so that its place is free. */
  readonly onPark: (run: Run) => void;
  /** Called when it could continue; `unpark` is called when there is a place for it. */
  readonly onUnpark: (run: Run) => void;
  /** Called once, when the end of the run is stored. */
  readonly onEnd: (run: Run) => void;
};

/** An attempt of the previous process. `process` is null if it was never started. */
export type AdoptedAttempt = { readonly attempt: Attempt; readonly process: RunningProcess | null };

/** Runs one job: plans the next steps, stores them, then executes them. */
export class RunJob {
  readonly #options: RunJobOptions;
  readonly #tasks: readonly Task[];
  readonly #hasApprovals: boolean;
  readonly #now: () => number;
  readonly #ends: ReadonlyMap<TaskId, AbortController>;
  /** Aborted to end the items of a task, because too many of them have failed. */
  readonly #failFasts: ReadonlyMap<TaskId, AbortController>;
  /** The items of each task that was expanded. */
  readonly #items: Map<TaskId, readonly Item[]>;
  /** The attempts whose end is not stored yet. Each promise resolves when it is. */
  readonly #unfinished = new Map<Attempt, Promise<void>>();
  readonly #forceKill = new AbortController();
  readonly #over = new AbortController();
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
  /** True while the run has given its place back, because it only waits for a person. */
  #isParked = false;
  /** The approvals whose timeout is watched. */
  readonly #watchedApprovals = new Set<TaskId>();

  constructor(options: RunJobOptions) {
    this.#options = options;
    this.#run = options.run;
    this.#now = clockOfRun({ ...options, clock: options.engine.clock });
    this.#changedAt = this.#now();
    const { ending } = options.run;
    // A shutdown ends clean-up tasks too.
    this.#ending = ending === null ? null : { reason: ending, all: ending === "shutdown" };
    this.#tasks = topological(options.job.tasks);
    this.#hasApprovals = this.#tasks.some(({ program }) => program.type === "approval");
    this.#ends = new Map(this.#tasks.map(({ id }) => [id, new AbortController()]));
    this.#failFasts = new Map(
      this.#tasks.flatMap(({ id, items }) => (items === undefined ? [] : [[id, new AbortController()]])),
    );
    this.#items = new Map(options.items);
    this.#progress = progressOfRun(options);
  }

  get run(): Run {
    return this.#run;
  }

  /** Time since the start of the run, in ms. */
  get elapsedMs(): number {
    return Math.max(0, this.#now() - (this.#run.startedAt ?? this.#run.createdAt));
  }

  /** Stores the first steps, within the transaction that stores the run. */
  begin(): TransactionHooks {
    const hooks = this.#storeNext(() => {});
    return {
      ...hooks,
      onCommit: () => {
        void this.#watchTimeout();
        hooks.onCommit();
      },
    };
  }

  /** Continues a run of the previous process. */
  resume(): void {
    for (const { attempt, process } of this.#options.adopted) this.#startAttempt(attempt, process);
    for (const { phase, node } of this.#progress.values()) if (phase === "waiting") void this.#waitForRetry(node);
    if (this.#ending !== null) this.#abortEnded(this.#ending);
    void this.#watchTimeout();
    void this.#advance();
  }

  /**
   * Ends running tasks and skips pending ones; clean-up tasks only if `all` is set. The caller has stored the reason.
   */
  end(reason: EndingReason, options: { readonly all: boolean }): void {
    this.#ending = { reason: this.#ending?.reason ?? reason, all: options.all || this.#ending?.all === true };
    this.#run = { ...this.#run, ending: this.#ending.reason };
    this.#abortEnded(this.#ending);
    void this.#advance();
  }

  /**
   * Ends the run and stores the reason. If the database can't be written, the reason is stored as soon as it can be, and a
   * note in the spool folder informs the next process.
   */
  endAnyhow(reason: EndingReason, options: { readonly all: boolean }): void {
    const { store, spoolDir } = this.#options.engine;
    const isStored = this.#options.commits.commitOrDefer(() => store.runs.requestEnd(this.#run.id, reason));
    if (!isStored) for (const { id } of this.#unfinished.keys()) noteEnding(spoolOf(spoolDir, id), reason);
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

  /** The approvals that wait for a person. */
  get asking(): readonly TaskId[] {
    if (!this.#hasApprovals) return [];
    return [...this.#progress.values()].flatMap(({ phase, node }) => (phase === "asking" ? [node.taskId] : []));
  }

  /** The approvals that wait, with what they ask and since when. */
  get approvals(): readonly { readonly taskId: TaskId; readonly prompt: string | null; readonly since: number }[] {
    const { asking } = this;
    if (asking.length === 0) return [];
    const { store } = this.#options.engine;
    const taskRuns = new Map(store.runs.listTaskRuns(this.#run.id).map((each) => [each.taskId, each]));
    return asking.map((taskId) => ({
      taskId,
      prompt: this.#promptOf(taskId, this.#progress),
      since: taskRuns.get(taskId)?.startedAt ?? this.#run.createdAt,
    }));
  }

  #promptOf(taskId: TaskId, progress: RunProgress): string | null {
    const { program } = taskOf(this.#options.job, taskId);
    if (program.type !== "approval" || program.prompt === null) return null;
    return expandTemplate(program.prompt, this.#scope(progress));
  }

  /** Ends an approval that waits, within the current transaction. */
  decide(taskId: TaskId, decision: ApprovalDecision): TransactionHooks {
    this.#changedAt = Math.max(this.#changedAt, this.#now());
    return this.#storeNext((progress) => this.#storeDecision(taskId, decision, progress));
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

  /**
   * Stores `change`, which happened at `at`, with the steps that follow from it, in one transaction. Then executes
   * the steps. `cleanUp` is called when that is stored; if processes follow, it must not delay them.
   */
  async #advance(
    change: (progress: RunProgress) => void = () => {},
    cleanUp: () => void = () => {},
    at = this.#now(),
  ): Promise<void> {
    this.#changedAt = Math.max(this.#changedAt, at);
    await this.#logFailure(() =>
      this.#options.commits.enqueueUntilStored((addHooks) => {
        if (!this.#isFinished) addHooks(this.#storeNext(change));
        const [onCommit, onSettled] = this.#isFinished ? [cleanUp, () => {}] : [() => {}, cleanUp];
        addHooks({ onCommit, onRollback: () => {}, onSettled });
      }),
    );
  }

  /**
   * Replaces the progress before the commit, since later work in the same transaction builds on it. A rollback
   * restores it.
   */
  #storeNext(change: (progress: RunProgress) => void): TransactionHooks {
    const before = this.#progress;
    const progress: RunProgress = new Map(before);
    const onRollback = (): void => {
      this.#progress = before;
      this.#isFinished = false;
    };
    this.#progress = progress;
    try {
      change(progress);
      const maxTasks = this.#isHeld || this.#isParked ? 0 : this.#options.engine.settings.maxTasks;
      const attempts: Attempt[] = [];
      let plan: RunPlan;
      do {
        plan = planRun({
          tasks: this.#tasks,
          states: progress,
          ending: this.#ending,
          maxTasks,
          evaluateIf: (taskId, item) => this.#evaluateIf({ taskId, item }, progress),
        });
        attempts.push(...plan.steps.flatMap((step) => this.#storeStep(step, progress) ?? []));
      } while (plan.steps.some(({ kind }) => kind === "expand"));
      const { failFast } = plan;
      const final = plan.isOver ? this.#storeEnd(progress) : null;
      this.#isFinished = plan.isOver;
      const onCommit = (): void => {
        if (final === null) return;
        this.#run = final;
        this.#over.abort(final.status);
        this.#options.onEnd(final);
      };
      const onSettled = (): void => {
        // The next petit process starts attempts that were stored but not started.
        if (this.#options.detach.aborted) return;
        for (const attempt of attempts) this.#startAttempt(attempt, null);
        for (const taskId of failFast) this.#failFasts.get(taskId)?.abort("cancelled");
        this.#watchApprovals();
        if (final === null) this.#updateParked();
      };
      return { onCommit, onRollback, onSettled };
    } catch (error) {
      onRollback();
      throw error;
    }
  }

  /** Returns the attempt that the step starts, or null. */
  #storeStep(step: RunStep, progress: RunProgress): Attempt | null {
    const { store } = this.#options.engine;
    if (step.kind === "expand") {
      this.#expand(step.taskId, progress);
      return null;
    }
    if (step.kind === "ask") {
      this.#ask(step.taskId, progress);
      return null;
    }
    const node = { taskId: step.taskId, item: ("item" in step ? step.item : undefined) ?? null };
    const before = stateOf(progress, node);
    if (step.kind === "start" || step.kind === "retry") {
      progress.set(nodeKey(node), attempting(before));
      return store.runs.startAttempt(this.#run, node, this.#now());
    }
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

  /** Begins to wait for a person, and notifies of it in the same transaction, so that a restart does not repeat it. */
  #ask(taskId: TaskId, progress: RunProgress): void {
    const { engine, notifier, job } = this.#options;
    const now = this.#now();
    engine.store.runs.askApproval(this.#run, taskId, now);
    progress.set(taskId, { ...stateOf(progress, { taskId, item: null }), status: "running", phase: "asking" });
    notifier.asked(job, this.#run, () => ({
      task: taskOf(job, taskId),
      prompt: this.#promptOf(taskId, progress),
      now,
    }));
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

  /** Decides about approvals whose timeout is reached. */
  #watchApprovals(): void {
    for (const taskId of this.asking) {
      const { timeoutMs, program } = taskOf(this.#options.job, taskId);
      if (timeoutMs === null || program.type !== "approval" || this.#watchedApprovals.has(taskId)) continue;
      this.#watchedApprovals.add(taskId);
      void this.#watchApproval(taskId, timeoutMs, program.onTimeout);
    }
  }

  async #watchApproval(taskId: TaskId, timeoutMs: number, onTimeout: Approval["onTimeout"]): Promise<void> {
    const { engine, detach } = this.#options;
    const stored = engine.store.runs.listTaskRuns(this.#run.id).find((taskRun) => taskRun.taskId === taskId);
    const signal = AbortSignal.any([detach, this.#over.signal]);
    await sleep(engine.clock, (stored?.startedAt ?? this.#now()) + timeoutMs - this.#now(), signal);
    if (signal.aborted) return;
    await this.#advance((progress) => this.#storeDecision(taskId, { kind: "timeout", onTimeout, timeoutMs }, progress));
  }

  /** Gives the place of the run back while it only waits for a person, and asks for one when it could continue. */
  #updateParked(): void {
    const isAsking = this.asking.length > 0;
    if (!isAsking && !this.#isParked) return;
    const isActive = [...this.#progress.values()].some(
      ({ phase }) => phase === "attempting" || phase === "waiting" || phase === "due",
    );
    const wantsPlace = isActive || this.#couldStart();
    if (wantsPlace && this.#isParked) this.#options.onUnpark(this.#run);
    if (wantsPlace || !isAsking || this.#isParked) return;
    this.#isParked = true;
    this.#options.onPark(this.#run);
  }

  #couldStart(): boolean {
    const { steps } = planRun({
      tasks: this.#tasks,
      states: this.#progress,
      ending: this.#ending,
      maxTasks: Number.POSITIVE_INFINITY,
      evaluateIf: (taskId, item) => this.#evaluateIf({ taskId, item }, this.#progress),
    });
    return steps.some(({ kind }) => kind === "start" || kind === "retry");
  }

  /** Evaluates the `if` of a task. One that refers to the item is evaluated for each item, any other once for the task. */
  #evaluateIf({ taskId, item }: TaskNode, progress: RunProgress): IfResult {
    const { job } = this.#options;
    const text = taskOf(job, taskId).if;
    const expression = text === undefined ? null : parseIf(text);
    if (!(expression instanceof Expression)) return true;
    const isOfItem = expression.references.some(
      ([name]) => name === "item" || name === "item_key" || name === "matrix",
    );
    if (isOfItem !== (item !== null)) return true;
    try {
      const ofItem = item === null ? null : (this.#items.get(taskId)?.[item] ?? null);
      return expression.isTrue(expressionScope(this.#scope(progress, ofItem)));
    } catch (error) {
      return { error: `if: ${error instanceof Error ? error.message : String(error)}` };
    }
  }

  /** Expands a task into its items, and stores them. A task whose items can't be used fails. */
  #expand(taskId: TaskId, progress: RunProgress): void {
    const { store } = this.#options.engine;
    const before = stateOf(progress, { taskId, item: null });
    try {
      const items = this.#itemsOf(taskId, progress);
      const completed = this.#completedBefore(taskId);
      const stored = items.map((item) => {
        const previous = completed.get(item.key);
        const isSame = previous !== undefined && JSON.stringify(previous.value) === JSON.stringify(item.value);
        return { ...item, outputs: isSame ? previous.outputs : null };
      });
      store.runs.startItems(this.#run, taskId, stored, this.#now());
      this.#items.set(taskId, items);
      progress.set(taskId, { ...before, status: "running", phase: "items", items: items.length });
      for (const { index, outputs } of stored) {
        const node = { taskId, item: index };
        progress.set(nodeKey(node), newProgress(node, outputs));
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

  #itemsOf(taskId: TaskId, progress: RunProgress): readonly Item[] {
    const { job } = this.#options;
    const { items: spec } = taskOf(job, taskId);
    if (spec === undefined) throw new Error(`task '${taskId}' has no items`);
    const scope = this.#scope(progress);
    const values = valuesOf(spec.source, (text) => expandTemplate(text, scope));
    const { key } = spec;
    return toItems(values, {
      isMatrix: spec.source.kind === "matrix",
      ...(key !== null && { keyOf: (item: Item) => expandTemplate(key, { ...scope, item }) }),
    });
  }

  /** Returns the completed items of the run that this one retries, by key, if the retry reuses them. */
  #completedBefore(taskId: TaskId): ReadonlyMap<string, ItemRun> {
    const { engine, taskRuns, run } = this.#options;
    const isReused = taskRuns.some((taskRun) => taskRun.taskId === taskId && taskRun.reused);
    if (!isReused || run.retryOf === null) return new Map();
    const items = engine.store.runs.listItems({ runId: run.retryOf, taskId, status: "completed" });
    return new Map(items.map((item) => [item.key, item]));
  }

  #outcomeOfItems(
    { taskId, reason }: Extract<RunStep, { readonly kind: "finish_items" }>,
    progress: RunProgress,
  ): TaskOutcome {
    const items = (this.#items.get(taskId) ?? []).map(({ key, index }) => ({
      key,
      ...stateOf(progress, { taskId, item: index }),
    }));
    const outputs = aggregateOutputs(items);
    if (reason === null) return { status: "completed", reason, error: null, exitCode: null, outputs };
    return { status: "failed", reason, error: itemsError(items, reason), exitCode: null, outputs };
  }

  /** Returns the values for templates: what the tasks have produced so far, and an item. */
  #scope(progress: RunProgress, item: Item | null = null): TemplateScope {
    const { job } = this.#options;
    const states = this.#tasks.map(({ id }) => [id, stateOf(progress, { taskId: id, item: null })] as const);
    return {
      params: this.#run.params,
      config: job.config,
      outputs: new Map(states.map(([id, { outputs }]) => [id, outputs])),
      statuses: new Map(states.map(([id, { status }]) => [id, status])),
      itemCounts: new Map([...this.#items].map(([taskId, items]) => [taskId, items.length])),
      item,
      jobId: job.id,
      runId: this.#run.id,
      scheduledFor: this.#run.scheduledFor,
    };
  }

  #storeEnd(progress: RunProgress): Run {
    const { engine, notifier, job } = this.#options;
    const isLost = this.#run.lost || [...progress.values()].some(({ reason }) => reason === "interrupted");
    const outcome = outcomeOfRun({ job, tasks: progress, ending: this.#ending?.reason ?? null, isLost });
    const run = engine.store.runs.finish(this.#run.id, outcome, this.#changedAt);
    notifier.ended(job, run);
    return run;
  }

  /** Starts an attempt, or adopts its process, and stores how it ended. */
  #startAttempt(attempt: Attempt, process: RunningProcess | null): void {
    const finished = this.#logFailure(async () => {
      const { engine, spools, detach } = this.#options;
      const spool = spoolOf(engine.spoolDir, attempt.id);
      const result = await this.#runAttempt(attempt, process);
      detach.throwIfAborted();
      const { reason } = result.outcome;
      if (reason === "interrupted") await killLeftovers(attempt.process, spool, engine.clock);
      await this.#advance(
        (progress) => this.#storeResult(attempt, result, progress),
        () => spools.remove(spool),
        result.endedAt,
      );
      void this.#waitForRetry(attempt);
    });
    this.#unfinished.set(attempt, finished);
    void finished.then(() => this.#unfinished.delete(attempt));
  }

  #runAttempt(attempt: Attempt, adopted: RunningProcess | null): Promise<AttemptResult> {
    const { engine, job, onOutput } = this.#options;
    const task = taskOf(job, attempt.taskId);
    const item = attempt.item === null ? null : (this.#items.get(task.id)?.[attempt.item] ?? null);
    const end = this.#ends.get(task.id)?.signal ?? this.#over.signal;
    const failFast = item === null ? undefined : this.#failFasts.get(task.id)?.signal;
    return runAttempt({
      ...this.#options,
      context: { job, task, run: this.#run, item, scope: () => this.#scope(this.#progress, item) },
      attempt,
      now: this.#now,
      spool: spoolOf(engine.spoolDir, attempt.id),
      adopted,
      end: failFast === undefined ? end : AbortSignal.any([end, failFast]),
      forceKill: this.#forceKill.signal,
      onOutput: () => onOutput(this.#run),
    });
  }

  /** Stores how an attempt ended and what follows for its task: its end, or another attempt. */
  #storeResult(attempt: Attempt, result: AttemptResult, progress: RunProgress): void {
    const { job, engine } = this.#options;
    const { store, settings } = engine;
    const now = result.endedAt;
    const task = taskOf(job, attempt.taskId);
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
    if (after.outcome?.reason === "interrupted") store.runs.markLost(this.#run.id);
    if (after.outcome !== null) store.runs.finishTask(this.#run, after.progress.node, { outcome: after.outcome, now });
    progress.set(nodeKey(attempt), after.progress);
  }

  async #waitForRetry(node: TaskNode): Promise<void> {
    const { engine, detach } = this.#options;
    const key = nodeKey(node);
    const state = this.#progress.get(key);
    if (state?.phase !== "waiting" || state.retryAt === null) return;
    const signal = AbortSignal.any([detach, this.#over.signal, this.#ends.get(node.taskId)?.signal ?? detach]);
    await sleep(engine.clock, state.retryAt - this.#now(), signal);
    if (signal.aborted) return;
    await this.#advance((progress) => {
      const waiting = progress.get(key);
      if (waiting?.phase === "waiting") progress.set(key, { ...waiting, phase: "due" });
    });
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
    await waitForExitsStored(this.#unfinished, engine);
    this.#isHeld = false;
    if (signal.aborted) return;
    if (this.isEnding) return this.#advance();
    await this.#logFailure(async () => this.endAnyhow("timeout", { all: false }));
  }

  /**
   * Logs an error of `work`, which is a fault of petit itself. Other runs continue. After detaching, errors are
   * expected.
   */
  async #logFailure(work: () => Promise<unknown>): Promise<void> {
    const { engine, detach } = this.#options;
    try {
      await work();
    } catch (error) {
      const fields = { job_id: this.#run.jobId, run_id: this.#run.id };
      if (!detach.aborted) engine.log.error({ err: error, ...fields }, "cannot continue a run");
    }
  }
}

/** How long a run whose timeout is reached waits until past exits are stored, while other tasks still run, in ms. */
const STORE_TIMEOUT_MS = 1_000;

/** Resolves when the exits of all processes that have ended are stored, or after 1 s if other processes still run. */
const waitForExitsStored = async (
  unfinished: ReadonlyMap<Attempt, Promise<void>>,
  { spoolDir, clock }: { readonly spoolDir: string; readonly clock: Clock },
): Promise<void> => {
  const exited = [...unfinished].filter(([{ id }]) => hasEnded(spoolOf(spoolDir, id)));
  const stored = new AbortController();
  const storing = Promise.all(exited.map(([, finished]) => finished)).then(() => stored.abort());
  const isAll = exited.length === unfinished.size;
  await (isAll ? storing : Promise.race([storing, sleep(clock, STORE_TIMEOUT_MS, stored.signal)]));
};
