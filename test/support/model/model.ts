import type { Job, Task } from "../../../src/domain/job.ts";
import { DUE, jobsWith, MODEL_JOBS, MODEL_MAX_JOBS, MODEL_QUEUES, type Presence } from "./jobs.ts";

/** What can happen to a process while petit is down. */
export const FATES = ["lives", "completes", "fails", "is lost", "never began"] as const;
export type Fate = (typeof FATES)[number];

type TaskModel = {
  readonly task: Task;
  status: "pending" | "running" | "completed" | "failed" | "skipped";
  /** True if it failed in a way that the job allows. */
  allowed: boolean;
  reason: string | null;
  attempts: number;
  failures: number;
  /** True if its process is alive. */
  lives: boolean;
  /** The time of its next attempt on both clocks. */
  retry: { wall: number; monotonic: number } | null;
};

type RunModel = {
  readonly job: Job;
  readonly trigger: string;
  readonly scheduledFor: number | null;
  status: string;
  readonly tasks: TaskModel[];
  ending: boolean;
  endingAll: boolean;
  lost: boolean;
};

type Created = {
  readonly trigger: string;
  readonly scheduledFor: number | null;
  readonly waits: boolean;
  /** The tasks that the retried run had completed. */
  readonly reused?: ReadonlySet<string>;
};

const MISSED = { outcome: "missed", reason: null } as const;

type Decided = { readonly outcome: string; readonly reason: string | null };

/** A simple second implementation of the contract: the state that petit must have after each command. */
export class Model {
  readonly runs: RunModel[] = [];
  readonly ledger = new Map<string, Map<number, Decided>>();
  readonly #keys = new Map<string, RunModel>();
  readonly #seen = new Map<string, number>();
  #now: number;
  #monotonic = 0;
  #isPaused = false;
  #tick: Presence = "on";

  constructor(now: number) {
    this.#now = now;
    for (const id of Object.keys(DUE)) this.#seen.set(id, now);
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** The unfinished runs, oldest first. */
  get unfinished(): readonly RunModel[] {
    return this.runs.filter(({ status }) => status === "pending" || status === "running");
  }

  /** The tasks whose process is alive, oldest run first. */
  get living(): readonly (readonly [run: RunModel, task: TaskModel])[] {
    return this.runs.flatMap((run) => run.tasks.filter(({ lives }) => lives).map((task) => [run, task] as const));
  }

  /** Returns null if a run was started or the key is known, otherwise the code of the refusal. */
  trigger(jobId: string, key: string | null): string | null {
    const known = key === null ? undefined : this.#keys.get(key);
    if (known !== undefined) return known.job.id === jobId ? null : "conflict";
    const job = this.#jobs().find(({ id }) => id === jobId);
    if (job === undefined) return "not_found";
    const refusal = this.#refusal(job);
    if (refusal !== null) return refusal;
    const run = this.#create(job, { trigger: "manual", scheduledFor: null, waits: this.#isFull(job) });
    if (key !== null) this.#keys.set(key, run);
    return null;
  }

  /** Returns null if the retry was started, otherwise the code of the refusal. */
  retry(before: RunModel): string | null {
    if (before.status === "pending" || before.status === "running") return "conflict";
    const job = this.#jobs().find(({ id }) => id === before.job.id);
    if (job === undefined) return "not_found";
    const reused = reusable(before);
    if (before.status === "completed" || reused.size === job.tasks.length) return "conflict";
    const refusal = this.#refusal(job);
    if (refusal !== null) return refusal;
    this.#create(job, { trigger: "retry", scheduledFor: before.scheduledFor, waits: this.#isFull(job), reused });
    return null;
  }

  pause(paused: boolean): void {
    this.#isPaused = paused;
  }

  reload(tick: Presence): void {
    if (this.#tick === "gone") this.#seen.set("tick", this.#now);
    this.#tick = tick;
  }

  cancel(run: RunModel): void {
    if (run.status === "pending") {
      for (const task of run.tasks) end(task, "skipped", "cancelled");
      run.status = "cancelled";
    } else if (run.status === "running") {
      run.endingAll = run.ending;
      run.ending = true;
      for (const task of run.tasks) if (task.lives && isEnded(run, task)) end(task, "failed", "cancelled");
      this.#goOn(run);
    }
  }

  /** Ends a process. */
  processEnds(run: RunModel, task: TaskModel, exitCode: number): void {
    task.lives = false;
    if (exitCode === 0) end(task, "completed", null);
    else if (task.task.skipExitCodes?.includes(exitCode)) end(task, "skipped", "skipped_by_exit");
    else this.#fail(task, exitCode);
    this.#goOn(run);
  }

  /** Advances the time. */
  pass(ms: number): void {
    const end = this.#now + ms;
    for (let next = this.#next(end); next !== null; next = this.#next(end)) {
      this.#go(next.at);
      if (next.retry !== null) this.#attempt(...next.retry);
      else this.#wake(false);
    }
    this.#go(end);
  }

  /** Sets the wall clock; petit notices it. */
  step(ms: number): void {
    this.#now += ms;
    this.#wake(false);
  }

  /** Kills petit and starts it after a while. `fates` says what happens to the living processes. */
  crash(downMs: number, fates: readonly Fate[]): void {
    const living = this.living.map((each, index) => [...each, fates[index] ?? "lives"] as const);
    // petit reads the ends of processes first, and detects lost processes later.
    for (const [, task, fate] of living) task.lives = fate !== "completes" && fate !== "fails";
    this.#go(this.#now + downMs);
    this.#wake(true);
    this.#waitAnew();
    for (const [run, task, fate] of living) this.#meet(run, task, fate);
  }

  #meet(run: RunModel, task: TaskModel, fate: Fate): void {
    if (fate === "completes") this.processEnds(run, task, 0);
    if (fate === "fails") this.processEnds(run, task, 1);
    if (fate !== "is lost" || !task.lives) return;
    task.lives = false;
    if (run.job.onInterrupt === "rerun") begin(task);
    else {
      end(task, "failed", "interrupted");
      run.lost = true;
      this.#goOn(run);
    }
  }

  #fail(task: TaskModel, exitCode: number): void {
    task.failures++;
    const isTransient = exitCode === 75;
    const { allowFailure } = task.task;
    task.allowed = allowFailure === "always" || (allowFailure?.exitCodes.includes(exitCode) ?? false);
    const { retry } = task.task;
    if (retry === null || !isTransient || task.failures > retry.maxAttempts) end(task, "failed", "exit_code");
    else task.retry = { wall: this.#now + retry.delayMs, monotonic: this.#monotonic + retry.delayMs };
  }

  /** Tasks that waited for a retry wait for the rest of their delay, and no longer than the delay. */
  #waitAnew(): void {
    for (const run of this.runs)
      for (const task of run.tasks) {
        if (task.retry === null) continue;
        const delayMs = Math.min(task.retry.wall - this.#now, task.task.retry?.delayMs ?? 0);
        task.retry = { ...task.retry, monotonic: this.#monotonic + Math.max(0, delayMs) };
        if (delayMs <= 0) this.#attempt(run, task);
      }
  }

  #attempt(_: RunModel, task: TaskModel): void {
    task.retry = null;
    begin(task);
  }

  #go(wall: number): void {
    this.#monotonic += wall - this.#now;
    this.#now = wall;
  }

  /** Returns the next thing that happens without a command, up to a time. */
  #next(end: number): { readonly at: number; readonly retry: readonly [RunModel, TaskModel] | null } | null {
    let next: { readonly at: number; readonly retry: readonly [RunModel, TaskModel] | null } | null = null;
    const consider = (at: number, retry: readonly [RunModel, TaskModel] | null): void => {
      if (at <= end && (next === null || at < next.at)) next = { at, retry };
    };
    for (const id of this.#scheduled()) consider(dueAfter(id, this.#seen.get(id) ?? this.#now), null);
    for (const run of this.runs)
      for (const task of run.tasks)
        if (task.retry !== null) consider(this.#now + task.retry.monotonic - this.#monotonic, [run, task]);
    return next;
  }

  /** Decides the occurrences that have come due since the last call. */
  #wake(wasDown: boolean): void {
    const firstDue = (id: string): number => dueAfter(id, this.#seen.get(id) ?? this.#now);
    const ids = [...this.#scheduled()].sort((a, b) => firstDue(a) - firstDue(b));
    for (const id of ids) {
      const due: number[] = [];
      for (let at = firstDue(id); at <= this.#now; at = dueAfter(id, at)) due.push(at);
      this.#seen.set(id, this.#now);
      this.#decide(id, due, wasDown);
    }
  }

  /** Disabled and paused take precedence over the catch-up policy. */
  #decide(id: string, due: readonly number[], wasDown: boolean): void {
    const job = this.#jobs().find((each) => each.id === id);
    if (job === undefined) return;
    for (const at of due) {
      if (!job.enabled) this.#record(id, at, { outcome: "skipped", reason: "disabled" });
      else if (this.#isPaused) this.#record(id, at, { outcome: "skipped", reason: "paused" });
      else if (!this.#isCaughtUp(job, at, { isNewest: at === due.at(-1), wasDown })) this.#record(id, at, MISSED);
      else this.#fire(job, at, this.#isLate(at, wasDown) ? "catchup" : "schedule");
    }
  }

  #isCaughtUp(job: Job, at: number, { isNewest, wasDown }: { isNewest: boolean; wasDown: boolean }): boolean {
    const isInWindow = this.#now - at <= (job.schedule?.catchupWindowMs ?? 0);
    if (job.schedule?.catchup === "none") return !this.#isLate(at, wasDown);
    return isInWindow && (isNewest || job.schedule?.catchup === "all");
  }

  #isLate(at: number, wasDown: boolean): boolean {
    return wasDown || this.#now - at > 2_000;
  }

  #fire(job: Job, at: number, trigger: string): void {
    const known = this.#ledgerOf(job.id).get(at);
    if (known !== undefined && known.outcome !== "missed") return;
    const isAtLimit = this.#isAtLimit(job);
    if (isAtLimit && job.onOverlap === "skip") {
      this.#record(job.id, at, { outcome: "skipped", reason: "overlap" });
      return;
    }
    const waits = isAtLimit || this.#isFull(job);
    if (isAtLimit && job.onOverlap === "replace")
      for (const run of this.unfinished.filter((each) => each.job.id === job.id)) if (!run.ending) this.cancel(run);
    this.#ledgerOf(job.id).set(at, { outcome: "fired", reason: null });
    this.#create(job, { trigger, scheduledFor: at, waits });
  }

  /** Decisions are final, except that a missed occurrence may still fire. */
  #record(id: string, at: number, decided: Decided): void {
    const ledger = this.#ledgerOf(id);
    if (!ledger.has(at)) ledger.set(at, decided);
  }

  #create(job: Job, given: Created): RunModel {
    const { trigger, scheduledFor, waits, reused = new Set() } = given;
    const tasks = job.tasks.map((task) => newTask(task, reused.has(task.id)));
    const run = { job, trigger, scheduledFor, status: "pending", tasks, ending: false, endingAll: false, lost: false };
    this.runs.push(run);
    if (!waits) this.#start(run);
    else this.#pump();
    return run;
  }

  #start(run: RunModel): void {
    run.status = "running";
    this.#goOn(run);
  }

  /** Advances a run, and ends it when all tasks have ended. */
  #goOn(run: RunModel): void {
    for (const task of run.tasks) this.#goOnWith(run, task);
    if (run.tasks.some(({ status }) => status === "pending" || status === "running")) return;
    const hasFailed = run.tasks.some(({ status, allowed }) => status === "failed" && !allowed);
    run.status = run.ending ? "cancelled" : run.lost ? "interrupted" : hasFailed ? "failed" : "completed";
    this.#pump();
  }

  #goOnWith(run: RunModel, task: TaskModel): void {
    const ended = isEnded(run, task);
    if (task.retry !== null && ended) end(task, "failed", "cancelled");
    if (task.status !== "pending") return;
    const verdict = ended ? "cancelled" : this.#verdict(run, task);
    if (verdict === "start") begin(task);
    else if (verdict !== "wait") end(task, "skipped", verdict);
  }

  /** Returns `start`, `wait`, or the reason why the task is skipped. */
  #verdict(run: RunModel, { task }: TaskModel): string {
    const upstream = run.tasks.filter(({ task: { id } }) => task.dependsOn.includes(id));
    if (upstream.some(({ status }) => status === "pending" || status === "running")) return "wait";
    const hasFailure = upstream.some(
      ({ status, reason, allowed }) => (status === "failed" && !allowed) || reason === "upstream_failed",
    );
    const haveCompleted = upstream.every(({ status, allowed }) => status === "completed" || allowed);
    if (task.condition === "all_done") return "start";
    if (task.condition === "on_failure") return hasFailure ? "start" : "condition_not_met";
    if (haveCompleted) return "start";
    return hasFailure ? "upstream_failed" : "condition_not_met";
  }

  /** Starts pending runs: the highest priority first, then the oldest. */
  #pump(): void {
    const next = this.#nextStartable();
    if (next === null) return;
    this.#start(next);
    this.#pump();
  }

  #nextStartable(): RunModel | null {
    const canStart = ({ job, status }: RunModel): boolean =>
      status === "pending" &&
      this.#hasPlace(job) &&
      (job.maxConcurrency === null || this.#running(job.id).length < job.maxConcurrency);
    const priorityOf = ({ job }: RunModel): number => job.priority ?? 0;
    return this.runs.filter(canStart).toSorted((a, b) => priorityOf(b) - priorityOf(a))[0] ?? null;
  }

  /** Returns the code of the refusal of a manual trigger, or null. */
  #refusal(job: Job): string | null {
    const isShut = job.dependsOn.some((gate) => {
      const newest = this.runs.filter((run) => run.job.id === gate.jobId).at(-1);
      return newest?.status !== "completed";
    });
    if (isShut) return "dependency_not_met";
    return this.#isAtLimit(job) || (job.queue === undefined && this.#isFull(job)) ? "limit_reached" : null;
  }

  #isAtLimit(job: Job): boolean {
    const count = this.unfinished.filter((run) => run.job.id === job.id).length;
    return job.maxConcurrency !== null && count >= job.maxConcurrency;
  }

  #isFull(job: Job): boolean {
    return !this.#hasPlace(job) || this.#nextStartable() !== null;
  }

  #hasPlace({ queue }: Job): boolean {
    const running = this.#running();
    const inQueue = running.filter(({ job }) => job.queue === queue);
    return running.length < MODEL_MAX_JOBS && (queue === undefined || inQueue.length < (MODEL_QUEUES.get(queue) ?? 1));
  }

  #running(jobId?: string): readonly RunModel[] {
    return this.runs.filter(({ job, status }) => status === "running" && (jobId === undefined || job.id === jobId));
  }

  #jobs(): readonly Job[] {
    return jobsWith(this.#tick);
  }

  #scheduled(): readonly string[] {
    return Object.keys(DUE).filter((id) => this.#tick !== "gone" || id !== "tick");
  }

  #ledgerOf(id: string): Map<number, Decided> {
    const ledger = this.ledger.get(id) ?? new Map<number, Decided>();
    this.ledger.set(id, ledger);
    return ledger;
  }
}

export type { RunModel, TaskModel };

/** `all_done` tasks still run after the first request to end a run. */
const isEnded = (run: RunModel, { task }: TaskModel): boolean =>
  run.ending && (run.endingAll || task.condition !== "all_done");

const newTask = (task: Task, isReused: boolean): TaskModel => ({
  task,
  status: isReused ? "completed" : "pending",
  allowed: false,
  reason: null,
  attempts: 0,
  failures: 0,
  lives: false,
  retry: null,
});

/** Returns the completed tasks whose upstream tasks completed. */
const reusable = (run: RunModel): ReadonlySet<string> => {
  const reused = new Set<string>();
  for (const { task, status } of run.tasks)
    if (status === "completed" && task.dependsOn.every((id) => reused.has(id))) reused.add(task.id);
  return reused;
};

const begin = (task: TaskModel): void => {
  task.status = "running";
  task.attempts++;
  task.lives = true;
};

const end = (task: TaskModel, status: TaskModel["status"], reason: string | null): void => {
  task.status = status;
  task.reason = reason;
  task.lives = false;
  task.retry = null;
};

const dueAfter = (id: string, after: number): number => {
  const { periodMs = 1, offsetMs = 0 } = DUE[id] ?? {};
  return (Math.floor((after - offsetMs) / periodMs) + 1) * periodMs + offsetMs;
};

/** The ids of all jobs of the model. */
export const TRIGGERABLE = MODEL_JOBS.map(({ id }) => String(id));
