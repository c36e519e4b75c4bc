import type { JobId, RunId, TaskId } from "../../domain/ids.ts";
import {
  ENDING_REASONS,
  type ParamValues,
  REASONS,
  RUN_STATUSES,
  type Run,
  type RunParent,
  TRIGGERS,
} from "../../domain/run.ts";
import type { SqlRow } from "../../runtime/runtime.ts";
import { flag, id, idOrNull, integer, integerOrNull, json, textOrNull, word, wordOrNull } from "../database/rows.ts";

/** Reads a run from a row that has all columns of the table. */
export const toRun = (row: SqlRow): Run => ({
  id: id<RunId>(row, "id"),
  jobId: id<JobId>(row, "job_id"),
  versionId: integer(row, "version"),
  status: word(row, "status", RUN_STATUSES),
  reason: wordOrNull(row, "reason", REASONS),
  error: textOrNull(row, "error"),
  trigger: word(row, "trigger", TRIGGERS),
  scheduledFor: integerOrNull(row, "scheduled_for"),
  intervalStart: integerOrNull(row, "interval_start"),
  params: json<ParamValues>(row, "params"),
  retryOf: idOrNull<RunId>(row, "retry_of"),
  parent: row.parent_run_id === null ? null : toParent(row),
  nesting: integer(row, "nesting"),
  deliveryId: textOrNull(row, "delivery_id"),
  backfillId: textOrNull(row, "backfill_id"),
  chain: integer(row, "chain"),
  outputs: json<Run["outputs"]>(row, "outputs"),
  createdAt: integer(row, "created_at"),
  startedAt: integerOrNull(row, "started_at"),
  endedAt: integerOrNull(row, "ended_at"),
  ending: wordOrNull(row, "ending", ENDING_REASONS),
  endsCleanUps: flag(row, "ends_clean_ups"),
  lost: flag(row, "lost"),
  lateAt: integerOrNull(row, "late_at"),
  warnings: integer(row, "warnings"),
  triggeredBy: textOrNull(row, "triggered_by"),
  cancelledBy: textOrNull(row, "cancelled_by"),
  commit: textOrNull(row, "commit_id"),
});

const toParent = (row: SqlRow): RunParent => ({
  runId: id<RunId>(row, "parent_run_id"),
  taskId: id<TaskId>(row, "parent_task_id"),
  item: itemOrNull(row, "parent_item"),
  attempt: integer(row, "parent_attempt"),
});

/** `item` in the rows of a task without items. */
export const NO_ITEM = -1;

/** Returns the position of the item that a row belongs to, or null. */
export const itemOrNull = (row: SqlRow, column: "item" | "parent_item"): number | null => {
  const item = integer(row, column);
  return item === NO_ITEM ? null : item;
};
