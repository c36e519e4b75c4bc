import { topological } from "../../domain/graph.ts";
import type { RunId, TaskId } from "../../domain/ids.ts";
import type { Item } from "../../domain/item.ts";
import { hasProcess, type Job, type Task } from "../../domain/job.ts";
import type { WaitingCode } from "../../domain/limits/waiting-for.ts";
import type { EndingReason, Run } from "../../domain/run.ts";
import type { Attempt, ItemRun, TaskRun } from "../../domain/task-run.ts";
import { soon } from "../../lib/clock.ts";
import type { Json } from "../../lib/json.ts";
import type { TaskNode } from "../../store/runs/task-runs.ts";
import type { AttemptResult } from "../attempt/run-attempt.ts";
import type { AddHooks, TransactionHooks } from "../commits.ts";
import { readEvent } from "../deliveries/read-event.ts";
import { assertNoStorageFault } from "../internal-errors.ts";
import { askingTasks, type OpenApproval, openApprovals } from "./approval/approvals.ts";
import type { ApprovalDecision } from "./approval/decision.ts";
import { type AdoptedAttempt, RunAttempts } from "./attempts.ts";
import type { ChildRuns } from "./child/child-runs.ts";
import { RunFaults } from "./faults.ts";
import { type NodeKey, nodeKey } from "./plan/node.ts";
import type { Ending, RunPlan } from "./plan/plan.ts";
import { RunPlanner } from "./plan/planner.ts";
import { progressOfRun, type RunProgress } from "./plan/progress.ts";
import { newBatch, RunSteps, type StepBatch } from "./plan/steps.ts";
import { RetriedParts } from "./retry/retried-parts.ts";
import { clockOfRun } from "./run-clock.ts";
import type { RunOwner, RunServices } from "./services.ts";
import { RunSlot } from "./slot.ts";
import type { RunState } from "./task/run-scope.ts";
import { RunTimers } from "./timers.ts";
import { type WaitSources, waitOfRun, waitsOfTasks } from "./waits.ts";

export type RunJobOptions = {
  readonly services: RunServices;
  readonly children: ChildRuns;
  readonly owner: RunOwner;
  readonly run: Run;
  readonly job: Job;
  readonly stored: StoredParts;
};

/** What is stored about the parts of a run. */
export type StoredParts = {
  readonly taskRuns: readonly TaskRun[];
  readonly items: ReadonlyMap<TaskId, readonly ItemRun[]>;
  /** None for a new run. */
  readonly attempts: readonly Attempt[];
  /** The attempts that were running when the previous process ended. */
  readonly adopted: readonly AdoptedAttempt[];
};

/** Runs one job: plans the next steps, stores them, then executes them. */
export class RunJob {
  readonly #services: RunServices;
  readonly #owner: RunOwner;
  readonly #stored: StoredParts;
  readonly #tasks: readonly Task[];
  readonly #hasApprovals: boolean;
  /** True if some tasks run on other machines. */
  readonly #mayBeElsewhere: boolean;
  readonly #now: () => number;
  readonly #items: Map<TaskId, readonly Item[]>;
  readonly #over = new AbortController();
  readonly #faults: RunFaults;
  readonly #attempts: RunAttempts;
  readonly #planner: RunPlanner;
  readonly #steps: RunSteps;
  readonly #slot: RunSlot;
  readonly #timers: RunTimers;
  #run: Run;
  #job: Job;
  #progress: RunProgress;
  #ending: Ending | null;
  /**
   * When the newest change happened, by the clock of the run. The run ends at this time, even if that is stored
   * later.
   */
  #changedAt: number;
  /** The event that started the run, once somebody has asked for it. */
  #event: { readonly value: Json } | null = null;
  /** True when the end of the run is stored. */
  #isFinished = false;
  /** True while no attempts may start because the run may have timed out. */
  #mayHaveTimedOut = false;
  /** False if the run can't wait for anything but a slot. */
  readonly #mayWait: boolean;
  /** What the run waits for, as of a progress of it. */
  #known: { readonly progress: RunProgress; readonly code: WaitingCode | null } | null = null;
  /** What the last event said that the run waits for. */
  #announced: WaitingCode | null = null;

  constructor({ services, children, owner, run, job, stored }: RunJobOptions) {
    const { clock, detach, store } = services;
    const { taskRuns, items, attempts, adopted } = stored;
    this.#services = services;
    this.#owner = owner;
    this.#stored = stored;
    this.#run = run;
    this.#job = job;
    this.#now = clockOfRun({ clock, run, taskRuns, attempts, adopted });
    this.#changedAt = this.#now();
    const { ending, endsCleanUps } = run;
    // petit stops for all tasks, clean-up tasks included.
    this.#ending = ending === null ? null : { reason: ending, all: endsCleanUps || ending === "shutdown" };
    this.#tasks = topological(job.tasks);
    this.#hasApprovals = this.#tasks.some(({ program }) => program.type === "approval");
    this.#mayBeElsewhere = this.#tasks.some(({ runsOn }) => runsOn !== undefined);
    this.#mayWait = this.#tasks.some(
      ({ program, runsOn, retry }) => !hasProcess(program.type) || runsOn !== undefined || retry !== null,
    );
    this.#items = new Map(items);
    this.#progress = progressOfRun({ job, taskRuns, items, attempts });
    const over = this.#over.signal;
    const state = (): RunState => this.#state;
    const currentEnding = (): Ending | null => this.#ending;
    this.#faults = new RunFaults({
      services,
      run: () => this.#run,
      over,
      storeFault: (error) => (this.#isFinished ? {} : this.#storeFault(error)),
    });
    this.#attempts = new RunAttempts({
      services,
      children,
      tasks: this.#tasks,
      now: this.#now,
      state,
      ending: currentEnding,
      isAdopted: adopted.length > 0,
      over,
      faults: this.#faults,
      onResult: (attempt, result, cleanUp) => this.#finishAttempt(attempt, result, cleanUp),
      onFinished: () => {
        if (this.isResting) owner.onRest();
      },
    });
    this.#steps = new RunSteps({
      services,
      children,
      state,
      items: this.#items,
      ending: currentEnding,
      // What follows in the same transaction does not end before it.
      now: () => this.#noteChange(this.#now()),
      changedAt: () => this.#changedAt,
      retriedParts: new RetriedParts({ store, run, taskRuns }),
      attempts: this.#attempts,
      faults: this.#faults,
    });
    this.#planner = new RunPlanner({
      tasks: this.#tasks,
      state,
      ending: currentEnding,
      maxTasks: () => (this.#mayHaveTimedOut ? 0 : services.settings.maxTasks),
    });
    this.#slot = new RunSlot({
      canPark: this.#tasks.some((task) => !hasProcess(task.program.type)),
      run: () => this.#run,
      progress: () => this.#progress.values(),
      couldStart: () => this.#planner.couldStart,
      owner,
    });
    this.#timers = new RunTimers({
      job,
      clock,
      now: this.#now,
      signal: AbortSignal.any([detach, over]),
      faults: this.#faults,
      onRetryDue: (node) => this.#advance({ node, apply: (batch) => this.#steps.makeDue(node, batch) }),
      onTimeout: () => this.#timeOut(),
      onApprovalTimeout: (taskId, decision) => this.#advance(this.#decision(taskId, decision)),
    });
  }

  /** Stores the first steps, within the transaction that stores the run. */
  begin(): TransactionHooks {
    const hooks = this.#storeNext(null);
    const onCommit = (): void => {
      this.#timers.watchTimeout(this.#run);
      hooks.onCommit?.();
    };
    return { ...hooks, onCommit };
  }

  /** Continues a run of the previous process. A parked one starts no process until `unpark` is called. */
  resume({ isParked }: { readonly isParked: boolean }): void {
    this.#slot.begin({ isParked });
    // The tasks whose items the previous process was ending. `guard` calls this at once.
    let failingFast: readonly TaskId[] = [];
    void this.#faults.guard(async () => {
      failingFast = this.#planner.plan({ withholdsProcesses: true }).failFast;
    });
    this.#attempts.adopt(this.#stored.adopted, failingFast);
    for (const { node } of this.#progress.values()) this.#waitForRetry(node);
    if (this.#ending !== null) this.#attempts.end(this.#ending);
    this.#attempts.failFast(failingFast);
    this.#timers.watchTimeout(this.#run);
    void this.#advance();
  }

  /**
   * Ends running tasks and skips pending ones; clean-up tasks only if `all` is set. The caller has stored the reason.
   */
  end(reason: EndingReason, { all }: { readonly all: boolean }): void {
    this.#ending = { reason: this.#ending?.reason ?? reason, all: all || this.#ending?.all === true };
    this.#run = { ...this.#run, ending: this.#ending.reason };
    this.#attempts.end(this.#ending);
    this.#faults.retryNow();
    void this.#advance();
  }

  /**
   * Ends the run and stores the reason. If the database can't be written, the reason is stored as soon as it can be, and a
   * note in the spool folder informs the next process.
   */
  endAnyhow(reason: EndingReason, options: { readonly all: boolean }): void {
    const { commits, store } = this.#services;
    const isStored = commits.commitOrDefer(() => store.runs.requestEnd(this.#run.id, reason, options));
    if (!isStored) this.#attempts.leaveNotes(reason);
    this.end(reason, options);
  }

  /** Kills the processes that are being ended, without the rest of their grace period. */
  forceKill(): void {
    this.#attempts.forceKill();
  }

  /** Continues a parked run, which has a slot again. */
  unpark(): void {
    if (this.#slot.unpark()) void this.#advance();
  }

  /** Ends an approval that waits, within the current transaction. */
  decide(taskId: TaskId, decision: ApprovalDecision): TransactionHooks {
    this.#noteChange(this.#now());
    return this.#storeNext(this.#decision(taskId, decision));
  }

  /** Continues as a run of another job, to which the history of its job was moved (`formerly`). */
  rename({ jobId, versionId }: Run): void {
    this.#run = { ...this.#run, jobId, versionId };
    this.#job = { ...this.#job, id: jobId };
  }

  /** Returns the time of a change, and that of what follows from it. */
  #noteChange(at: number): number {
    this.#changedAt = Math.max(this.#changedAt, at);
    return at;
  }

  #decision(taskId: TaskId, decision: ApprovalDecision): Change {
    const apply = (batch: StepBatch): void => this.#steps.storeDecision(taskId, decision, batch);
    return { node: { taskId, item: null }, apply };
  }

  #finishAttempt(attempt: Attempt, result: AttemptResult, cleanUp: () => void): Promise<void> {
    const apply = (batch: StepBatch): void => this.#steps.storeResult(attempt, result, batch);
    return this.#advance({ node: attempt, apply }, { cleanUp, at: result.endedAt });
  }

  /**
   * Stores `change`, which happened at `at`, with the steps that follow from it, in one transaction. Then executes
   * the steps, and calls `cleanUp` last.
   */
  async #advance(change: Change | null = null, { at = this.#now(), cleanUp }: Advance = {}): Promise<void> {
    this.#noteChange(at);
    const work = (addHooks: AddHooks): void => {
      if (!this.#isFinished) addHooks(this.#storeNext(change));
      if (cleanUp !== undefined) addHooks({ cleanUp });
    };
    try {
      await this.#services.commits.enqueueUntilStored(work);
    } catch (error) {
      await this.#faults.endFaulty(error, work);
    }
  }

  /**
   * Stores a change with the steps that follow from it. If petit itself fails at that, stores each step on its own: a task whose step fails
   * ends with `internal_error`. If that fails too, ends the run. Throws if the database can't be written, or refuses even that end.
   */
  #storeNext(change: Change | null): TransactionHooks {
    const { store } = this.#services;
    try {
      return store.transaction(() => this.#storeSteps(change, { isCareful: false }));
    } catch (error) {
      assertNoStorageFault(error);
      this.#faults.log(error);
    }
    try {
      return store.transaction(() => this.#storeSteps(change, { isCareful: true }));
    } catch (error) {
      assertNoStorageFault(error);
      return store.transaction(() => this.#storeFault(error));
    }
  }

  /**
   * Replaces the progress before the commit, since later work in the same transaction builds on it. A rollback restores it. Items of
   * a task whose expansion is rolled back stay until the task is expanded again; nothing reads them before.
   */
  #storeSteps(change: Change | null, { isCareful }: { readonly isCareful: boolean }): TransactionHooks {
    const before = this.#progress;
    const batch = newBatch(new Map(before), { isCareful });
    const onRollback = (): void => {
      for (const child of batch.children.toReversed()) child.onRollback?.();
      this.#progress = before;
      this.#isFinished = false;
    };
    this.#progress = batch.progress;
    try {
      if (change !== null)
        this.#steps.apply(change.node, batch, () => {
          change.apply(batch);
          return null;
        });
      const plan = this.#storePlanned(batch);
      const final = plan.isOver ? this.#steps.storeEnd(batch) : null;
      this.#isFinished = plan.isOver;
      const onCommit = (): void => {
        for (const child of batch.children) child.onCommit?.();
        if (final !== null) this.#finish(final);
      };
      const onSettled = (): void => {
        // The next petit process starts attempts that were stored but not started.
        if (this.#services.detach.aborted) return;
        for (const attempt of batch.attempts) this.#attempts.start(attempt);
        for (const node of batch.waiting) this.#waitForRetry(node);
        void this.#faults.guard(async () => this.#settle(plan, batch));
      };
      return { onCommit, onRollback, onSettled };
    } catch (error) {
      onRollback();
      throw error;
    }
  }

  /** Plans and stores steps until no other step follows. Returns the last plan. */
  #storePlanned(batch: StepBatch): RunPlan {
    for (;;) {
      const plan = this.#planner.plan({ withholdsProcesses: this.#slot.isParked });
      let hasMore = plan.isPartial;
      for (const step of plan.steps) {
        const result = this.#steps.store(step, batch);
        hasMore ||= result !== null;
        // The other steps may follow from this one.
        if (result === "failed") break;
      }
      if (!hasMore) return plan;
    }
  }

  /** Does what follows from a commit, apart from starting attempts and waiting for retries. */
  #settle(plan: RunPlan, { seenChildren }: StepBatch): void {
    if (plan.isCut) soon(() => void this.#advance());
    this.#attempts.failFast(plan.failFast);
    this.#timers.watchApprovals(this.asking, () => this.#listTaskRuns());
    const updateSlot = (): void => {
      if (!plan.isOver) this.#slot.update();
    };
    if (seenChildren.length > 0) this.#owner.onChildrenSeen(seenChildren, updateSlot);
    else updateSlot();
    this.announceWait();
  }

  /** Ends the run as it is, because petit can't continue it. */
  #storeFault(cause: unknown): TransactionHooks {
    const final = this.#steps.storeInternalError(cause);
    this.#isFinished = true;
    return {
      onCommit: () => {
        this.#attempts.endAll();
        this.#finish(final);
      },
      onRollback: () => {
        this.#isFinished = false;
      },
    };
  }

  #finish(final: Run): void {
    this.#run = final;
    this.#over.abort(final.status);
    this.#owner.onEnd(final);
  }

  #waitForRetry(node: TaskNode): void {
    const state = this.#progress.get(nodeKey(node));
    if (state?.phase !== "waiting" || state.retryAt === null) return;
    // Items of a task that fails fast are given up by the next plan.
    this.#timers.watchRetry(node, state.retryAt, this.#attempts.endOf({ taskId: node.taskId, item: null }));
  }

  async #timeOut(): Promise<void> {
    // The run may already be over. Until the exits of its processes are stored, it starts no attempts.
    this.#mayHaveTimedOut = true;
    await this.#attempts.untilExitsStored();
    this.#mayHaveTimedOut = false;
    if (this.#over.signal.aborted || this.#services.detach.aborted) return;
    if (this.isEnding) return this.#advance();
    this.endAnyhow("timeout", { all: false });
  }

  get run(): Run {
    return this.#run;
  }

  /** Time since the start of the run, in ms. */
  get elapsedMs(): number {
    return Math.max(0, this.#now() - (this.#run.startedAt ?? this.#run.createdAt));
  }

  get isEnding(): boolean {
    return this.#ending !== null;
  }

  get isParked(): boolean {
    return this.#slot.isParked;
  }

  /** True unless the run only waits for people and other runs. */
  get wantsSlot(): boolean {
    return this.#slot.isWanted;
  }

  /** True while the run only waits for people, other runs and other machines. False while the whole run is being ended. */
  get isResting(): boolean {
    return (this.#slot.isParked || this.#isElsewhere) && this.#ending?.all !== true;
  }

  /** True while all attempts of the run continue without petit, and no other one is due or waits for its time. */
  get #isElsewhere(): boolean {
    if (!this.#mayBeElsewhere || !this.#attempts.outlivePetit) return false;
    return this.#progress.values().every(({ phase }) => phase !== "waiting" && phase !== "due");
  }

  /** What the run only waits for, apart from a slot; null while something of it executes. */
  get waitingFor(): WaitingCode | null {
    if (!this.#mayWait || this.#isFinished) return null;
    // What is executed on other machines changes without a step of the run.
    if (this.#mayBeElsewhere) return waitOfRun(this.#waitSources);
    if (this.#known?.progress !== this.#progress)
      this.#known = { progress: this.#progress, code: waitOfRun(this.#waitSources) };
    return this.#known.code;
  }

  /** What each of its tasks waits for, apart from a slot, without those that wait for nothing. */
  get waitingTasks(): ReadonlyMap<TaskId, WaitingCode> {
    return this.#mayWait && !this.#isFinished ? waitsOfTasks(this.#waitSources) : new Map();
  }

  get #waitSources(): WaitSources {
    const elsewhere = this.#mayBeElsewhere ? this.#attempts.elsewhere : new Set<NodeKey>();
    return { job: this.#job, progress: this.#progress.values(), elsewhere };
  }

  /** Reports what the run waits for, if that has changed. */
  announceWait(): void {
    if (!this.#mayWait) return;
    const { store, log } = this.#services;
    const code = this.#isFinished ? null : this.#owner.waitingFor(this.#run.id);
    if (code === this.#announced) return;
    try {
      const { id: runId, jobId } = this.#run;
      store.events.record({
        type: "run.waiting",
        now: this.#now(),
        jobId,
        runId,
        status: code,
        reason: this.#announced,
      });
      this.#announced = code;
    } catch (error) {
      // The next change reports it.
      log.debug({ err: error, run_id: this.#run.id }, "cannot report what a run waits for");
    }
  }

  /** Returns whether an attempt of the run waits for the end of another run. */
  awaits(childRunId: RunId): boolean {
    return this.#attempts.awaits(childRunId);
  }

  /** The approvals that wait for a person. */
  get asking(): readonly TaskId[] {
    return this.#hasApprovals ? askingTasks(this.#progress.values()) : [];
  }

  /** The approvals that wait, with what they ask and since when. */
  get approvals(): readonly OpenApproval[] {
    return openApprovals(this.#state, () => this.#listTaskRuns());
  }

  get #state(): RunState {
    return {
      job: this.#job,
      run: this.#run,
      items: this.#items,
      progress: this.#progress,
      event: () => this.#readEvent(),
    };
  }

  #readEvent(): Json {
    this.#event ??= { value: readEvent(this.#run, this.#services.store) };
    return this.#event.value;
  }

  #listTaskRuns(): readonly TaskRun[] {
    return this.#services.store.runs.listTaskRuns(this.#run.id);
  }
}

/** A change of a task or an item, which the steps of the run follow. */
type Change = { readonly node: TaskNode; readonly apply: (batch: StepBatch) => void };

type Advance = { readonly at?: number; readonly cleanUp?: () => void };
