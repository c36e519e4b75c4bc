import type { TaskId } from "../../domain/ids.ts";
import { type Job, taskOf } from "../../domain/job.ts";
import type { Run } from "../../domain/run.ts";
import type { TaskRun } from "../../domain/task-run.ts";
import { type Clock, sleep } from "../../lib/clock.ts";
import type { TaskNode } from "../../store/runs/task-runs.ts";
import type { ApprovalDecision } from "./approval/decision.ts";
import type { RunFaults } from "./faults.ts";

export type RunTimersOptions = {
  readonly job: Job;
  readonly clock: Clock;
  /** The clock of the run, by which all its times count. */
  readonly now: () => number;
  /** Aborted when the run is over or the engine detaches: nothing is called any more. */
  readonly signal: AbortSignal;
  readonly faults: Pick<RunFaults, "guard">;
  readonly onRetryDue: (node: TaskNode) => Promise<void>;
  /** Called when the timeout of the run is reached. */
  readonly onTimeout: () => Promise<void>;
  /** Called when the timeout of an approval is reached. */
  readonly onApprovalTimeout: (taskId: TaskId, decision: ApprovalDecision) => Promise<void>;
};

/** The times at which a run has something to do: retries, its timeout, and those of its approvals. */
export class RunTimers {
  readonly #options: RunTimersOptions;
  /** The approvals whose timeout is watched. */
  readonly #approvals = new Set<TaskId>();

  constructor(options: RunTimersOptions) {
    this.#options = options;
  }

  /** Waits for the next attempt of a task or an item, until `end` is aborted. */
  watchRetry(node: TaskNode, retryAt: number, end: AbortSignal): void {
    this.#at(retryAt, () => this.#options.onRetryDue(node), end);
  }

  watchTimeout({ startedAt }: Pick<Run, "startedAt">): void {
    const { job, now, onTimeout } = this.#options;
    if (job.timeoutMs !== null) this.#at((startedAt ?? now()) + job.timeoutMs, onTimeout);
  }

  /** Watches approvals that wait for a person, once each. */
  watchApprovals(asking: readonly TaskId[], listTaskRuns: () => readonly TaskRun[]): void {
    const { job, now, onApprovalTimeout } = this.#options;
    for (const taskId of asking) {
      if (this.#approvals.has(taskId)) continue;
      this.#approvals.add(taskId);
      const { timeoutMs, program } = taskOf(job, taskId);
      if (timeoutMs === null || program.type !== "approval") continue;
      const stored = listTaskRuns().find((taskRun) => taskRun.taskId === taskId);
      const decision = { kind: "timeout", onTimeout: program.onTimeout, timeoutMs } as const;
      this.#at((stored?.startedAt ?? now()) + timeoutMs, () => onApprovalTimeout(taskId, decision));
    }
  }

  #at(time: number, work: () => Promise<void>, end?: AbortSignal): void {
    const { clock, now, faults } = this.#options;
    const signal = end === undefined ? this.#options.signal : AbortSignal.any([this.#options.signal, end]);
    void faults.guard(async () => {
      await sleep(clock, time - now(), signal);
      if (!signal.aborted) await work();
    });
  }
}
