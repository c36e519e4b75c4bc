import type { RunId, TaskId } from "../../domain/ids.ts";
import type { Item } from "../../domain/item.ts";
import type { ItemFailure } from "../../domain/output/failure-groups.ts";
import { REASONS } from "../../domain/run.ts";
import {
  type FailureCause,
  type ItemCounts,
  type ItemRun,
  type Outputs,
  TASK_STATUSES,
  type TaskStatus,
} from "../../domain/task-run.ts";
import type { SqlRow } from "../../runtime/runtime.ts";
import type { StoreContext } from "../context.ts";
import {
  exactJson,
  flag,
  id,
  idOrNull,
  integer,
  integerOrNull,
  json,
  text,
  textOrNull,
  word,
  wordOrNull,
} from "../database/rows.ts";
import type { Statements } from "../database/statements.ts";
import type { RunKey } from "./task-runs.ts";

export interface ItemStore {
  /** Stores the items of a pending task, which becomes `running`. An item with `outputs` is completed: a retry reuses it. */
  startItems(run: RunKey, taskId: TaskId, items: readonly NewItem[], now: number): void;
  /** Returns items of a task in their order. */
  listItems(query: ItemQuery): readonly ItemRun[];
  /** Returns the failed items of a task in their order, with what explains the failure of their last attempts. */
  listFailedItems(runId: RunId, taskId: TaskId): readonly ItemFailure[];
  /** Returns the counts of each task of a run that was expanded into at least one item. */
  countItems(runId: RunId): ReadonlyMap<TaskId, ItemCounts>;
}

export type NewItem = Item & {
  readonly outputs: Outputs | null;
  /** That of a completed item; null if it has none. */
  readonly exitCode: number | null;
  /** The run that a completed item started; null if it started none. */
  readonly childRunId: RunId | null;
};

type ItemQuery = {
  readonly runId: RunId;
  readonly taskId: TaskId;
  readonly status?: TaskStatus;
  /** Exclusive lower bound of the position. */
  readonly after?: number;
  readonly limit?: number;
};

const RUN = "(SELECT seq FROM runs WHERE id = $runId)";

export const createItemStore = ({ sql, write, recordEvent }: StoreContext): ItemStore => ({
  startItems: write("durable", (run, taskId, items, now) => {
    sql.updateOne(
      `UPDATE task_runs SET status = 'running', started_at = $now, items = $items
       WHERE run = ${RUN} AND task_id = $taskId AND status = 'pending'`,
      { runId: run.id, taskId, now, items: items.length },
      "expand a task",
    );
    for (const { index, key, value, outputs, exitCode, childRunId } of items) {
      sql.run(
        `INSERT INTO items (run, task_id, item, key, value, status, exit_code, outputs, child_run_id, reused, started_at, ended_at)
         VALUES (${RUN}, $taskId, $index, $key, $value, $status, $exitCode, $outputs, $childRunId, $reused, $at, $at)`,
        {
          runId: run.id,
          taskId,
          index,
          key,
          value: JSON.stringify(value),
          status: outputs === null ? "pending" : "completed",
          exitCode,
          outputs: JSON.stringify(outputs ?? {}),
          childRunId,
          reused: outputs === null ? 0 : 1,
          at: outputs === null ? null : now,
        },
      );
    }
    recordEvent({ type: "task.started", now, jobId: run.jobId, runId: run.id, taskId, status: "running" });
  }),

  listItems: ({ runId, taskId, status, after = -1, limit = -1 }) =>
    sql
      .all(
        `SELECT * FROM items WHERE run = ${RUN} AND task_id = $taskId AND item > $after
           AND ($status IS NULL OR status = $status) ORDER BY item LIMIT $limit`,
        { runId, taskId, after, status: status ?? null, limit },
      )
      .map(toItemRun),

  listFailedItems: (runId, taskId) => listFailedItems(sql, runId, taskId),

  countItems: (runId) => {
    const counts = new Map<TaskId, Record<TaskStatus | "total", number>>();
    const rows = sql.all(
      `SELECT task_id, status, count(*) AS count FROM items WHERE run = ${RUN} GROUP BY task_id, status`,
      { runId },
    );
    for (const row of rows) {
      const taskId = id<TaskId>(row, "task_id");
      const ofTask = counts.get(taskId) ?? { total: 0, pending: 0, running: 0, completed: 0, failed: 0, skipped: 0 };
      ofTask[word(row, "status", TASK_STATUSES)] = integer(row, "count");
      ofTask.total += integer(row, "count");
      counts.set(taskId, ofTask);
    }
    return counts;
  },
});

/** Returns the failed items of a task in their order, with what explains the failure of their last attempts. */
export const listFailedItems = (sql: Statements, runId: RunId, taskId: TaskId): readonly ItemFailure[] =>
  sql
    .all(
      `SELECT items.item, items.key, items.value, items.reason, items.error, attempts.cause
       FROM items LEFT JOIN attempts ON attempts.run = items.run AND attempts.task_id = items.task_id
         AND attempts.item = items.item AND attempts.attempt = items.attempts
       WHERE items.run = ${RUN} AND items.task_id = $taskId AND items.status = 'failed' ORDER BY items.item`,
      { runId, taskId },
    )
    .map((row) => ({
      index: integer(row, "item"),
      key: text(row, "key"),
      value: exactJson(row, "value"),
      reason: wordOrNull(row, "reason", REASONS),
      error: textOrNull(row, "error"),
      cause: row.cause === null ? null : json<FailureCause>(row, "cause"),
    }));

const toItemRun = (row: SqlRow): ItemRun => ({
  index: integer(row, "item"),
  key: text(row, "key"),
  value: exactJson(row, "value"),
  status: word(row, "status", TASK_STATUSES),
  reason: wordOrNull(row, "reason", REASONS),
  error: textOrNull(row, "error"),
  attempts: integer(row, "attempts"),
  startedAt: integerOrNull(row, "started_at"),
  endedAt: integerOrNull(row, "ended_at"),
  exitCode: integerOrNull(row, "exit_code"),
  outputs: json<Outputs>(row, "outputs"),
  retryAt: integerOrNull(row, "retry_at"),
  reused: flag(row, "reused"),
  childRunId: idOrNull<RunId>(row, "child_run_id"),
});
