import type { RunId, TaskId } from "../domain/ids.ts";
import { type Attempt, type OutputStream, STREAMS } from "../domain/task-run.ts";
import type { SqlParams, SqlRow } from "../runtime/runtime.ts";
import type { StoreContext } from "./context.ts";
import { bytes, id, integer, textOrNull, word } from "./database/rows.ts";
import type { Statements } from "./database/statements.ts";
import { itemOrNull, NO_ITEM } from "./runs/row.ts";

/**
 * The output of runs, in chunks of whole lines. The lines of a run are numbered from 1 over all of its attempts; the `seq`
 * of a chunk is the number of its first line.
 */
export interface OutputStore {
  /**
   * Runs `work`, which stores output, in one transaction. Not durable: a power failure ends the task too, and may take its last
   * output. The end of an attempt, which is durable, makes all of its output durable.
   */
  atomically(work: () => void): void;
  /** Adds chunks of an attempt, and sets how far its spool files are stored. Returns the `seq` of each chunk. Not durable. */
  append(attempt: AttemptKey, chunks: readonly NewChunk[], offsets: SpoolOffsets): readonly number[];
  /** Returns how far the spool files of an attempt are stored. */
  getSpoolOffsets(attemptId: number): SpoolOffsets;
  /** Returns the chunks of an attempt in order, without their bytes. */
  listExtents(attempt: AttemptKey): readonly OutputExtent[];
  /**
   * Deletes the chunks of an attempt that begin at `seqs`, an earlier marker included, and stores `marker`. The `seq` of the
   * marker must be free after that, and not below the newest deleted line: line numbers are never used again. Not durable.
   */
  drop(attempt: AttemptKey, seqs: readonly number[], marker: OutputMarker): void;
  /** Returns chunks in the order in which they were written, from the one that contains line `fromSeq`. */
  read(query: OutputQuery): readonly OutputChunk[];
  /**
   * Returns the first and the newest 1,000 chunks of an attempt in order, without their bytes and without markers. None for an attempt that
   * an older petit has stored.
   */
  listEnds(attemptId: number): readonly OutputExtent[];
  /** Returns the bytes of the chunk of a run that begins at line `seq`; null if it was deleted. */
  readBytes(runId: RunId, seq: number): Uint8Array | null;
  /** Returns the number of the newest line of a run, or 0 if there is none. Reads no bytes of output, as the next two. */
  getNewestSeq(runId: RunId): number;
  /** Counts the lines from `fromSeq` up to before `untilSeq`, in at most `limit` chunks. */
  countLines(query: LineQuery & { readonly untilSeq: number }): LineCount;
  /** Returns the number of the line that comes `skip` lines after the first one from `fromSeq`, or null if there are fewer. */
  findLineSeq(query: LineQuery & { readonly skip: number }): number | null;
}

export type AttemptKey = Pick<Attempt, "id" | "runId" | "taskId" | "item" | "attempt">;

/** Bytes from the start of each spool file of an attempt. */
export type SpoolOffsets = { readonly stdout: number; readonly stderr: number };

/**
 * Lines that were read at the same time. Each ends in `\n`, except for the last line of an attempt's stream and for the
 * parts of a line that is longer than a chunk may be. The bytes are exact.
 */
export type NewChunk = {
  readonly stream: OutputStream;
  /** When the lines were read, in ms since the epoch. */
  readonly at: number;
  readonly bytes: Uint8Array;
  /** Number of lines, at least 1. */
  readonly lines: number;
};

export type OutputChunk = NewChunk & {
  /** Number of the first line. Numbers have no gaps, except where output was dropped. */
  readonly seq: number;
  readonly taskId: TaskId;
  /** Position of the item that wrote it; null in a task without items. */
  readonly item: number | null;
  /** Key of the item. */
  readonly itemKey: string | null;
  readonly attempt: number;
};

/** A stored chunk without its bytes. */
export type OutputExtent = {
  readonly seq: number;
  readonly lines: number;
  readonly stream: OutputStream;
  readonly bytes: number;
  /** Number of bytes that this marker replaces; 0 if the chunk is not a marker. */
  readonly dropped: number;
};

/** A line that replaces dropped output. `dropped` is the number of bytes. */
type OutputMarker = {
  readonly seq: number;
  readonly stream: OutputStream;
  readonly at: number;
  readonly text: string;
  readonly dropped: number;
};

/** Selects lines of the output of a run. */
export type LineFilter = {
  readonly runId: RunId;
  readonly taskId?: TaskId;
  readonly item?: number;
  readonly attempt?: number;
  readonly stream?: OutputStream;
  /** Only lines that were read at this time or later, in ms since the Unix epoch. */
  readonly since?: number;
};

type LineQuery = LineFilter & {
  readonly fromSeq: number;
  /** Maximum number of chunks: `countLines` counts all chunks of the run, the other methods only those of the filter. */
  readonly limit: number;
};

export type OutputQuery = LineQuery & {
  /** Reads from the end, newest chunk first. */
  readonly reverse?: boolean;
};

/** `nextSeq` is the line to continue from, or null if all chunks were counted. */
export type LineCount = { readonly lines: number; readonly nextSeq: number | null };

/** Number of chunks that `listEnds` returns of each end of an attempt. */
const ENDS = 1_000;

const RUN = "(SELECT seq FROM runs WHERE id = $runId)";

/** The chunk that contains `fromSeq` may begin before it. The second bound lets SQLite find that chunk in the index. */
const FROM = `run = ${RUN} AND seq + lines > $fromSeq
  AND seq >= coalesce((SELECT max(seq) FROM output WHERE run = ${RUN} AND seq <= $fromSeq), 0)`;

export const createOutputStore = ({ sql, write }: StoreContext): OutputStore => {
  const getNewestSeq = (runId: RunId): number => {
    const row = sql.get(`SELECT seq + lines - 1 AS newest FROM output WHERE run = ${RUN} ORDER BY seq DESC LIMIT 1`, {
      runId,
    });
    return row === null ? 0 : integer(row, "newest");
  };

  return {
    atomically: write("relaxed", (work) => work()),

    append: write("relaxed", (attempt, chunks, offsets) => {
      setSpoolOffsets(sql, attempt.id, offsets);
      let next = getNewestSeq(attempt.runId) + 1;
      const seqs: number[] = [];
      for (const chunk of chunks) {
        insertChunk(sql, attempt, { ...chunk, seq: next, dropped: 0 });
        seqs.push(next);
        next += chunk.lines;
      }
      return seqs;
    }),

    getSpoolOffsets: (attemptId) => {
      const row = sql.get("SELECT stdout_offset, stderr_offset FROM attempts WHERE id = $attemptId", { attemptId });
      if (row === null) throw new Error(`there is no attempt ${attemptId}`);
      return { stdout: integer(row, "stdout_offset"), stderr: integer(row, "stderr_offset") };
    },

    listExtents: ({ id: attemptId }) =>
      sql
        .all(`SELECT ${EXTENT} FROM output_extents WHERE attempt_id = $attemptId ORDER BY seq`, { attemptId })
        .map(toExtent),

    listEnds: (attemptId) =>
      sql
        .all(
          `SELECT * FROM (SELECT ${EXTENT} FROM output_extents WHERE attempt_id = $attemptId ORDER BY seq LIMIT ${ENDS})
           UNION SELECT * FROM (SELECT ${EXTENT} FROM output_extents WHERE attempt_id = $attemptId ORDER BY seq DESC LIMIT ${ENDS})
           ORDER BY seq`,
          { attemptId },
        )
        .map(toExtent)
        .filter(({ dropped }) => dropped === 0),

    readBytes: (runId, seq) => {
      const row = sql.get(`SELECT bytes FROM output WHERE run = ${RUN} AND seq = $seq`, { runId, seq });
      return row === null ? null : bytes(row, "bytes");
    },

    drop: write("relaxed", (attempt, seqs, { seq, stream, at, text, dropped }) => {
      for (const deleted of seqs) {
        sql.run(`DELETE FROM output WHERE run = ${RUN} AND seq = $seq`, { runId: attempt.runId, seq: deleted });
        sql.run("DELETE FROM output_extents WHERE attempt_id = $id AND seq = $seq", { id: attempt.id, seq: deleted });
      }
      insertChunk(sql, attempt, { seq, stream, at, dropped, lines: 1, bytes: new TextEncoder().encode(text) });
    }),

    read: (query) => {
      const { condition, params } = filterOf(query);
      const order = query.reverse ? "DESC" : "ASC";
      return sql
        .all(
          `SELECT *, (SELECT key FROM items WHERE items.run = output.run AND items.task_id = output.task_id AND items.item = output.item) AS item_key
           FROM output WHERE ${FROM} AND ${condition} ORDER BY seq ${order} LIMIT $limit`,
          params,
        )
        .map(toOutputChunk);
    },

    getNewestSeq,

    countLines: (query) => {
      const { condition, params } = filterOf(query);
      const row = sql.get(
        `SELECT count(*) AS chunks, max(seq + lines) AS next,
           coalesce(sum(min(seq + lines, $untilSeq) - max(seq, $fromSeq)) FILTER (WHERE ${condition}), 0) AS lines
         FROM (SELECT * FROM output WHERE ${FROM} AND seq < $untilSeq ORDER BY seq LIMIT $limit)`,
        { ...params, untilSeq: query.untilSeq },
      );
      if (row === null) throw new Error("a count has no row");
      return {
        lines: integer(row, "lines"),
        nextSeq: integer(row, "chunks") < query.limit ? null : integer(row, "next"),
      };
    },

    findLineSeq: (query) => {
      const { condition, params } = filterOf(query);
      const row = sql.get(
        `SELECT last_seq - (upto - $skip) + 1 AS seq FROM (
           SELECT seq + lines - 1 AS last_seq, sum(seq + lines - max(seq, $fromSeq)) OVER (ORDER BY seq) AS upto
           FROM (SELECT seq, lines FROM output WHERE ${FROM} AND ${condition} ORDER BY seq LIMIT $limit))
         WHERE upto > $skip ORDER BY upto LIMIT 1`,
        { ...params, skip: query.skip },
      );
      return row === null ? null : integer(row, "seq");
    },
  };
};

const EXTENT = "seq, lines, stream, bytes, dropped";

const toExtent = (row: SqlRow): OutputExtent => ({
  seq: integer(row, "seq"),
  lines: integer(row, "lines"),
  stream: word(row, "stream", STREAMS),
  bytes: integer(row, "bytes"),
  dropped: integer(row, "dropped"),
});

const setSpoolOffsets = (sql: Statements, attemptId: number, offsets: SpoolOffsets): void =>
  sql.updateOne(
    "UPDATE attempts SET stdout_offset = $stdout, stderr_offset = $stderr WHERE id = $attemptId",
    { attemptId, stdout: offsets.stdout, stderr: offsets.stderr },
    "record how far an attempt's output is stored",
  );

const insertChunk = (
  sql: Statements,
  attempt: AttemptKey,
  chunk: NewChunk & { readonly seq: number; readonly dropped: number },
): void => {
  sql.run(
    `INSERT INTO output (run, seq, lines, task_id, item, attempt, stream, at, bytes, dropped)
     VALUES (${RUN}, $seq, $lines, $taskId, $item, $attempt, $stream, $at, $bytes, $dropped)`,
    {
      runId: attempt.runId,
      taskId: attempt.taskId,
      item: attempt.item ?? NO_ITEM,
      attempt: attempt.attempt,
      seq: chunk.seq,
      lines: chunk.lines,
      stream: chunk.stream,
      at: chunk.at,
      bytes: chunk.bytes,
      dropped: chunk.dropped,
    },
  );
  sql.run(
    `INSERT INTO output_extents (attempt_id, seq, lines, stream, bytes, dropped)
     VALUES ($id, $seq, $lines, $stream, $bytes, $dropped)`,
    {
      id: attempt.id,
      seq: chunk.seq,
      lines: chunk.lines,
      stream: chunk.stream,
      bytes: chunk.bytes.length,
      dropped: chunk.dropped,
    },
  );
};

const filterOf = ({ runId, fromSeq, limit, taskId, item, attempt, stream, since }: LineQuery) => {
  const conditions = ["true"];
  const params: SqlParams = { runId, fromSeq, limit };
  const given = {
    task_id: ["taskId", taskId],
    item: ["item", item],
    attempt: ["attempt", attempt],
    stream: ["stream", stream],
  } as const;
  for (const [column, [name, value]] of Object.entries(given)) {
    if (value === undefined) continue;
    conditions.push(`${column} = $${name}`);
    params[name] = value;
  }
  if (since !== undefined) {
    conditions.push("at >= $since");
    params.since = since;
  }
  return { condition: conditions.join(" AND "), params };
};

/** Reads a row of the table of output. */
export const toOutputChunk = (row: SqlRow): OutputChunk => ({
  seq: integer(row, "seq"),
  lines: integer(row, "lines"),
  taskId: id<TaskId>(row, "task_id"),
  item: itemOrNull(row, "item"),
  itemKey: textOrNull(row, "item_key"),
  attempt: integer(row, "attempt"),
  stream: word(row, "stream", STREAMS),
  at: integer(row, "at"),
  bytes: bytes(row, "bytes"),
});
