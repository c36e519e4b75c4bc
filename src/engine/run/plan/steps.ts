import { InvalidItemsError } from "../../../domain/expand-items.ts";
import type { RunId, TaskId } from "../../../domain/ids.ts";
import { successAt } from "../../../domain/inbox/expectation.ts";
import type { Item } from "../../../domain/item.ts";
import { taskOf } from "../../../domain/job.ts";
import { isLostReason, type Run } from "../../../domain/run.ts";
import type { Attempt, Outputs, TaskOutcome } from "../../../domain/task-run.ts";
import type { TaskNode } from "../../../store/runs/task-runs.ts";
import type { AttemptResult } from "../../attempt/run-attempt.ts";
import type { TransactionHooks } from "../../commits.ts";
import { assertNoStorageFault, internalErrorText } from "../../internal-errors.ts";
import { promptOf, whyNoPrompt } from "../approval/approvals.ts";
import { type ApprovalDecision, outcomeOfDecision } from "../approval/decision.ts";
import { childFailed, childStarted } from "../child/child-attempt.ts";
import type { ChildRuns } from "../child/child-runs.ts";
import { jobOutputs } from "../child/job-outputs.ts";
import { endRun } from "../end-run.ts";
import type { RunFaults } from "../faults.ts";
import type { RetriedParts } from "../retry/retried-parts.ts";
import type { RunServices } from "../services.ts";
import { expandTask } from "../task/expansion.ts";
import { aggregateOutputs, itemsError, withinItemOutputs } from "../task/items.ts";
import { itemOf, type RunState, scopeOfState } from "../task/run-scope.ts";
import { itemKey, nodeKey } from "./node.ts";
import { outcomeOfEnding, outcomeOfRun } from "./outcome.ts";
import type { Ending, RunStep } from "./plan.ts";
import {
  afterAttempt,
  attempting,
  awaiting,
  ended,
  endedWithoutAttempt,
  newProgress,
  type RunProgress,
  stateOf,
  type TaskProgress,
} from "./progress.ts";

/** What one transaction changes, and what has to be done when it is committed. */
export type StepBatch = {
  /** True if an error of petit itself at a step ends only its task or item. */
  readonly isCareful: boolean;
  /** The progress of the run, with all steps of the transaction so far. */
  readonly progress: RunProgress;
  /** Attempts to start or to follow. */
  readonly attempts: Attempt[];
  /** Tasks and items that may wait for their next attempt. */
  readonly waiting: TaskNode[];
  /** The hooks of new runs that attempts have started. They are pending, so nothing of theirs starts when the commit is settled. */
  readonly children: Pick<TransactionHooks, "onCommit" | "onRollback">[];
  /** Child runs whose end the run has seen. */
  readonly seenChildren: RunId[];
};

export const newBatch = (progress: RunProgress, { isCareful }: Pick<StepBatch, "isCareful">): StepBatch => ({
  isCareful,
  progress,
  attempts: [],
  waiting: [],
  children: [],
  seenChildren: [],
});

/** `plan again`: other steps follow from this one. `failed`: petit itself failed at it, and the task or item has ended. */
export type StepResult = "plan again" | "failed" | null;

export type RunStepsOptions = {
  readonly services: RunServices;
  readonly children: ChildRuns;
  readonly state: () => RunState;
  /** The items in `state`, to which the steps add those of new tasks. */
  readonly items: Map<TaskId, readonly Item[]>;
  readonly ending: () => Ending | null;
  /** The clock of the run. */
  readonly now: () => number;
  /** When the newest change of the run happened. What follows from it has the same time. */
  readonly changedAt: () => number;
  readonly retriedParts: RetriedParts;
  readonly attempts: {
    store(node: TaskNode): Attempt;
    reasonToEnd(node: TaskNode): Ending["reason"] | null;
  };
  readonly faults: Pick<RunFaults, "log" | "note">;
};

/** Stores what happens in a run, within the current transaction, and applies it to the progress of a batch. */
export class RunSteps {
  readonly #options: RunStepsOptions;

  constructor(options: RunStepsOptions) {
    this.#options = options;
  }

  /** Stores a planned step. */
  store(step: RunStep, batch: StepBatch): StepResult {
    return this.apply(nodeOf(step), batch, () => this.#store(step, batch));
  }

  /** Does `work`, about a task or an item. If petit itself fails at that in a careful batch, the task or item fails instead. */
  apply(node: TaskNode, batch: StepBatch, work: () => StepResult): StepResult {
    if (!batch.isCareful) return work();
    const { services, faults } = this.#options;
    const restore = snapshot(batch);
    try {
      return services.store.transaction(work);
    } catch (error) {
      assertNoStorageFault(error);
      faults.log(error, "cannot store a step of a run");
      restore();
      this.#fail(node, internalErrorText(error), batch);
      return "failed";
    }
  }

  #store(step: RunStep, batch: StepBatch): StepResult {
    if (step.kind === "expand") {
      this.#expand(step.taskId, batch);
      return "plan again";
    }
    if (step.kind === "ask") return this.#ask(step.taskId, batch);
    const node = nodeOf(step);
    if (step.kind === "start" || step.kind === "retry") return this.#storeAttempt(node, batch);
    const before = stateOf(batch.progress, node);
    const outcome =
      step.kind === "finish_items"
        ? this.#outcomeOfItems(step, batch.progress)
        : endedWithoutAttempt(
            step.kind === "fail" ? { ...before, error: step.error } : before,
            step.kind === "skip" ? "skipped" : "failed",
            step.reason,
          );
    this.#storeOutcome(before, outcome, batch);
    return null;
  }

  /** Stores how an attempt ended and what follows for its task: its end, or another attempt. */
  storeResult(attempt: Attempt, given: AttemptResult, { progress, waiting, seenChildren }: StepBatch): void {
    const { services, state, attempts, faults } = this.#options;
    const { store, settings } = services;
    const { job, run, items } = state();
    const now = given.endedAt;
    const others = outputsOfOthers(items, attempt, progress);
    const result = attempt.item === null ? given : withinItemOutputs(given, others);
    if (attempt.childRunId !== null) seenChildren.push(attempt.childRunId);
    const after = afterAttempt(stateOf(progress, attempt), result, {
      task: taskOf(job, attempt.taskId),
      now,
      ending: attempts.reasonToEnd(attempt),
      onInterrupt: job.onInterrupt ?? settings.onInterrupt,
      random: Math.random(),
    });
    const { cause = null, usage = null, memoryLimitBytes = null, limitsEnforced = null } = result;
    store.runs.finishAttempt(attempt.id, result.outcome, {
      now,
      retryAt: after.progress.retryAt,
      cause,
      usage,
      memoryLimitBytes,
      limitsEnforced,
    });
    if (result.outcome.reason === "internal_error") faults.note(result.outcome.error ?? "");
    if (isLostReason(after.outcome?.reason ?? null)) store.runs.markLost(run.id);
    if (after.outcome === null) waiting.push(attempt);
    else store.runs.finishTask(run, after.progress.node, { outcome: after.outcome, now });
    progress.set(nodeKey(attempt), after.progress);
  }

  /** Ends an approval that waits for a person, as decided. */
  storeDecision(taskId: TaskId, decision: ApprovalDecision, batch: StepBatch): void {
    const before = stateOf(batch.progress, { taskId, item: null });
    if (before.phase !== "asking") return;
    const { services, state, changedAt } = this.#options;
    const { id: runId, jobId } = state().run;
    if (decision.kind !== "timeout") {
      const { kind: action, by } = decision;
      services.store.reviews.record({ action, by, jobId, runId, taskId, now: changedAt() });
    }
    this.#storeOutcome(before, outcomeOfDecision(decision), batch);
  }

  /** Lets the next attempt of a task or an item start, because its time has come. */
  makeDue(node: TaskNode, { progress }: StepBatch): void {
    const waiting = progress.get(nodeKey(node));
    if (waiting?.phase === "waiting") progress.set(nodeKey(node), { ...waiting, phase: "due" });
  }

  /** Ends the run, all of whose tasks have ended. If petit itself fails at that in a careful batch, the run ends with this error. */
  storeEnd({ progress, isCareful }: StepBatch): Run {
    if (!isCareful) return this.#storeEnd(progress);
    const { services, faults } = this.#options;
    try {
      return services.store.transaction(() => this.#storeEnd(progress));
    } catch (error) {
      assertNoStorageFault(error);
      faults.log(error, "cannot end a run as its tasks have");
      return this.storeInternalError(error);
    }
  }

  /** Ends the run and what has not ended in it, without a plan, because of an error of petit itself. */
  storeInternalError(cause: unknown): Run {
    const { services, state, ending, changedAt, faults } = this.#options;
    const { store, log, notifier, figures } = services;
    const { job, run } = state();
    const error = internalErrorText(cause);
    const given = ending();
    const outcome =
      given === null
        ? ({ status: "failed", reason: "internal_error", error } as const)
        : outcomeOfEnding(given.reason, job);
    const final = endRun(run, { store, log, outcome, now: changedAt() });
    figures.count(final);
    notifier.ended(job, final);
    faults.note(error);
    return final;
  }

  #storeEnd(progress: RunProgress): Run {
    const { services, state, ending, changedAt } = this.#options;
    const { store, clock, notifier, figures } = services;
    const current = state();
    const { job, run: before } = current;
    const isLost = before.lost || [...progress.values()].some(({ reason }) => isLostReason(reason));
    const outcome = outcomeOfRun({
      job,
      tasks: progress,
      ending: ending()?.reason ?? null,
      isLost,
      listTaskRuns: () => store.runs.listTaskRuns(before.id),
    });
    const final = outcome.status === "completed" ? jobOutputs(outcome, current) : outcome;
    const run = store.runs.finish(before.id, final, changedAt());
    figures.count(run);
    const succeededAt = successAt(run, clock.now());
    if (succeededAt !== null) store.expectations.noteSuccess(run.jobId, { runId: run.id, at: succeededAt });
    notifier.ended(job, run);
    return run;
  }

  /** Stores a new attempt. One of a task that runs a job is stored with its run. */
  #storeAttempt(node: TaskNode, batch: StepBatch): "plan again" | null {
    const { children, state, attempts, retriedParts, now } = this.#options;
    const { progress } = batch;
    const { job, run, items } = state();
    const before = stateOf(progress, node);
    const { program } = taskOf(job, node.taskId);
    const attempt = attempts.store(node);
    progress.set(nodeKey(node), attempting(before));
    if (program.type !== "job") {
      batch.attempts.push(attempt);
      return null;
    }
    const item = itemOf(items, node);
    const scope = scopeOfState(state(), { taskId: node.taskId, item });
    const previous = before.childRunId ?? retriedParts.childOf(node.taskId, item);
    const started = children.start({ program, parent: run, attempt, scope, previous });
    if ("childRunId" in started) {
      batch.children.push(started);
      progress.set(nodeKey(node), awaiting(before, started.childRunId));
      if (program.wait) {
        batch.attempts.push(started.attempt);
        return null;
      }
    }
    const result = "childRunId" in started ? childStarted : childFailed(started.error);
    // The attempt without its child run, because the run does not wait for the end of that.
    this.storeResult(attempt, { ...result, endedAt: now() }, batch);
    return "plan again";
  }

  /**
   * Begins to wait for a person, and notifies of it in the same transaction, so that a restart does not repeat it. A task whose
   * prompt can't be evaluated fails.
   */
  #ask(taskId: TaskId, batch: StepBatch): "plan again" | null {
    const { services, state } = this.#options;
    const { store, notifier } = services;
    const { job, run } = state();
    const before = stateOf(batch.progress, { taskId, item: null });
    const error = whyNoPrompt(state(), taskId);
    if (error !== null) {
      this.#storeOutcome(before, endedWithoutAttempt({ ...before, error }, "failed", "invalid_condition"), batch);
      return "plan again";
    }
    const now = this.#options.now();
    store.runs.askApproval(run, taskId, now);
    batch.progress.set(taskId, { ...before, status: "running", phase: "asking" });
    notifier.asked(job, run, {
      taskId,
      approval: () => ({ task: taskOf(job, taskId), prompt: promptOf(state(), taskId), now }),
    });
    return null;
  }

  /** Expands a task into its items, and stores them. A task whose items can't be used fails. */
  #expand(taskId: TaskId, batch: StepBatch): void {
    const { services, state, items: known, retriedParts, now } = this.#options;
    const { progress } = batch;
    const before = stateOf(progress, { taskId, item: null });
    try {
      const items = expandTask(state(), taskId, retriedParts.itemsOf(taskId));
      services.store.runs.startItems(state().run, taskId, items, now());
      known.set(taskId, items);
      progress.set(taskId, { ...before, status: "running", phase: "items", items: items.length });
      for (const item of items) {
        const node = { taskId, item: item.index };
        progress.set(nodeKey(node), newProgress(node, item));
      }
    } catch (error) {
      if (!(error instanceof InvalidItemsError)) throw error;
      const { message } = error;
      const failed = {
        status: "failed",
        reason: "invalid_items",
        error: message,
        exitCode: null,
        outputs: {},
      } as const;
      this.#storeOutcome(before, failed, batch);
    }
  }

  #outcomeOfItems(
    { taskId, reason, exitCode }: Extract<RunStep, { readonly kind: "finish_items" }>,
    progress: RunProgress,
  ): TaskOutcome {
    const items = (this.#options.items.get(taskId) ?? []).map(({ key, index }) => ({
      key,
      ...stateOf(progress, { taskId, item: index }),
    }));
    const outputs = aggregateOutputs(items);
    if (reason === null) return { status: "completed", reason, error: null, exitCode: null, outputs };
    return { status: "failed", reason, error: itemsError(items, reason), exitCode, outputs };
  }

  /** Fails a task or an item at which petit itself has failed. */
  #fail(node: TaskNode, error: string, batch: StepBatch): void {
    const { services, state, items, changedAt, faults } = this.#options;
    const { runs } = services.store;
    const failed = { status: "failed", reason: "internal_error", error, exitCode: null } as const;
    for (const attempt of runs.listAttempts(state().run.id))
      if (attempt.status === "running" && nodeKey(attempt) === nodeKey(node))
        runs.finishAttempt(attempt.id, { ...failed, signal: null }, { now: changedAt(), retryAt: null });
    const before = stateOf(batch.progress, node);
    // A task that failed while it was expanded has no items.
    if (before.phase !== "items" && node.item === null) items.delete(node.taskId);
    this.#storeOutcome(before, { ...failed, outputs: {} }, batch);
    faults.note(error);
  }

  #storeOutcome(before: TaskProgress, outcome: TaskOutcome, { progress }: StepBatch): void {
    const { services, state, changedAt } = this.#options;
    services.store.runs.finishTask(state().run, before.node, { outcome, now: changedAt() });
    progress.set(nodeKey(before.node), ended(before, outcome));
  }
}

/** Returns the task or item that a step is of. */
const nodeOf = (step: RunStep): TaskNode => ({
  taskId: step.taskId,
  item: ("item" in step ? step.item : undefined) ?? null,
});

/** Returns a function that restores a batch as it is now, and rolls back the child runs that were started since. */
const snapshot = ({ progress, attempts, waiting, children, seenChildren }: StepBatch): (() => void) => {
  const before = [...progress];
  const lists = [attempts, waiting, seenChildren].map((list) => ({ list, length: list.length }));
  const childCount = children.length;
  return () => {
    for (const { onRollback } of children.splice(childCount).toReversed()) onRollback?.();
    for (const { list, length } of lists) list.length = length;
    progress.clear();
    for (const [key, each] of before) progress.set(key, each);
  };
};

/** Returns the outputs of the other items of the task. */
const outputsOfOthers = (
  items: RunState["items"],
  { taskId, item }: TaskNode,
  progress: RunProgress,
): readonly Outputs[] =>
  (items.get(taskId) ?? []).flatMap(({ index }) => {
    const outputs = index === item ? undefined : progress.get(itemKey(taskId, index))?.outputs;
    return outputs === undefined ? [] : [outputs];
  });
