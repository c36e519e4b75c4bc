import type { JobId, RunId } from "../../domain/ids.ts";
import { ENDING_REASONS, type ParamValues, REASONS, RUN_STATUSES, type Run, TRIGGERS } from "../../domain/run.ts";
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
  params: json<ParamValues>(row, "params"),
  retryOf: idOrNull<RunId>(row, "retry_of"),
  createdAt: integer(row, "created_at"),
  startedAt: integerOrNull(row, "started_at"),
  endedAt: integerOrNull(row, "ended_at"),
  ending: wordOrNull(row, "ending", ENDING_REASONS),
  lost: flag(row, "lost"),
  lateAt: integerOrNull(row, "late_at"),
  warnings: integer(row, "warnings"),
  triggeredBy: textOrNull(row, "triggered_by"),
  cancelledBy: textOrNull(row, "cancelled_by"),
});
