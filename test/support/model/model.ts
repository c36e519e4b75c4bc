import type { ItemsSpec } from "../../../src/domain/item.ts";
import type { Job, Task } from "../../../src/domain/job.ts";
import { DUE, jobsWith, MODEL_JOBS, MODEL_MAX_JOBS, MODEL_QUEUES, type Presence } from "./jobs.ts";

/** What can happen to a process while petit is down. */
export const FATES = ["lives", "completes", "fails", "is lost", "never began"] as const;
export type Fate = (typeof FATES)[number];

type TaskModel = {
  readonly task: Task;
  /** Its position if it is an item of the task; null for the task itself. */
  readonly item: number | null;
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
  /** True if its next attempt may start. */
  isDue: boolean;
  /** The items that it was expanded into. */
  items: readonly TaskModel[] | null;
  /** The task of the retried run whose completed items it does not repeat. */
  readonly before: TaskModel | null;
  /** The run that it started last; before its first attempt, the one of the retried run. */
  child: RunModel | null;
  /** True if it ended the run that it waits for. */
  endsChild: boolean;
};

type RunModel = {
  readonly job: Job;
  readonly trigger: string;
  readonly scheduledFor: number | null;
  status: string;
  readonly tasks: TaskModel[];
  /** The task or item of another run that started it. */
  readonly parent: readonly [run: RunModel, node: TaskModel] | null;
  ending: boolean;
  endingAll: boolean;
  lost: boolean;
  /** True while it has no place, because it only waits for other runs. */
  isParked: boolean;
};

type Created = {
  readonly trigger: string;
  readonly scheduledFor: number | null;
  readonly waits: boolean;
  /** The run that it retries. */
  readonly before?: RunModel;
  readonly parent?: RunModel["parent"];
};

/** An event that started, or will start, a run. */
type DeliveryModel = {
  readonly job: Job;
  readonly type: "webhook" | "run";
  /** What it is about, in the words of `actual`. */
  readonly of: string;
  /** The key of `debounce`. */
  readonly key: string;
  becomes:
    | { readonly kind: "kept" }
    | { readonly kind: "merged" }
    | { readonly kind: "debounced"; readonly firstAt: number; readonly dueAt: number }
    | { readonly kind: "run"; readonly run: RunModel };
};

/** What happens next without a command: a retry is due, a debounced delivery, or an occurrence. */
type Next = {
  readonly at: number;
  readonly retry: readonly [RunModel, TaskModel] | null;
  readonly isDebounced: boolean;
};

const MISSED = { outcome: "missed", reason: null } as const;

type Decided = { readonly outcome: string; readonly reason: string | null };

/** A simple second implementation of the contract: the state that petit must have after each command. */
export class Model {
  readonly runs: RunModel[] = [];
  readonly ledger = new Map<string, Map<number, Decided>>();
  readonly deliveries: DeliveryModel[] = [];
  /** Ended runs that others follow, until their deliveries are stored. */
  #unseenEnds: RunModel[] = [];
  readonly #keys = new Map<string, RunModel>();
  readonly #seen = new Map<string, number>();
  #now: number;
  #monotonic = 0;
  #isPaused = false;
  /** The parked runs that want a place again. */
  #returning: readonly RunModel[] = [];
  /** True while several things happen in one transaction. Runs start and continue after it. */
  #isInTransaction = false;
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
    return this.runs.filter((run) => !isFinal(run));
  }

  /** The tasks and items whose process is alive, oldest run first. */
  get living(): readonly (readonly [run: RunModel, task: TaskModel])[] {
    return this.runs.flatMap((run) => nodesOf(run).flatMap((node) => (node.lives ? [[run, node] as const] : [])));
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
    if (!isFinal(before)) return "conflict";
    const job = this.#jobs().find(({ id }) => id === before.job.id);
    if (job === undefined) return "not_found";
    if (!hasRest(before)) return "conflict";
    const refusal = this.#refusal(job);
    if (refusal !== null) return refusal;
    this.#create(job, { trigger: "retry", scheduledFor: before.scheduledFor, waits: this.#isFull(job), before });
    return null;
  }

  pause(paused: boolean): void {
    this.#isPaused = paused;
    if (paused) return;
    const kept = this.deliveries.filter(({ becomes }) => becomes.kind === "kept");
    for (const [, ofJob] of [...Map.groupBy(kept, ({ job }) => String(job.id))].sort(([a], [b]) => (a < b ? -1 : 1)))
      this.#arriveAll(ofJob, { isDue: false });
  }

  /** A webhook of a job arrives. A second one with the same id changes nothing. */
  deliver(jobId: string, id: string, key: string): void {
    const job = this.#jobs().find((each) => each.id === jobId);
    if (job === undefined) throw new Error(`the model has no job ${jobId}`);
    if (this.deliveries.some((each) => each.job.id === jobId && each.of === id)) return;
    this.#arriveAll([this.#newDelivery({ job, type: "webhook", of: id, key })], { isDue: false });
    this.#followEnds();
  }

  get hasDebounced(): boolean {
    return this.deliveries.some(({ becomes }) => becomes.kind === "debounced");
  }

  #newDelivery(given: Omit<DeliveryModel, "becomes">): DeliveryModel {
    const delivery: DeliveryModel = { ...given, becomes: { kind: "kept" } };
    this.deliveries.push(delivery);
    return delivery;
  }

  /** Decides about deliveries in one transaction. `isDue` is true if they have waited for more of the same key. */
  #arriveAll(deliveries: readonly DeliveryModel[], { isDue }: { readonly isDue: boolean }): void {
    this.#together(() => {
      for (const delivery of deliveries) this.#arrive(delivery, isDue);
    });
    this.#pump();
  }

  #arrive(delivery: DeliveryModel, isDue: boolean): void {
    const { job, type, key } = delivery;
    const debounce = job.triggers?.[0]?.debounce;
    if (this.#isPaused) delivery.becomes = { kind: "kept" };
    else if (debounce !== undefined && !isDue) {
      const { waitMs, maxWaitMs } = debounce;
      let firstAt = this.#now;
      for (const each of this.deliveries)
        if (each.job.id === job.id && each.key === key && each.becomes.kind === "debounced") {
          firstAt = Math.min(firstAt, each.becomes.firstAt);
          each.becomes = { kind: "merged" };
        }
      const dueAt = Math.min(this.#now + waitMs, firstAt + (maxWaitMs ?? Number.POSITIVE_INFINITY));
      delivery.becomes = { kind: "debounced", firstAt, dueAt };
    } else {
      const waits = this.#isAtLimit(job) || this.#isFull(job);
      delivery.becomes = { kind: "run", run: this.#create(job, { trigger: type, scheduledFor: null, waits }) };
    }
  }

  #fireDebounced(): void {
    const due = this.deliveries.flatMap((delivery) =>
      delivery.becomes.kind === "debounced" && delivery.becomes.dueAt <= this.#now
        ? [{ delivery, at: delivery.becomes.dueAt }]
        : [],
    );
    const ordered = due.sort((a, b) => a.at - b.at).map(({ delivery }) => delivery);
    if (ordered.length > 0) this.#arriveAll(ordered, { isDue: true });
  }

  /** Starts the runs of jobs that follow others. */
  #followEnds(): void {
    while (this.#unseenEnds.length > 0) {
      const ended = this.#unseenEnds;
      this.#unseenEnds = [];
      const followers = this.#jobs().filter(({ triggers }) => triggers?.some(({ type }) => type === "run"));
      const deliveries = ended.flatMap((run) =>
        followers.map((job) => this.#newDelivery({ job, type: "run", of: `run ${this.runs.indexOf(run)}`, key: "" })),
      );
      this.#arriveAll(deliveries, { isDue: false });
    }
  }

  reload(tick: Presence): void {
    if (this.#tick === "gone") this.#seen.set("tick", this.#now);
    this.#tick = tick;
  }

  cancel(run: RunModel): void {
    this.#end(run, { all: run.ending });
    this.#followEnds();
  }

  #end(run: RunModel, { all }: { readonly all: boolean }): void {
    if (run.status === "pending") {
      for (const task of run.tasks) if (task.status === "pending") end(task, "skipped", "cancelled");
      run.status = "cancelled";
      this.#handleEnd(run);
    } else if (run.status === "running") {
      run.endingAll ||= all;
      run.ending = true;
      this.#goOn(run);
    }
  }

  /** Ends a process. */
  processEnds(run: RunModel, node: TaskModel, exitCode: number): void {
    node.lives = false;
    if (exitCode === 0) end(node, "completed", null);
    else if (node.task.skipExitCodes?.includes(exitCode)) end(node, "skipped", "skipped_by_exit");
    else this.#fail(run, node, exitCode);
    this.#goOn(run);
    if (!this.#isInTransaction) this.#followEnds();
  }

  /** Advances the time. */
  pass(ms: number): void {
    const end = this.#now + ms;
    for (let next = this.#next(end); next !== null; next = this.#next(end)) {
      this.#go(next.at);
      if (next.isDebounced) this.#fireDebounced();
      else if (next.retry !== null) this.#attempt(...next.retry);
      else this.#wake(false);
      this.#followEnds();
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
    this.#adopt();
    this.#wake(true);
    for (const run of this.unfinished) this.#goOn(run);
    this.#waitAnew();
    // petit reads all of these ends before it starts runs that wait for a place.
    this.#together(() => {
      for (const [run, node, fate] of living) {
        if (fate === "completes") this.processEnds(run, node, 0);
        if (fate === "fails") this.processEnds(run, node, 1);
      }
    });
    this.#pump();
    const lost = living.filter(([, node, fate]) => fate === "is lost" && node.lives);
    for (const [, node] of lost) node.lives = false;
    this.#together(() => {
      for (const [run, node] of lost) this.#lose(run, node);
    });
    this.#pump();
    this.#followEnds();
    this.#fireDebounced();
  }

  /** Runs with a process keep their places. The others continue as far as places are left. */
  #adopt(): void {
    this.#returning = [];
    const others = this.runs.filter((run) => run.status === "running" && !nodesOf(run).some(isAttempting));
    for (const run of others) run.isParked = true;
    for (const run of others) if (this.#wantsPlace(run)) this.#askForPlace(run);
  }

  #lose(run: RunModel, node: TaskModel): void {
    if (run.job.onInterrupt === "rerun") node.isDue = true;
    else {
      end(node, "failed", "interrupted");
      run.lost = true;
    }
    this.#goOn(run);
  }

  #fail(run: RunModel, node: TaskModel, exitCode: number): void {
    node.failures++;
    const isTransient = exitCode === 75;
    const { allowFailure, retry } = node.task;
    node.allowed = allowFailure === "always" || (allowFailure?.exitCodes.includes(exitCode) ?? false);
    const isLast = retry === null || !isTransient || node.failures > retry.maxAttempts || this.#isStopped(run, node);
    if (isLast) end(node, "failed", "exit_code");
    else node.retry = { wall: this.#now + retry.delayMs, monotonic: this.#monotonic + retry.delayMs };
  }

  /** Tasks that waited for a retry wait for the rest of their delay, and no longer than the delay. */
  #waitAnew(): void {
    for (const run of this.runs)
      for (const node of nodesOf(run)) {
        if (node.retry === null) continue;
        const delayMs = Math.min(node.retry.wall - this.#now, node.task.retry?.delayMs ?? 0);
        node.retry = { ...node.retry, monotonic: this.#monotonic + Math.max(0, delayMs) };
        if (delayMs <= 0) this.#attempt(run, node);
      }
  }

  #attempt(run: RunModel, node: TaskModel): void {
    node.retry = null;
    node.isDue = true;
    this.#goOn(run);
  }

  #go(wall: number): void {
    this.#monotonic += wall - this.#now;
    this.#now = wall;
  }

  /** Returns the next thing that happens without a command, up to a time. */
  #next(end: number): Next | null {
    let next: Next | null = null;
    const consider = (at: number, retry: Next["retry"], isDebounced = false): void => {
      if (at <= end && (next === null || at < next.at)) next = { at, retry, isDebounced };
    };
    for (const { becomes } of this.deliveries) if (becomes.kind === "debounced") consider(becomes.dueAt, null, true);
    for (const id of this.#scheduled()) consider(dueAfter(id, this.#seen.get(id) ?? this.#now), null);
    for (const run of this.runs)
      for (const node of nodesOf(run))
        if (node.retry !== null) consider(this.#now + node.retry.monotonic - this.#monotonic, [run, node]);
    return next;
  }

  /** Decides the occurrences that have come due since the last call. */
  #wake(wasDown: boolean): void {
    const firstDue = (id: string): number => dueAfter(id, this.#seen.get(id) ?? this.#now);
    const ids = [...this.#scheduled()].sort((a, b) => firstDue(a) - firstDue(b));
    const replaced: RunModel[] = [];
    this.#together(() => {
      for (const id of ids) {
        const due: number[] = [];
        for (let at = firstDue(id); at <= this.#now; at = dueAfter(id, at)) due.push(at);
        this.#seen.set(id, this.#now);
        replaced.push(...this.#decide(id, due, wasDown));
      }
    });
    for (const run of replaced) this.#end(run, { all: false });
    this.#pump();
  }

  /** Does several things in one transaction. */
  #together(work: () => void): void {
    this.#isInTransaction = true;
    work();
    this.#isInTransaction = false;
  }

  /** Returns the runs to end. Disabled and paused take precedence over the catch-up policy. */
  #decide(id: string, due: readonly number[], wasDown: boolean): readonly RunModel[] {
    const job = this.#jobs().find((each) => each.id === id);
    if (job === undefined) return [];
    return due.flatMap((at) => {
      if (!job.enabled) this.#record(id, at, { outcome: "skipped", reason: "disabled" });
      else if (this.#isPaused) this.#record(id, at, { outcome: "skipped", reason: "paused" });
      else if (!this.#isCaughtUp(job, at, { isNewest: at === due.at(-1), wasDown })) this.#record(id, at, MISSED);
      else return this.#fire(job, at, this.#isLate(at, wasDown) ? "catchup" : "schedule");
      return [];
    });
  }

  #isCaughtUp(job: Job, at: number, { isNewest, wasDown }: { isNewest: boolean; wasDown: boolean }): boolean {
    const isInWindow = this.#now - at <= (job.schedule?.catchupWindowMs ?? 0);
    if (job.schedule?.catchup === "none") return !this.#isLate(at, wasDown);
    return isInWindow && (isNewest || job.schedule?.catchup === "all");
  }

  #isLate(at: number, wasDown: boolean): boolean {
    return wasDown || this.#now - at > 2_000;
  }

  /** Returns the runs that the new run replaces. */
  #fire(job: Job, at: number, trigger: string): readonly RunModel[] {
    const known = this.#ledgerOf(job.id).get(at);
    if (known !== undefined && known.outcome !== "missed") return [];
    const isAtLimit = this.#isAtLimit(job);
    if (isAtLimit && job.onOverlap === "skip") {
      this.#record(job.id, at, { outcome: "skipped", reason: "overlap" });
      return [];
    }
    const waits = isAtLimit || this.#isFull(job);
    const isReplacing = isAtLimit && job.onOverlap === "replace";
    const replaced = isReplacing ? this.unfinished.filter((run) => run.job.id === job.id && !run.ending) : [];
    this.#ledgerOf(job.id).set(at, { outcome: "fired", reason: null });
    this.#create(job, { trigger, scheduledFor: at, waits });
    return replaced;
  }

  /** Decisions are final, except that a missed occurrence may still fire. */
  #record(id: string, at: number, decided: Decided): void {
    const ledger = this.#ledgerOf(id);
    if (!ledger.has(at)) ledger.set(at, decided);
  }

  #create(job: Job, { trigger, scheduledFor, waits, before, parent = null }: Created): RunModel {
    const tasks = job.tasks.map((task) => newTask(task, before));
    const state = { status: "pending", ending: false, endingAll: false, lost: false, isParked: false };
    const run = { job, trigger, scheduledFor, parent, tasks, ...state };
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
    if (run.status !== "running") return;
    for (const task of run.tasks) this.#goOnWith(run, task);
    if (run.tasks.some(({ status }) => status === "pending" || status === "running")) {
      this.#updatePlace(run);
      return;
    }
    const hasFailed = run.tasks.some(({ status, allowed }) => status === "failed" && !allowed);
    run.status = run.ending ? "cancelled" : run.lost ? "interrupted" : hasFailed ? "failed" : "completed";
    this.#handleEnd(run);
  }

  /** Ends the attempt that waits for the run. Then others can take its place; its parent comes first. */
  #handleEnd(run: RunModel): void {
    this.#returning = this.#returning.filter((each) => each !== run);
    if (run.job.id === "hook" && run.status !== "interrupted") this.#unseenEnds.push(run);
    const [parent, node] = run.parent ?? [];
    if (parent !== undefined && node?.child === run && isAwaiting(node)) {
      if (run.status === "completed") end(node, "completed", null);
      else end(node, "failed", node.endsChild ? "cancelled" : "child_failed");
      this.#goOn(parent);
    }
    this.#pump();
  }

  #goOnWith(run: RunModel, task: TaskModel): void {
    if (task.status === "pending") this.#begin(run, task);
    if (task.items !== null) this.#goOnWithItems(run, task, task.items);
    else if (this.#isStopped(run, task)) this.#stop(run, task);
    else if (task.isDue) this.#startAttempt(run, task);
  }

  #begin(run: RunModel, task: TaskModel): void {
    const verdict = isEnded(run, task) ? "cancelled" : this.#verdict(run, task);
    if (verdict === "wait") return;
    if (verdict !== "start") end(task, "skipped", verdict);
    else if (task.task.items === undefined) this.#startAttempt(run, task);
    else expand(task, task.task.items);
  }

  #goOnWithItems(run: RunModel, task: TaskModel, items: readonly TaskModel[]): void {
    if (task.status !== "running") return;
    const { maxParallel = null } = task.task.items ?? {};
    for (const item of items) {
      if (this.#isStopped(run, item)) this.#stop(run, item);
      else if (items.filter(hasAttempt).length < (maxParallel ?? items.length))
        if (item.status === "pending" || item.isDue) this.#startAttempt(run, item);
    }
    if (items.some(({ status }) => status === "pending" || status === "running")) return;
    if (isEnded(run, task) && items.some(({ status }) => status !== "completed")) end(task, "failed", "cancelled");
    else if (hasTooManyFailures(task)) end(task, "failed", "items_failed");
    else end(task, "completed", null);
  }

  /** Returns whether a task or an item is being ended: with its run, or because too many items have failed. */
  #isStopped(run: RunModel, { task, item }: TaskModel): boolean {
    const whole = run.tasks.find((each) => each.task.id === task.id);
    const isFailingFast = item !== null && task.items?.failFast === true;
    return whole !== undefined && (isEnded(run, whole) || (isFailingFast && hasTooManyFailures(whole)));
  }

  #stop(run: RunModel, node: TaskModel): void {
    if (node.status === "pending") end(node, "skipped", "cancelled");
    else if (node.lives || node.retry !== null || node.isDue) end(node, "failed", "cancelled");
    else if (isAwaiting(node) && node.child !== null && !hasEndedUnseen(node.child)) {
      node.endsChild = true;
      this.#end(node.child, { all: run.endingAll });
    }
  }

  /** Starts an attempt: a run of another job, or a process if the run has a place. */
  #startAttempt(run: RunModel, node: TaskModel): void {
    const { program } = node.task;
    if (program.type !== "job") {
      if (!run.isParked) begin(node);
      return;
    }
    begin(node);
    node.lives = false;
    const job = this.#jobs().find(({ id }) => id === program.jobId);
    if (job === undefined) throw new Error(`the model has no job ${program.jobId}`);
    const before = node.child !== null && hasRest(node.child) ? { before: node.child } : {};
    node.child = this.#create(job, { trigger: "job", scheduledFor: null, waits: true, parent: [run, node], ...before });
  }

  /** A run that only waits for other runs gives its place back until it could continue. */
  #updatePlace(run: RunModel): void {
    const isWanted = this.#wantsPlace(run);
    if (isWanted && run.isParked) {
      if (this.#askForPlace(run)) this.#goOn(run);
    } else if (!isWanted && !run.isParked && nodesOf(run).some(isAwaiting)) {
      run.isParked = true;
      this.#pump();
    }
  }

  #wantsPlace(run: RunModel): boolean {
    const isActive = nodesOf(run).some((node) => node.status === "running" && !isAwaiting(node));
    return isActive || run.tasks.some((task) => this.#couldStart(run, task));
  }

  /** Returns whether a process of a task could start if the run had a place. */
  #couldStart(run: RunModel, task: TaskModel): boolean {
    if (task.task.program.type === "job" || isEnded(run, task)) return false;
    if (task.items === null) return task.status === "pending" && this.#verdict(run, task) === "start";
    const isFull = task.items.filter(hasAttempt).length >= (task.task.items?.maxParallel ?? task.items.length);
    return !isFull && task.items.some((item) => item.status === "pending" && !this.#isStopped(run, item));
  }

  /** Returns whether a parked run takes a place. Otherwise it waits for one, before all pending runs. */
  #askForPlace(run: RunModel): boolean {
    if (!this.#returning.includes(run)) this.#returning = [...this.#returning, run];
    if (this.#nextReturning() !== run) return false;
    this.#takePlace(run);
    return true;
  }

  #takePlace(run: RunModel): void {
    this.#returning = this.#returning.filter((each) => each !== run);
    run.isParked = false;
  }

  #nextReturning(): RunModel | null {
    return this.#returning.find(({ job }) => this.#hasPlace(job)) ?? null;
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

  /** Continues parked runs, then starts pending ones: the highest priority first, then the oldest. */
  #pump(): void {
    if (this.#isInTransaction) return;
    const returning = this.#nextReturning();
    const next = returning ?? this.#nextStartable();
    if (next === null) return;
    if (returning !== null) {
      this.#takePlace(returning);
      this.#goOn(returning);
    } else this.#start(next);
    this.#pump();
  }

  #nextStartable(): RunModel | null {
    if (this.#nextReturning() !== null) return null;
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
    return !this.#hasPlace(job) || this.#nextReturning() !== null || this.#nextStartable() !== null;
  }

  #hasPlace({ queue }: Job): boolean {
    const running = this.#running().filter(({ isParked }) => !isParked);
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

export type { DeliveryModel, RunModel, TaskModel };

/** `all_done` tasks still run after the first request to end a run. */
const isEnded = (run: RunModel, { task }: TaskModel): boolean =>
  run.ending && (run.endingAll || task.condition !== "all_done");

const isFinal = ({ status }: RunModel): boolean => status !== "pending" && status !== "running";

/** Returns the tasks of a run that have attempts; for a task that was expanded, its items. */
const nodesOf = (run: RunModel): readonly TaskModel[] => run.tasks.flatMap((task) => task.items ?? [task]);

/** Returns whether a task or an item waits for the end of the run that it started. */
const isAwaiting = ({ task, status }: TaskModel): boolean => task.program.type === "job" && status === "running";

/** Returns whether an attempt is running, or its end is not seen yet. */
const hasAttempt = ({ status, retry, isDue }: TaskModel): boolean => status === "running" && retry === null && !isDue;

const isAttempting = (node: TaskModel): boolean => hasAttempt(node) && !isAwaiting(node);

/** Returns whether the last processes of a run have ended, and the run goes on only until that is seen. */
const hasEndedUnseen = (run: RunModel): boolean =>
  run.status === "running" &&
  nodesOf(run).every(
    (node) => node.status !== "pending" && (node.status !== "running" || (isAttempting(node) && !node.lives)),
  );

const hasTooManyFailures = ({ task, items }: TaskModel): boolean =>
  items !== null && items.filter(({ status }) => status === "failed").length > (task.items?.maxFailures.value ?? 0);

const NEW_NODE = {
  status: "pending",
  allowed: false,
  reason: null,
  attempts: 0,
  failures: 0,
  lives: false,
  retry: null,
  isDue: false,
  items: null,
  child: null,
  endsChild: false,
} as const;

/** Returns a task of a new run. A retry repeats neither what it reuses nor the completed parts of what it repeats. */
const newTask = (task: Task, run: RunModel | undefined): TaskModel => {
  const before = run?.tasks.find((each) => each.task.id === task.id);
  const reused = run === undefined ? new Set() : reusable(run);
  const fresh = { ...NEW_NODE, task, item: null, before: null };
  if (before === undefined || !task.dependsOn.every((id) => reused.has(id))) return fresh;
  const { status, reason, allowed, items, child } = before;
  if (!reused.has(task.id)) return { ...fresh, before: items === null ? before.before : before, child };
  return { ...fresh, status, reason, allowed, items: items?.map((item) => ({ ...item, attempts: 0 })) ?? null, child };
};

/** Expands a task. Items that completed in the retried run are completed. */
const expand = (task: TaskModel, { source }: ItemsSpec): void => {
  const count = source.kind === "list" ? source.values.length : 0;
  task.status = "running";
  task.items = Array.from({ length: count }, (_, item) => {
    const before = task.before?.items?.[item];
    const status = before?.status === "completed" ? before.status : "pending";
    return { ...NEW_NODE, task: task.task, item, before: null, child: before?.child ?? null, status };
  });
};

/** Returns whether a retry of an ended run would repeat something. */
const hasRest = (run: RunModel): boolean => run.status !== "completed" && reusable(run).size < run.tasks.length;

/** Returns the tasks that completed, failed in an allowed way or would be skipped again, if that is true of all their upstream tasks. */
const reusable = (run: RunModel): ReadonlySet<string> => {
  const reused = new Set<string>();
  for (const { task, status, allowed, reason } of run.tasks) {
    const isKept = status === "completed" || (status === "failed" && allowed) || reason === "condition_not_met";
    if (isKept && task.dependsOn.every((id) => reused.has(id))) reused.add(task.id);
  }
  return reused;
};

const begin = (task: TaskModel): void => {
  task.status = "running";
  task.attempts++;
  task.lives = true;
  task.isDue = false;
  task.endsChild = false;
};

const end = (task: TaskModel, status: TaskModel["status"], reason: string | null): void => {
  task.status = status;
  task.reason = reason;
  task.lives = false;
  task.retry = null;
  task.isDue = false;
};

const dueAfter = (id: string, after: number): number => {
  const { periodMs = 1, offsetMs = 0 } = DUE[id] ?? {};
  return (Math.floor((after - offsetMs) / periodMs) + 1) * periodMs + offsetMs;
};

/** The ids of all jobs of the model. */
export const TRIGGERABLE = MODEL_JOBS.map(({ id }) => String(id));
