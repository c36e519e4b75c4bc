import { topological } from "../domain/graph.ts";
import type { TaskId } from "../domain/ids.ts";
import type { Job, Task } from "../domain/job.ts";
import type { EndingReason, Run } from "../domain/run.ts";
import type { Attempt, ProcessIdentity, TaskRun } from "../domain/task-run.ts";
import { sleep } from "../lib/clock.ts";
import type { Commits, Followup } from "./commits.ts";
import type { EngineOptions } from "./options.ts";
import { type Ending, isEnded, planRun, type Step } from "./plan-run.ts";
import { hasMembers, identifyBySpool } from "./process-identity.ts";
import type { Pulse } from "./pulse.ts";
import { type AttemptResult, runAttempt } from "./run-attempt.ts";
import { outcomeOfRun } from "./run-outcome.ts";
import { type RunningProcess, signalGroup } from "./run-process.ts";
import { removeSpool, spoolOf } from "./spool.ts";
import { afterAttempt, attempting, ended, endedWithout, progressOf, type TaskProgress } from "./task-progress.ts";

export type RunJobOptions = {
  readonly engine: EngineOptions;
  readonly run: Run;
  readonly job: Job;
  /** As they are stored. */
  readonly taskRuns: readonly TaskRun[];
  /** Those that an earlier petit was making, and the process of each; null where it had not begun. */
  readonly adopted: readonly Adopted[];
  readonly pulse: Pulse;
  readonly commits: Commits;
  /** Aborted when petit leaves: nothing is stored or told any more. */
  readonly left: AbortSignal;
  readonly onOutput: (run: Run) => void;
  /** Called once, when its end is stored. */
  readonly onEnd: (run: Run) => void;
};

export type Adopted = { readonly attempt: Attempt; readonly process: RunningProcess | null };

type Draft = Map<TaskId, TaskProgress>;

/** One run that is going on: decides what comes next, stores it, then does it. */
export class RunJob {
  readonly #options: RunJobOptions;
  readonly #tasks: readonly Task[];
  readonly #ends: ReadonlyMap<TaskId, AbortController>;
  readonly #hurry = new AbortController();
  readonly #over = new AbortController();
  #states: Draft;
  #run: Run;
  #ending: Ending | null;
  /** Whether its end is stored. */
  #isStored = false;

  constructor(options: RunJobOptions) {
    this.#options = options;
    this.#run = options.run;
    this.#ending = options.run.ending === null ? null : { reason: options.run.ending, all: false };
    this.#tasks = topological(options.job.tasks);
    this.#ends = new Map(this.#tasks.map(({ id }) => [id, new AbortController()]));
    const busy = new Set(options.adopted.map(({ attempt }) => attempt.taskId));
    this.#states = new Map(
      options.taskRuns.map((taskRun) => [taskRun.taskId, progressOf(taskRun, busy.has(taskRun.taskId))]),
    );
  }

  get run(): Run {
    return this.#run;
  }

  /** Stores the first steps, within the transaction that stores the run. */
  begin(): Followup {
    const { launch, undo } = this.#storeNext(() => {});
    return {
      launch: () => {
        void this.#watchTime();
        launch();
      },
      undo,
    };
  }

  /** Goes on with the run of an earlier petit. */
  resume(): void {
    for (const { attempt, process } of this.#options.adopted) void this.#make(attempt, process);
    for (const [taskId, state] of this.#states) if (state.phase === "waiting") void this.#waitForRetry(taskId);
    if (this.#ending !== null) this.#abortEnded(this.#ending);
    void this.#watchTime();
    void this.#settle();
  }

  /** Ends what runs and skips what waits, clean-up tasks too where `all`. The caller has stored the reason. */
  end(reason: EndingReason, options: { readonly all: boolean }): void {
    this.#ending = { reason: this.#ending?.reason ?? reason, all: options.all || this.#ending?.all === true };
    this.#run = { ...this.#run, ending: this.#ending.reason };
    this.#abortEnded(this.#ending);
    void this.#settle();
  }

  get isEnding(): boolean {
    return this.#ending !== null;
  }

  /** No more grace: what is being ended is killed. */
  hurry(): void {
    this.#hurry.abort();
  }

  #abortEnded(ending: Ending): void {
    for (const task of this.#tasks) if (isEnded(task, ending)) this.#ends.get(task.id)?.abort(ending.reason);
  }

  /** Stores `change` and what follows from it in one transaction, then does that. */
  async #settle(change: (draft: Draft) => void = () => {}): Promise<void> {
    await this.#guard(() =>
      this.#options.commits.surely((later) => {
        if (!this.#isStored) later(this.#storeNext(change));
      }),
    );
  }

  /** The states are the new ones at once: what shares the transaction must build on them. */
  #storeNext(change: (draft: Draft) => void): Followup {
    const before = this.#states;
    const draft: Draft = new Map(before);
    const undo = (): void => {
      this.#states = before;
      this.#isStored = false;
    };
    this.#states = draft;
    try {
      change(draft);
      const { maxTasks } = this.#options.engine.settings;
      const plan = planRun({ tasks: this.#tasks, states: draft, ending: this.#ending, maxTasks });
      const attempts = plan.steps.flatMap((step) => this.#storeStep(step, draft) ?? []);
      const final = plan.isOver ? this.#storeEnd(draft) : null;
      this.#isStored = plan.isOver;
      return { launch: () => this.#launch(attempts, final), undo };
    } catch (error) {
      undo();
      throw error;
    }
  }

  #launch(attempts: readonly Attempt[], final: Run | null): void {
    for (const attempt of attempts) void this.#make(attempt, null);
    if (final !== null) this.#finish(final);
  }

  /** Answers the attempt that it starts, if it does. */
  #storeStep(step: Step, draft: Draft): Attempt | null {
    const { store, clock } = this.#options.engine;
    const before = draft.get(step.taskId);
    if (before === undefined) throw new Error(`run ${this.#run.id} has no task '${step.taskId}'`);
    const now = clock.now();
    if (step.kind === "start" || step.kind === "retry") {
      draft.set(step.taskId, attempting(before));
      return store.startAttempt(this.#run, step.taskId, now);
    }
    const outcome = endedWithout(before, step.kind === "skip" ? "skipped" : "failed", step.reason);
    store.finishTask(this.#run, step.taskId, { outcome, now });
    draft.set(step.taskId, ended(before, outcome));
    return null;
  }

  #storeEnd(draft: Draft): Run {
    const { engine, job } = this.#options;
    const lost = this.#run.lost || [...draft.values()].some(({ reason }) => reason === "interrupted");
    const outcome = outcomeOfRun({ job, tasks: draft, ending: this.#ending?.reason ?? null, lost });
    return engine.store.finishRun(this.#run.id, outcome, engine.clock.now());
  }

  #finish(run: Run): void {
    this.#run = run;
    this.#over.abort();
    this.#options.onEnd(run);
  }

  /** Makes one attempt, or goes on with one, and stores how it ended. */
  async #make(attempt: Attempt, process: RunningProcess | null): Promise<void> {
    await this.#guard(async () => {
      const { engine, left } = this.#options;
      const spool = spoolOf(engine.spoolDir, attempt.id);
      const result = await this.#runAttempt(attempt, process);
      left.throwIfAborted();
      const isLost = result.outcome.reason === "interrupted";
      if (isLost) killLeftovers(attempt.process ?? identifyBySpool(spool));
      await this.#settle((draft) => this.#storeResult(attempt, result, draft));
      if (left.aborted) return;
      removeSpool(spool);
      void this.#waitForRetry(attempt.taskId);
    });
  }

  #runAttempt(attempt: Attempt, adopted: RunningProcess | null): Promise<AttemptResult> {
    const { engine, job, pulse, commits, onOutput } = this.#options;
    const task = this.#task(attempt.taskId);
    const outputs = new Map([...this.#states].map(([taskId, state]) => [taskId, state.outputs]));
    return runAttempt({
      engine,
      context: { job, task, run: this.#run, outputs },
      attempt,
      spool: spoolOf(engine.spoolDir, attempt.id),
      adopted,
      pulse,
      commits,
      end: this.#ends.get(task.id)?.signal ?? this.#over.signal,
      hurry: this.#hurry.signal,
      left: this.#options.left,
      onOutput: () => onOutput(this.#run),
    });
  }

  #storeResult(attempt: Attempt, result: AttemptResult, draft: Draft): void {
    const { engine, job } = this.#options;
    const { store, clock, settings } = engine;
    const before = draft.get(attempt.taskId);
    if (before === undefined) throw new Error(`run ${this.#run.id} has no task '${attempt.taskId}'`);
    const task = this.#task(attempt.taskId);
    const now = clock.now();
    const ending = isEnded(task, this.#ending) ? this.#ending.reason : null;
    const onInterrupt = job.onInterrupt ?? settings.onInterrupt;
    const after = afterAttempt(before, result, { task, now, ending, onInterrupt, random: Math.random() });
    store.finishAttempt(attempt.id, result.outcome, { now, retryAt: after.progress.retryAt });
    if (after.outcome?.reason === "interrupted") store.markLost(this.#run.id);
    if (after.outcome !== null) store.finishTask(this.#run, task.id, { outcome: after.outcome, now });
    draft.set(task.id, after.progress);
  }

  async #waitForRetry(taskId: TaskId): Promise<void> {
    const { engine, left } = this.#options;
    const state = this.#states.get(taskId);
    if (state?.phase !== "waiting" || state.retryAt === null) return;
    const signal = AbortSignal.any([left, this.#over.signal, this.#ends.get(taskId)?.signal ?? left]);
    await sleep(engine.clock, state.retryAt - engine.clock.now(), signal);
    if (signal.aborted) return;
    await this.#settle((draft) => {
      const waiting = draft.get(taskId);
      if (waiting?.phase === "waiting") draft.set(taskId, { ...waiting, phase: "due" });
    });
  }

  /** Ends the run when its time is up. */
  async #watchTime(): Promise<void> {
    const { job, engine, left, commits } = this.#options;
    if (job.timeoutMs === null) return;
    const startedAt = this.#run.startedAt ?? engine.clock.now();
    const signal = AbortSignal.any([this.#over.signal, left]);
    await sleep(engine.clock, job.timeoutMs - Math.max(0, engine.clock.now() - startedAt), signal);
    if (signal.aborted || this.#ending !== null) return;
    await this.#guard(async () => {
      await commits.surely(() => engine.store.requestEnd(this.#run.id, "timeout"));
      this.end("timeout", { all: false });
    });
  }

  #task(taskId: TaskId): Task {
    const task = this.#tasks.find(({ id }) => id === taskId);
    if (task === undefined) throw new Error(`job ${this.#options.job.id} has no task '${taskId}'`);
    return task;
  }

  /** A fault of petit itself must be seen, and must not take other runs along. */
  async #guard(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (this.#options.left.aborted) return;
      this.#options.engine.log.error(
        { err: error, job_id: this.#run.jobId, run_id: this.#run.id },
        "a run can't go on",
      );
    }
  }
}

/** Of an attempt that was lost, a process may live on in its group: what comes next must not run beside it. */
const killLeftovers = (leader: ProcessIdentity | null): void => {
  if (leader !== null && hasMembers(leader)) signalGroup(leader.pid, "SIGKILL");
};
