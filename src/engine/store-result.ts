import { taskOf } from "../domain/job.ts";
import type { Attempt } from "../domain/task-run.ts";
import type { AttemptResult } from "./attempt/run-attempt.ts";
import type { RunJobOptions } from "./run/context.ts";
import { type Ending, isEnded } from "./run/plan.ts";
import { afterAttempt, type Draft, stateOf } from "./run/progress.ts";

type EndedAttempt = {
  readonly attempt: Attempt;
  readonly result: AttemptResult;
  /** Takes the task's new state. */
  readonly draft: Draft;
  /** Why the run is being ended; null where it isn't. */
  readonly ending: Ending | null;
};

/** Stores how an attempt ended and what that means for its task: its end, or another attempt. */
export const storeResult = (
  { engine, job, run }: Pick<RunJobOptions, "engine" | "job" | "run">,
  { attempt, result, draft, ending }: EndedAttempt,
): void => {
  const { store, settings } = engine;
  const now = result.endedAt;
  const task = taskOf(job, attempt.taskId);
  const after = afterAttempt(stateOf(draft, task.id), result, {
    task,
    now,
    ending: isEnded(task, ending) ? ending.reason : null,
    onInterrupt: job.onInterrupt ?? settings.onInterrupt,
    random: Math.random(),
  });
  store.runs.finishAttempt(attempt.id, result.outcome, { now, retryAt: after.progress.retryAt });
  if (after.outcome?.reason === "interrupted") store.runs.markLost(run.id);
  if (after.outcome !== null) store.runs.finishTask(run, task.id, { outcome: after.outcome, now });
  draft.set(task.id, after.progress);
};
