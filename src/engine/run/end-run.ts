import type { Run, RunOutcome } from "../../domain/run.ts";
import type { TaskOutcome } from "../../domain/task-run.ts";
import type { Log } from "../../lib/log.ts";
import type { TaskNode } from "../../store/runs/task-runs.ts";
import type { Store } from "../../store/store.ts";
import { assertNoStorageFault } from "../internal-errors.ts";

export type EndRunOptions = {
  readonly store: Store;
  readonly log: Log;
  readonly outcome: RunOutcome;
  /** When it ends, by the clock of the run. */
  readonly now: number;
};

/**
 * Ends a run and everything in it that has not ended, within the current transaction, without a plan: for a run that can't go on. A
 * task or an attempt whose end the database refuses stays as it is; the run ends in any case.
 */
export const endRun = (run: Run, { store, log, outcome, now }: EndRunOptions): Run => {
  const { runs } = store;
  const reason = outcome.reason ?? "internal_error";
  const { error } = outcome;
  const tryTo = (work: () => void): void => {
    try {
      store.transaction(work);
    } catch (cause) {
      assertNoStorageFault(cause);
      log.error({ err: cause, job_id: run.jobId, run_id: run.id }, "cannot end a part of a run");
    }
  };
  const finish = (node: TaskNode, { startedAt }: { readonly startedAt: number | null }): void => {
    const status = startedAt === null ? "skipped" : "failed";
    const end: TaskOutcome = { status, reason, error: startedAt === null ? null : error, exitCode: null, outputs: {} };
    tryTo(() => runs.finishTask(run, node, { outcome: end, now }));
  };
  tryTo(() => {
    const failed = { status: "failed", reason, error, exitCode: null, signal: null } as const;
    for (const { id, status } of runs.listAttempts(run.id))
      if (status === "running") tryTo(() => runs.finishAttempt(id, failed, { now, retryAt: null }));
  });
  tryTo(() => {
    for (const task of runs.listTaskRuns(run.id)) {
      if (task.endedAt !== null) continue;
      const { taskId } = task;
      if (task.items !== null)
        tryTo(() => {
          for (const item of runs.listItems({ runId: run.id, taskId }))
            if (item.endedAt === null) finish({ taskId, item: item.index }, item);
        });
      finish({ taskId, item: null }, task);
    }
  });
  return runs.finish(run.id, outcome, now);
};
