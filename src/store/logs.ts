import type { RunId, TaskId } from "../domain/ids.ts";
import type { SqlParams, SqlRow } from "../runtime/runtime.ts";
import { bytes, id, integer, word } from "./database/rows.ts";
import type { Statements } from "./database/statements.ts";
import {
  type AttemptKey,
  type NewChunk,
  type OutputChunk,
  type OutputExtent,
  type OutputMarker,
  type OutputQuery,
  STREAMS,
} from "./store.ts";

const RUN = "(SELECT seq FROM runs WHERE id = $runId)";

/** Adds chunks at the end of a run's output; answers their numbers. */
export const insertChunks = (sql: Statements, attempt: AttemptKey, chunks: readonly NewChunk[]): readonly number[] => {
  let next = nextSeq(sql, attempt.runId);
  const seqs: number[] = [];
  for (const chunk of chunks) {
    insertChunk(sql, attempt, { ...chunk, seq: next, dropped: 0 });
    seqs.push(next);
    next += chunk.lines;
  }
  return seqs;
};

const nextSeq = (sql: Statements, runId: RunId): number => {
  const row = sql.get(`SELECT seq + lines AS next FROM output WHERE run = ${RUN} ORDER BY seq DESC LIMIT 1`, { runId });
  return row === null ? 1 : integer(row, "next");
};

const insertChunk = (
  sql: Statements,
  attempt: AttemptKey,
  chunk: NewChunk & { readonly seq: number; readonly dropped: number },
): void => {
  sql.run(
    `INSERT INTO output (run, seq, lines, task_id, attempt, stream, at, bytes, dropped)
     VALUES (${RUN}, $seq, $lines, $taskId, $attempt, $stream, $at, $bytes, $dropped)`,
    {
      runId: attempt.runId,
      taskId: attempt.taskId,
      attempt: attempt.attempt,
      seq: chunk.seq,
      lines: chunk.lines,
      stream: chunk.stream,
      at: chunk.at,
      bytes: chunk.bytes,
      dropped: chunk.dropped,
    },
  );
};

export const outputExtents = (sql: Statements, attempt: AttemptKey): readonly OutputExtent[] =>
  sql
    .all(
      `SELECT seq, lines, stream, length(bytes) AS bytes, dropped FROM output
       WHERE run = ${RUN} AND task_id = $taskId AND attempt = $attempt ORDER BY seq`,
      { runId: attempt.runId, taskId: attempt.taskId, attempt: attempt.attempt },
    )
    .map((row) => ({
      seq: integer(row, "seq"),
      lines: integer(row, "lines"),
      stream: word(row, "stream", STREAMS),
      bytes: integer(row, "bytes"),
      dropped: integer(row, "dropped"),
    }));

export const dropChunks = (
  sql: Statements,
  attempt: AttemptKey,
  drop: { readonly seqs: readonly number[]; readonly marker: OutputMarker },
): void => {
  for (const seq of drop.seqs)
    sql.run(`DELETE FROM output WHERE run = ${RUN} AND seq = $seq`, { runId: attempt.runId, seq });
  const { seq, stream, at, text, dropped } = drop.marker;
  insertChunk(sql, attempt, { seq, stream, at, dropped, lines: 1, bytes: new TextEncoder().encode(text) });
};

export const readOutput = (sql: Statements, query: OutputQuery): readonly OutputChunk[] => {
  const conditions = [`run = ${RUN}`, "seq + lines > $fromSeq"];
  const params: SqlParams = { runId: query.runId, fromSeq: query.fromSeq, limit: query.limit };
  const where = (column: string, name: string, value: string | number | undefined): void => {
    if (value === undefined) return;
    conditions.push(`${column} = $${name}`);
    params[name] = value;
  };
  // The chunk that holds `fromSeq` may begin before it; this bound lets the index find it.
  conditions.push(`seq >= coalesce((SELECT max(seq) FROM output WHERE run = ${RUN} AND seq <= $fromSeq), 0)`);
  where("task_id", "taskId", query.taskId);
  where("attempt", "attempt", query.attempt);
  where("stream", "stream", query.stream);
  const order = query.reverse ? "DESC" : "ASC";
  return sql
    .all(`SELECT * FROM output WHERE ${conditions.join(" AND ")} ORDER BY seq ${order} LIMIT $limit`, params)
    .map(toChunk);
};

const toChunk = (row: SqlRow): OutputChunk => ({
  seq: integer(row, "seq"),
  lines: integer(row, "lines"),
  taskId: id<TaskId>(row, "task_id"),
  attempt: integer(row, "attempt"),
  stream: word(row, "stream", STREAMS),
  at: integer(row, "at"),
  bytes: bytes(row, "bytes"),
});
