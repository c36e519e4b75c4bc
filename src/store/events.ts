import { EVENT_TYPES, type Event, type EventType } from "../domain/event.ts";
import type { JobId, RunId, TaskId } from "../domain/ids.ts";
import type { SqlRow } from "../runtime/runtime.ts";
import { idOrNull, integer, textOrNull, word } from "./database/rows.ts";
import type { Statements } from "./database/statements.ts";

export type NewEvent = {
  readonly type: EventType;
  readonly now: number;
  readonly jobId?: JobId;
  readonly runId?: RunId;
  readonly taskId?: TaskId;
  readonly status?: string | null;
  readonly reason?: string | null;
  readonly times?: number;
};

export const insertEvent = (sql: Statements, event: NewEvent): Event => {
  const { now: at, type, jobId = null, runId = null, taskId = null, status = null, reason = null } = event;
  const row = sql.get(
    `INSERT INTO events (at, type, job_id, run_id, task_id, status, reason)
     VALUES ($at, $type, $jobId, $runId, $taskId, $status, $reason) RETURNING seq`,
    { at, type, jobId, runId, taskId, status, reason },
  );
  if (row === null) throw new Error("an event was not stored");
  const times = event.times === undefined || event.times === 1 ? {} : { times: event.times };
  return { seq: integer(row, "seq"), at, type, jobId, runId, taskId, status, reason, ...times };
};

export const eventsAfter = (sql: Statements, seq: number, limit: number): readonly Event[] =>
  sql.all("SELECT * FROM events WHERE seq > $seq ORDER BY seq LIMIT $limit", { seq, limit }).map(toEvent);

export const newestEventSeq = (sql: Statements): number => {
  const row = sql.get("SELECT coalesce(max(seq), 0) AS seq FROM events");
  return row === null ? 0 : integer(row, "seq");
};

const toEvent = (row: SqlRow): Event => ({
  seq: integer(row, "seq"),
  at: integer(row, "at"),
  type: word(row, "type", EVENT_TYPES),
  jobId: idOrNull<JobId>(row, "job_id"),
  runId: idOrNull<RunId>(row, "run_id"),
  taskId: idOrNull<TaskId>(row, "task_id"),
  status: textOrNull(row, "status"),
  reason: textOrNull(row, "reason"),
});
