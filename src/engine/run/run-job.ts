import { topological } from "../../domain/graph.ts";
import type { TaskId } from "../../domain/ids.ts";
import { type Task, taskOf } from "../../domain/job.ts";
import type { EndingReason, Run } from "../../domain/run.ts";
import type { Attempt } from "../../domain/task-run.ts";
import { sleep } from "../../lib/clock.ts";
import { killLeftovers, type RunningProcess } from "../attempt/process.ts";
import { type AttemptResult, runAttempt } from "../attempt/run-attempt.ts";
import type { Followup } from "../commits.ts";
import { guarded } from "../guarded.ts";
import { noteEnding, spoolOf } from "../output/spool.ts";
import { storeResult } from "../store-result.ts";
import type { RunJobOptions } from "./context.ts";
import { outcomeOfRun } from "./outcome.ts";
import { type Ending, isEnded, planRun, type Step } from "./plan.ts";
import { attempting, type Draft, ended, endedWithout, progressOf, stateOf } from "./progress.ts";
import { clockOfRun, exitsStored } from "./timeout.ts";

/** One run that is going on: decides what comes next, stores it, then does it. */
export class RunJob {
  readonly #options: RunJobOptions;
  readonly #tasks: readonly Task[];
  readonly #now: () => number;
  readonly #ends: ReadonlyMap<TaskId, AbortController>;
  /** Attempts that are not stored as ended yet, and what resolves when each is. */
  readonly #making = new Map<Attempt, Promise<void>>();
  readonly #hurry = new AbortController();
  readonly #over = new AbortController();
  #states: Draft;
  #run: Run;
  /** When the newest change happened, by the clock of the run: it ends then, also where that is stored later. */
  #changedAt: number;
  #ending: Ending | null;
  /** Whether its end is stored. */
  #isStored = false;
  /** Whether attempts wait to be started, since the run's time may be up. */
  #isHeld = false;

  constructor(options: RunJobOptions) {
    this.#options = options;
    this.#run = options.run;
    this.#now = clockOfRun(options);
    this.#changedAt = this.#now();
    const { ending } = options.run;
    // A petit that ends its runs as it stops ends their clean-ups too.
    this.#ending = ending === null ? null : { reason: ending, all: ending === "shutdown" };
    this.#tasks = topological(options.job.tasks);
    this.#ends = new Map(this.#tasks.map(({ id }) => [id, new AbortController()]));
    this.#states = new Map(options.taskRuns.map((taskRun) => [taskRun.taskId, progressOf(taskRun, options.attempts)]));
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
    for (const { attempt, process } of this.#options.adopted) this.#make(attempt, process);
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

  /** Does as `end`, and stores the reason: now, or when the database can be written again, or at the next start. */
  endAnyhow(reason: EndingReason, options: { readonly all: boolean }): void {
    const { store, spoolDir } = this.#options.engine;
    const isStored = this.#options.commits.nowOrLater(() => store.runs.requestEnd(this.#run.id, reason));
    if (!isStored) for (const { id } of this.#making.keys()) noteEnding(spoolOf(spoolDir, id), reason);
    this.end(reason, options);
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

  /**
   * Stores `change`, which happened at `at`, and what follows from it in one transaction; then calls `stored`, and does what
   * follows.
   */
  async #settle(
    change: (draft: Draft) => void = () => {},
    stored: () => void = () => {},
    at = this.#now(),
  ): Promise<void> {
    this.#changedAt = Math.max(this.#changedAt, at);
    await this.#guard(() =>
      this.#options.commits.surely((later) => {
        later({ launch: stored, undo: () => {} });
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
      const maxTasks = this.#isHeld ? 0 : this.#options.engine.settings.maxTasks;
      const plan = planRun({ tasks: this.#tasks, states: draft, ending: this.#ending, maxTasks });
      const attempts = plan.steps.flatMap((step) => this.#storeStep(step, draft) ?? []);
      const final = plan.isOver ? this.#storeEnd(draft) : null;
      this.#isStored = plan.isOver;
      const launch = (): void => {
        for (const attempt of attempts) this.#make(attempt, null);
        if (final === null) return;
        this.#run = final;
        this.#over.abort(final.status);
        this.#options.onEnd(final);
      };
      return { launch, undo };
    } catch (error) {
      undo();
      throw error;
    }
  }

  /** Answers the attempt that it starts, if it does. */
  #storeStep(step: Step, draft: Draft): Attempt | null {
    const { store } = this.#options.engine;
    const before = stateOf(draft, step.taskId);
    if (step.kind === "start" || step.kind === "retry") {
      draft.set(step.taskId, attempting(before));
      return store.runs.startAttempt(this.#run, step.taskId, this.#now());
    }
    const outcome = endedWithout(before, step.kind === "skip" ? "skipped" : "failed", step.reason);
    store.runs.finishTask(this.#run, step.taskId, { outcome, now: this.#changedAt });
    draft.set(step.taskId, ended(before, outcome));
    return null;
  }

  #storeEnd(draft: Draft): Run {
    const { engine, job } = this.#options;
    const lost = this.#run.lost || [...draft.values()].some(({ reason }) => reason === "interrupted");
    const outcome = outcomeOfRun({ job, tasks: draft, ending: this.#ending?.reason ?? null, lost });
    return engine.notify.ended(job, engine.store.runs.finish(this.#run.id, outcome, this.#changedAt));
  }

  /** Makes one attempt, or goes on with one, and stores how it ended. */
  #make(attempt: Attempt, process: RunningProcess | null): void {
    const made = this.#guard(async () => {
      const { engine, spools, left } = this.#options;
      const spool = spoolOf(engine.spoolDir, attempt.id);
      const result = await this.#runAttempt(attempt, process);
      left.throwIfAborted();
      const { reason } = result.outcome;
      if (reason === "interrupted") await killLeftovers(attempt.process, spool, engine.clock);
      await this.#settle(
        (draft) => storeResult(this.#options, { attempt, result, draft, ending: this.#ending }),
        () => spools.remove(spool),
        result.endedAt,
      );
      void this.#waitForRetry(attempt.taskId);
    });
    this.#making.set(attempt, made);
    void made.then(() => this.#making.delete(attempt));
  }

  #runAttempt(attempt: Attempt, adopted: RunningProcess | null): Promise<AttemptResult> {
    const { engine, job, pulse, spools, commits, onOutput } = this.#options;
    const task = taskOf(job, attempt.taskId);
    const outputs = new Map([...this.#states].map(([taskId, state]) => [taskId, state.outputs]));
    return runAttempt({
      engine,
      context: { job, task, run: this.#run, outputs },
      attempt,
      now: this.#now,
      spool: spoolOf(engine.spoolDir, attempt.id),
      adopted,
      pulse,
      spools,
      commits,
      end: this.#ends.get(task.id)?.signal ?? this.#over.signal,
      hurry: this.#hurry.signal,
      left: this.#options.left,
      onOutput: () => onOutput(this.#run),
    });
  }

  async #waitForRetry(taskId: TaskId): Promise<void> {
    const { engine, left } = this.#options;
    const state = this.#states.get(taskId);
    if (state?.phase !== "waiting" || state.retryAt === null) return;
    const signal = AbortSignal.any([left, this.#over.signal, this.#ends.get(taskId)?.signal ?? left]);
    await sleep(engine.clock, state.retryAt - this.#now(), signal);
    if (signal.aborted) return;
    await this.#settle((draft) => {
      const waiting = draft.get(taskId);
      if (waiting?.phase === "waiting") draft.set(taskId, { ...waiting, phase: "due" });
    });
  }

  /** Ends the run when its time is up. */
  async #watchTime(): Promise<void> {
    const { job, engine, left } = this.#options;
    if (job.timeoutMs === null) return;
    const signal = AbortSignal.any([this.#over.signal, left]);
    await sleep(engine.clock, job.timeoutMs - (this.#now() - (this.#run.startedAt ?? this.#now())), signal);
    if (signal.aborted) return;
    // Nothing is started meanwhile: the run may be over, though its time is up too.
    this.#isHeld = true;
    await exitsStored(this.#making, engine);
    this.#isHeld = false;
    if (signal.aborted) return;
    if (this.isEnding) return this.#settle();
    await this.#guard(async () => this.endAnyhow("timeout", { all: false }));
  }

  #guard(work: () => Promise<unknown>): Promise<void> {
    const { engine, left } = this.#options;
    return guarded(work, { log: engine.log, left, fields: { job_id: this.#run.jobId, run_id: this.#run.id } });
  }
}
