import type { Artifact } from "../domain/artifact/artifact.ts";
import type { JobId, RunId, TaskId } from "../domain/ids.ts";
import type { SqlRow } from "../runtime/runtime.ts";
import type { StoreContext } from "./context.ts";
import { id, integer, text, textOrNull } from "./database/rows.ts";
import { itemOrNull, NO_ITEM } from "./runs/row.ts";
import type { TaskNode } from "./runs/task-runs.ts";

/** The list of the files that petit keeps of runs. It is deleted with its run. */
export interface ArtifactStore {
  /** Replaces the artifacts of a task or item. Not durable: the end of the attempt, which is stored later, makes it so. */
  replace(attempt: ArtifactOwner, files: readonly StoredFile[], now: number): void;
  /** Returns the artifacts of a run by path. */
  list(runId: RunId, filter?: { readonly taskId?: TaskId }): readonly Artifact[];
  find(runId: RunId, path: string): Artifact | null;
  /** Returns the size of the artifacts of a run, except those of one task or item. */
  getSize(runId: RunId, except: TaskNode): number;
  /** Returns whether a task or item has artifacts. */
  has(runId: RunId, node: TaskNode): boolean;
  /** Returns the number and the size of all artifacts, or of those of some jobs. */
  getTotals(jobIds?: readonly JobId[] | null): { readonly count: number; readonly bytes: number };
}

/** The attempt that left artifacts. */
type ArtifactOwner = TaskNode & { readonly runId: RunId; readonly attempt: number };

export type StoredFile = Pick<Artifact, "path" | "sizeBytes" | "sha256">;

const RUN = "(SELECT seq FROM runs WHERE id = $runId)";

const SELECT = `SELECT artifacts.*, items.key AS item_key FROM artifacts LEFT JOIN items USING (run, task_id, item)
  WHERE artifacts.run = ${RUN}`;

export const createArtifactStore = ({ sql, write }: StoreContext): ArtifactStore => ({
  replace: write("relaxed", ({ runId, attempt, ...node }, files, now) => {
    const key = { runId, ...keyOf(node) };
    sql.run(`DELETE FROM artifacts WHERE run = ${RUN} AND task_id = $taskId AND item = $item`, key);
    for (const { path, sizeBytes, sha256 } of files)
      sql.run(
        `INSERT INTO artifacts (run, path, task_id, item, attempt, size_bytes, sha256, created_at)
         VALUES (${RUN}, $path, $taskId, $item, $attempt, $sizeBytes, $sha256, $now)`,
        { ...key, attempt, path, sizeBytes, sha256, now },
      );
  }),

  list: (runId, { taskId = null } = {}) =>
    sql
      .all(`${SELECT} AND ($taskId IS NULL OR artifacts.task_id = $taskId) ORDER BY path`, { runId, taskId })
      .map((row) => toArtifact(row, runId)),

  find: (runId, path) => {
    const row = sql.get(`${SELECT} AND path = $path`, { runId, path });
    return row === null ? null : toArtifact(row, runId);
  },

  getSize: (runId, except) =>
    integer(
      sql.get(
        `SELECT coalesce(sum(size_bytes), 0) AS bytes FROM artifacts
         WHERE run = ${RUN} AND NOT (task_id = $taskId AND item = $item)`,
        { runId, ...keyOf(except) },
      ) ?? {},
      "bytes",
    ),

  has: (runId, node) =>
    sql.get(`SELECT 1 AS one FROM artifacts WHERE run = ${RUN} AND task_id = $taskId AND item = $item LIMIT 1`, {
      runId,
      ...keyOf(node),
    }) !== null,

  getTotals: (jobIds = null) => {
    const totals = "SELECT count(*) AS count, coalesce(sum(size_bytes), 0) AS bytes FROM artifacts";
    const row =
      (jobIds === null
        ? sql.get(totals)
        : sql.get(
            `${totals} WHERE run IN (SELECT seq FROM runs WHERE job_id IN (SELECT value FROM json_each($jobIds)))`,
            { jobIds: JSON.stringify(jobIds) },
          )) ?? {};
    return { count: integer(row, "count"), bytes: integer(row, "bytes") };
  },
});

const keyOf = ({ taskId, item }: TaskNode) => ({ taskId, item: item ?? NO_ITEM });

const toArtifact = (row: SqlRow, runId: RunId): Artifact => ({
  runId,
  taskId: id<TaskId>(row, "task_id"),
  item: itemOrNull(row, "item"),
  itemKey: textOrNull(row, "item_key"),
  attempt: integer(row, "attempt"),
  path: text(row, "path"),
  sizeBytes: integer(row, "size_bytes"),
  sha256: text(row, "sha256"),
  createdAt: integer(row, "created_at"),
});
