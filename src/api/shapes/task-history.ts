import { t } from "elysia";
import type { TaskId } from "../../domain/ids.ts";
import { isAllowedFailure, type Job, taskOf } from "../../domain/job.ts";
import { durationMs } from "../../domain/run.ts";
import { TASK_STATUSES } from "../../domain/task-run.ts";
import { TASK_STATUS_TEXT } from "../../domain/words/run.ts";
import type { HistoryResult, TaskHistory } from "../../store/runs/task-history.ts";
import { RunStatusWord } from "./run.ts";
import {
  exactly,
  instantOrNull,
  integer,
  meanings,
  nullable,
  ReasonOrNull,
  RunIdText,
  TaskIdText,
  word,
} from "./schemas.ts";

const RunBody = exactly({ id: RunIdText, status: RunStatusWord, started_at: instantOrNull("When the run started") });

const ResultBody = exactly({
  run_id: RunIdText,
  status: word(TASK_STATUSES, meanings(TASK_STATUS_TEXT)),
  reason: ReasonOrNull,
  duration_ms: nullable(
    integer({ minimum: 0 }),
    "Time from start to end in ms; null if it has not started or not ended, or if a retry reused an earlier result",
  ),
  allowed: t.Boolean({ description: "True if it failed in a way that the job allows" }),
});

export const TaskHistoryBody = exactly(
  {
    runs: t.Array(RunBody, { description: "The newest runs of the job, the newest last" }),
    tasks: t.Array(
      exactly({
        task_id: TaskIdText,
        results: t.Array(ResultBody, { description: "In the order of the runs, without the runs that do not have it" }),
      }),
      { description: "Tasks in the order of the newest run, then those that only earlier runs have" },
    ),
    count: integer({ minimum: 0, description: "Number of tasks of these runs, with those beyond the maximum" }),
  },
  {
    title: "TaskHistory",
    description: "What became of each task in the newest runs of a job",
    examples: [
      {
        runs: [{ id: "019b76da-a800-7c3e-8f2b-5d1c9a7e4f60", status: "completed", started_at: 1767225600000 }],
        tasks: [
          {
            task_id: "extract",
            results: [
              {
                run_id: "019b76da-a800-7c3e-8f2b-5d1c9a7e4f60",
                status: "completed",
                reason: null,
                duration_ms: 41,
                allowed: false,
              },
            ],
          },
        ],
        count: 1,
      },
    ],
  },
);

/** Encodes the history. `definitionOf` is asked once for each version in which a task failed. */
export const taskHistoryBody = (
  { runs, tasks, taskCount }: TaskHistory,
  definitionOf: (versionId: number) => Job,
): typeof TaskHistoryBody.static => {
  const definitions = new Map<number, Job>();
  const isAllowed = (taskId: TaskId, result: HistoryResult): boolean => {
    if (result.status !== "failed") return false;
    const definition = definitions.get(result.versionId) ?? definitionOf(result.versionId);
    definitions.set(result.versionId, definition);
    return isAllowedFailure(taskOf(definition, taskId), result);
  };
  return {
    runs: runs.map(({ id, status, startedAt }) => ({ id, status, started_at: startedAt })),
    tasks: tasks.map(({ taskId, results }) => ({
      task_id: taskId,
      results: results.map((result) => ({
        run_id: result.runId,
        status: result.status,
        reason: result.reason,
        duration_ms: result.reused ? null : durationMs(result.startedAt, result.endedAt),
        allowed: isAllowed(taskId, result),
      })),
    })),
    count: taskCount,
  };
};
