import { t } from "elysia";
import type { RunFailure } from "../../../domain/attention.ts";
import { STREAMS } from "../../../domain/task-run.ts";
import { MAX_SHOWN_GROUPS } from "../../../domain/words/failure.ts";
import { exactly, integer, nullable, ReasonOrNull, TaskIdText, word } from "../schemas.ts";
import { causeBody, FailureCauseBody } from "./failure-cause.ts";
import { FailureGroupBody, failureGroupBody } from "./failure-group.ts";

export const RunFailureBody = exactly(
  {
    task_id: nullable(
      TaskIdText,
      "The first task to fail that is neither downstream of another failed task nor a clean-up (`condition`) nor allowed to fail, if there is one; null if no task failed",
    ),
    more_tasks: t.Optional(
      integer({ minimum: 1, description: "How many more tasks failed, at most 999; missing if none did" }),
    ),
    item: nullable(
      integer({ minimum: 0 }),
      "Position of the item of that task that failed first, from 0; null if it has no items",
    ),
    failed_items: t.Optional(
      integer({ minimum: 2, description: "How many items of that task failed; missing if at most one did" }),
    ),
    groups: t.Optional(
      t.Array(FailureGroupBody, {
        description: `Why the items of that task failed, the largest ${MAX_SHOWN_GROUPS} groups; missing if at most one failed, or no line explains any`,
      }),
    ),
    item_reason: t.Optional(ReasonOrNull),
    attempt: nullable(integer({ minimum: 1 }), "The last attempt of that task or item; null if it had none"),
    reason: ReasonOrNull,
    exit_code: nullable(integer(), "Exit code of that attempt; null if it has none"),
    signal: nullable(t.String(), "Signal that ended the attempt, such as `SIGKILL`; null if none did"),
    error: nullable(t.String(), "What went wrong with the task, as a sentence"),
    cause: nullable(FailureCauseBody, "The line of the attempt's output that explains the failure; null if none does"),
    last_line: nullable(
      exactly({
        seq: integer({ minimum: 1, description: "Number of the line in the output of the run" }),
        stream: word(STREAMS, "Stream of the line"),
        text: t.String({ description: "At most 500 characters, without escape sequences" }),
      }),
      "The last line of the attempt's stderr that is not empty, or else of its stdout; null if there is none",
    ),
  },
  {
    title: "RunFailure",
    description: "Why a run failed",
    examples: [
      {
        task_id: "extract",
        item: null,
        attempt: 3,
        reason: "exit_code",
        exit_code: 1,
        signal: null,
        error: "exit code 1",
        cause: {
          seq: 42,
          stream: "stderr",
          text: "ConnectionError: db.example.com refused the connection",
          context: ["  after 3 attempts"],
          child: null,
        },
        last_line: { seq: 44, stream: "stderr", text: "rolled back" },
      },
    ],
  },
);

export const runFailureBody = (failure: RunFailure): typeof RunFailureBody.static => ({
  task_id: failure.taskId,
  ...(failure.moreTasks > 0 && { more_tasks: failure.moreTasks }),
  item: failure.item,
  ...(failure.failedItems > 1 && { failed_items: failure.failedItems }),
  ...(failure.groups.length > 0 && { groups: failure.groups.slice(0, MAX_SHOWN_GROUPS).map(failureGroupBody) }),
  ...(failure.itemReason !== null && { item_reason: failure.itemReason }),
  attempt: failure.attempt,
  reason: failure.reason,
  exit_code: failure.exitCode,
  signal: failure.signal,
  error: failure.error,
  cause: causeBody(failure.cause),
  last_line: failure.lastLine === null ? null : { ...failure.lastLine },
});
