import type { RunId, TaskId } from "../domain/ids.ts";
import type { SqlParams, SqlRow } from "../runtime/runtime.ts";
import { integer } from "./database/rows.ts";
import type { Statements } from "./database/statements.ts";
import type { Stream } from "./store.ts";

/** Where the lines of a run's output are: reads that look at no byte of it. */
export interface LineReads {
  /** Number of the newest line of a run; 0 where there is none. */
  newestLine(runId: RunId): number;
  /** How many lines there are from `fromSeq` up to before `untilSeq`, looking at so many chunks, at most. */
  countLines(query: LineQuery & { readonly untilSeq: number }): LineCount;
  /** Number of the line that `skip` others come before, from `fromSeq` on; null where there are no more of them. */
  lineAt(query: LineQuery & { readonly skip: number }): number | null;
}

/** Which lines of a run's output. */
export type LineFilter = {
  readonly runId: RunId;
  readonly taskId?: TaskId;
  readonly attempt?: number;
  readonly stream?: Stream;
};

export type LineQuery = LineFilter & {
  readonly fromSeq: number;
  /** Chunks, at most: of all writers by `countLines`, of the filter's by `lineAt`. */
  readonly limit: number;
};

/** `nextSeq`: where to go on; null where all chunks were looked at. */
export type LineCount = { readonly lines: number; readonly nextSeq: number | null };

const RUN = "(SELECT seq FROM runs WHERE id = $runId)";

/** The chunk that holds `fromSeq` may begin before it; the second bound lets the index find it. */
const FROM = `run = ${RUN} AND seq + lines > $fromSeq
  AND seq >= coalesce((SELECT max(seq) FROM output WHERE run = ${RUN} AND seq <= $fromSeq), 0)`;

export const newestLine = (sql: Statements, runId: RunId): number => {
  const row = sql.get(`SELECT seq + lines - 1 AS newest FROM output WHERE run = ${RUN} ORDER BY seq DESC LIMIT 1`, {
    runId,
  });
  return row === null ? 0 : integer(row, "newest");
};

export const countLines = (sql: Statements, query: LineQuery & { readonly untilSeq: number }): LineCount => {
  const { condition, params } = filterOf(query);
  const row = sql.get(
    `SELECT count(*) AS chunks, max(seq + lines) AS next,
       coalesce(sum(min(seq + lines, $untilSeq) - max(seq, $fromSeq)) FILTER (WHERE ${condition}), 0) AS lines
     FROM (SELECT * FROM output WHERE ${FROM} AND seq < $untilSeq ORDER BY seq LIMIT $limit)`,
    { ...params, untilSeq: query.untilSeq },
  );
  if (row === null) throw new Error("a count has no row");
  return { lines: integer(row, "lines"), nextSeq: integer(row, "chunks") < query.limit ? null : integer(row, "next") };
};

export const lineAt = (sql: Statements, query: LineQuery & { readonly skip: number }): number | null => {
  const { condition, params } = filterOf(query);
  const row: SqlRow | null = sql.get(
    `SELECT last_seq - (upto - $skip) + 1 AS seq FROM (
       SELECT seq + lines - 1 AS last_seq, sum(seq + lines - max(seq, $fromSeq)) OVER (ORDER BY seq) AS upto
       FROM (SELECT seq, lines FROM output WHERE ${FROM} AND ${condition} ORDER BY seq LIMIT $limit))
     WHERE upto > $skip ORDER BY upto LIMIT 1`,
    { ...params, skip: query.skip },
  );
  return row === null ? null : integer(row, "seq");
};

const filterOf = ({ runId, fromSeq, limit, taskId, attempt, stream }: LineQuery) => {
  const conditions = ["true"];
  const params: SqlParams = { runId, fromSeq, limit };
  const given = { task_id: ["taskId", taskId], attempt: ["attempt", attempt], stream: ["stream", stream] } as const;
  for (const [column, [name, value]] of Object.entries(given)) {
    if (value === undefined) continue;
    conditions.push(`${column} = $${name}`);
    params[name] = value;
  }
  return { condition: conditions.join(" AND "), params };
};
