import { t } from "elysia";
import { type Job, taskOf } from "../../domain/job.ts";
import { ATTEMPT_STATUSES, type Attempt, TASK_STATUSES, type TaskRun } from "../../domain/task-run.ts";
import { TASK_STATUS_TEXT } from "../../domain/words/run.ts";
import { nodeBody, nodeFields } from "./definition.ts";
import { durationMs } from "./run.ts";
import {
  Count,
  durationOrNull,
  exactly,
  instant,
  instantOrNull,
  integer,
  meanings,
  nullable,
  ReasonOrNull,
  RunIdText,
  TaskIdText,
  word,
} from "./schemas.ts";

const exitCode = nullable(integer(), "Exit status of the attempt, or of the last attempt; null if it has none");

const AttemptBody = exactly(
  {
    attempt: integer({ minimum: 1, description: "Number of the attempt, from 1" }),
    status: word(ATTEMPT_STATUSES, "Status of the attempt"),
    reason: ReasonOrNull,
    exit_code: exitCode,
    signal: nullable(t.String({ examples: ["SIGKILL"] }), "Name of the signal that ended the process"),
    started_at: instant("When it started"),
    ended_at: instantOrNull("When it ended"),
    duration_ms: durationOrNull,
  },
  { title: "Attempt", description: "One attempt to run a task" },
);

const TaskRunBody = exactly(
  {
    task_id: TaskIdText,
    run_id: RunIdText,
    ...nodeFields,
    status: word(TASK_STATUSES, meanings(TASK_STATUS_TEXT)),
    reason: ReasonOrNull,
    error: nullable(t.String(), "What went wrong, as a sentence"),
    attempts: integer({ minimum: 0, description: "Number of attempts" }),
    started_at: instantOrNull("When its first attempt started"),
    ended_at: instantOrNull("When it ended"),
    duration_ms: durationOrNull,
    exit_code: exitCode,
    outputs: t.Record(t.String(), t.String(), { description: "Outputs that it wrote to `$PETIT_OUTPUT`" }),
    retry_at: instantOrNull("When the next attempt is due; null if there is none"),
    reused: t.Boolean({ description: "True if a retry reused the completed task of the earlier run" }),
    attempt_list: t.Array(AttemptBody, { description: "All attempts, in order" }),
  },
  {
    title: "TaskRun",
    description: "A task of a run, with its place in the graph of the definition that the run uses",
    examples: [
      {
        task_id: "extract",
        run_id: "019b76da-a800-7c3e-8f2b-5d1c9a7e4f60",
        name: "Extract",
        type: "command",
        depends_on: [],
        condition: "all_success",
        status: "completed",
        reason: null,
        error: null,
        attempts: 1,
        started_at: 1767225600001,
        ended_at: 1767225600042,
        duration_ms: 41,
        exit_code: 0,
        outputs: { rows: "42" },
        retry_at: null,
        reused: false,
        attempt_list: [
          {
            attempt: 1,
            status: "completed",
            reason: null,
            exit_code: 0,
            signal: null,
            started_at: 1767225600001,
            ended_at: 1767225600042,
            duration_ms: 41,
          },
        ],
      },
    ],
  },
);

export const TaskRunList = exactly(
  { tasks: t.Array(TaskRunBody, { description: "Tasks in the order of the job file" }), count: Count },
  { title: "TaskRunList" },
);

type RunParts = {
  /** The definition that the run uses. */
  readonly definition: Job;
  readonly tasks: readonly TaskRun[];
  readonly attempts: readonly Attempt[];
};

export const taskRunList = ({ definition, tasks, attempts }: RunParts): typeof TaskRunList.static => {
  const nodes = new Map(definition.tasks.map((task) => [task.id, nodeBody(task)]));
  const byTask = Map.groupBy(attempts, (attempt) => attempt.taskId);
  const bodies = tasks.map((task) => ({
    ...(nodes.get(task.taskId) ?? nodeBody(taskOf(definition, task.taskId))),
    ...taskRunBody(task, byTask.get(task.taskId) ?? []),
  }));
  return { tasks: bodies, count: bodies.length };
};

const taskRunBody = (task: TaskRun, attempts: readonly Attempt[]) => ({
  task_id: task.taskId,
  run_id: task.runId,
  status: task.status,
  reason: task.reason,
  error: task.error,
  attempts: task.attempts,
  started_at: task.startedAt,
  ended_at: task.endedAt,
  duration_ms: durationMs(task.startedAt, task.endedAt),
  exit_code: task.exitCode,
  outputs: task.outputs,
  retry_at: task.retryAt,
  reused: task.reused,
  attempt_list: attempts.map(attemptBody),
});

const attemptBody = (attempt: Attempt): typeof AttemptBody.static => ({
  attempt: attempt.attempt,
  status: attempt.status,
  reason: attempt.reason,
  exit_code: attempt.exitCode,
  signal: attempt.signal,
  started_at: attempt.startedAt,
  ended_at: attempt.endedAt,
  duration_ms: durationMs(attempt.startedAt, attempt.endedAt),
});
