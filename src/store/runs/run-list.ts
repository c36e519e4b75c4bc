import type { JobId, RunId } from "../../domain/ids.ts";
import { runNotFound } from "../../domain/refusal.ts";
import type { Run, RunStatus, Trigger } from "../../domain/run.ts";
import { assertNever } from "../../lib/never.ts";
import type { SqlParams } from "../../runtime/runtime.ts";
import { id, integer, integerOrNull } from "../database/rows.ts";
import type { Statements } from "../database/statements.ts";
import { DELETED } from "./deletion.ts";
import { toRun } from "./row.ts";

export type RunListFilter = {
  readonly jobId?: JobId;
  /** Only runs of these jobs. */
  readonly jobIds?: readonly JobId[];
  readonly status?: RunStatus;
  /** Only these runs. */
  readonly ids?: readonly RunId[];
  /** Only runs that attempts of this run started. */
  readonly parent?: RunId;
  /** Only runs that this backfill has made. */
  readonly backfillId?: string;
  /** Only runs created before this one. */
  readonly before?: RunId;
  /** The start or the end of the id, or the start of its last eight characters, in lower case. */
  readonly idPart?: string;
  /** Only runs created in `[from, to)`, in ms since the Unix epoch. */
  readonly from?: number;
  readonly to?: number;
  readonly trigger?: Trigger;
  readonly excludedJobs?: readonly string[];
  /** Part of the job id, the error, a param, or of who triggered or cancelled the run; upper and lower case are equal. */
  readonly text?: string;
  readonly param?: ParamFilter;
  readonly limit: number;
};

/** A param that a run has; with a value, the param has this value. */
type ParamFilter = { readonly name: string; readonly value: string | null };

export type RunPage = {
  /** Newest first. */
  readonly runs: readonly Run[];
  /** The `before` of the next page; null if there are no older runs. */
  readonly next: RunId | null;
};

/**
 * Numbers of runs that one call searches. No index covers the conditions of a search, and petit does nothing else while
 * SQLite reads: 20,000 neighbouring runs take about 10 ms, and 5,000 runs of one job or status, each in another page, 40 ms.
 */
const MAX_SEARCHED = { neighbouring: 20_000, scattered: 5_000 } as const;

/** Returns a page of runs. A search may end before the page is full; `next` continues it. */
export const listRuns = (sql: Pick<Statements, "get" | "all">, filter: RunListFilter): RunPage => {
  const isSearch = hasSearch(filter);
  const ofJobs = isSearch && filter.jobIds !== undefined ? runsOfJobs(sql, filter.jobIds) : null;
  const found = seqRange(sql, filter);
  // A search of the runs of some jobs begins at the newest of these, so that it finds one that can be `next`.
  const range = ofJobs === null ? found : { ...found, before: (ofJobs.newestBefore(found.before) ?? -1) + 1 };
  const index = statusIndex(filter);
  const source = index === null ? "runs" : `runs INDEXED BY ${index.name}`;
  const conditions = [...(index === null ? [] : [index.condition]), indexedConditions(filter)].join(" AND ");
  const params: SqlParams = { ...range, ...indexedParams(filter) };
  const isScattered = filter.jobId !== undefined || filter.status !== undefined;
  const maxSearched = MAX_SEARCHED[isScattered ? "scattered" : "neighbouring"];
  const last = isSearch ? readLast(sql, source, conditions, { ...params, skipped: maxSearched - 1 }) : null;
  const matching = isSearch ? `${conditions} AND ${SEARCH}` : conditions;
  const rows = sql.all(
    `SELECT * FROM ${source} WHERE ${withinJobs(matching, filter, isSearch)} ORDER BY seq DESC LIMIT $limit`,
    {
      ...params,
      ...(filter.jobIds !== undefined && { jobIds: JSON.stringify(filter.jobIds) }),
      ...(last !== null && { first: last.seq }),
      ...(isSearch && searchParams(filter)),
      limit: filter.limit,
    },
  );
  const runs = rows.map(toRun);
  if (runs.length === filter.limit) return { runs, next: runs.at(-1)?.id ?? null };
  if (last === null) return { runs, next: null };
  return { runs, next: ofJobs === null ? last.id : ofJobs.cursorAt(last.seq) };
};

/** Finds runs of some jobs by their numbers, with one index seek for each job. */
const runsOfJobs = (sql: Pick<Statements, "get">, jobIds: readonly JobId[]) => {
  const edge = (which: "max" | "min", condition: string, at: number): number | null => {
    const row = sql.get(
      `SELECT ${which}((SELECT ${which}(seq) FROM runs WHERE job_id = job.value AND ${condition})) AS seq
       FROM json_each($jobIds) AS job`,
      { jobIds: JSON.stringify(jobIds), at },
    );
    return row === null ? null : integerOrNull(row, "seq");
  };
  const newestBefore = (seq: number): number | null => edge("max", "seq < $at", seq);
  return {
    newestBefore,
    /** Returns the run after which a search goes on that has read all runs from number `seq` on; null if none is left. */
    cursorAt: (seq: number): RunId | null => {
      const oldest = newestBefore(seq) === null ? null : edge("min", "seq >= $at", seq);
      const row = oldest === null ? null : sql.get("SELECT id FROM runs WHERE seq = $oldest", { oldest });
      return row === null ? null : id<RunId>(row, "id");
    },
  };
};

/** Returns the conditions for which an index or the order of the table is enough. */
const indexedConditions = ({ jobId, status, parent, backfillId, idPart, ids }: RunListFilter): string =>
  [
    `job_id <> '${DELETED}'`,
    "seq >= $first AND seq < $before",
    ...(jobId === undefined ? [] : ["job_id = $jobId"]),
    // A literal, so that SQLite can use the partial index of the status. The statuses are a fixed set of words.
    ...(status === undefined ? [] : [`status = '${status}'`]),
    ...(parent === undefined ? [] : ["parent_run_id = $parent"]),
    ...(backfillId === undefined ? [] : ["backfill_id = $backfillId AND backfill_id IS NOT NULL"]),
    ...(idPart === undefined ? [] : [ID_PART]),
    ...(ids === undefined ? [] : ["seq IN (SELECT seq FROM runs WHERE id IN (SELECT value FROM json_each($ids)))"]),
  ].join(" AND ");

/** A partial index, and its condition, which a query must repeat so that SQLite can use it. */
type StatusIndex = { readonly name: string; readonly condition: string };

const UNFINISHED = "status IN ('pending', 'running')";
const UNSUCCESSFUL = "status IN ('failed', 'cancelled', 'interrupted')";

/** Returns the index for the runs of a status, of all jobs or of one. Without it, SQLite reads all runs to find the few that are running. */
const statusIndex = ({ status, jobId, jobIds, parent, backfillId, idPart, ids }: RunListFilter): StatusIndex | null => {
  const isOnlyOfStatus = [jobIds, parent, backfillId, idPart, ids].every((each) => each === undefined);
  if (status === undefined || !isOnlyOfStatus) return null;
  switch (status) {
    case "pending":
    case "running":
      return { name: "runs_unfinished", condition: UNFINISHED };
    case "failed":
    case "cancelled":
    case "interrupted":
      return { name: jobId === undefined ? "runs_unsuccessful" : "runs_job_unsuccessful", condition: UNSUCCESSFUL };
    // Most runs complete, so the first runs that SQLite reads have this status.
    case "completed":
      return null;
    default:
      return assertNever(status);
  }
};

/**
 * Adds the condition that the run is of one of some jobs. Without a search, the index finds enough runs of each of them, so
 * that jobs with few runs need no scan of all runs.
 */
const withinJobs = (conditions: string, { jobIds, idPart }: RunListFilter, isSearch: boolean): string => {
  if (jobIds === undefined) return conditions;
  if (isSearch || idPart !== undefined) return `${conditions} AND job_id IN (SELECT value FROM json_each($jobIds))`;
  return `seq IN (SELECT picked.seq FROM json_each($jobIds) AS job CROSS JOIN runs AS picked ON picked.seq IN
    (SELECT seq FROM runs WHERE job_id = job.value AND ${conditions} ORDER BY seq DESC LIMIT $limit))`;
};

const indexedParams = ({ jobId, parent, backfillId, idPart, ids }: RunListFilter): SqlParams => ({
  ...(parent !== undefined && { parent }),
  ...(backfillId !== undefined && { backfillId }),
  ...(jobId !== undefined && { jobId }),
  ...(idPart !== undefined && { idPart }),
  ...(ids !== undefined && { ids: JSON.stringify(ids) }),
});

/** The start is a range of the index of ids. For the rest, SQLite reads that index alone: about 10 ms for 100,000 runs. */
const ID_PART = `seq IN (SELECT seq FROM runs WHERE id >= $idPart AND id < $idPart || 'g' UNION ALL
  SELECT seq FROM runs WHERE substr(id, -length($idPart)) = $idPart OR substr(id, -8, length($idPart)) = $idPart)`;

const hasSearch = ({ from, to, trigger, excludedJobs, text, param }: RunListFilter): boolean =>
  [from, to, trigger, excludedJobs, text, param].some((each) => each !== undefined);

/** One statement for all searches: a condition that is null does not apply. */
const SEARCH = `created_at >= $from AND created_at < $to
  AND ($trigger IS NULL OR "trigger" = $trigger)
  AND ($excluded IS NULL OR job_id NOT IN (SELECT value FROM json_each($excluded)))
  AND ($text IS NULL OR instr(lower(job_id || char(10) || coalesce(error, '') || char(10) || coalesce(triggered_by, '')
    || char(10) || coalesce(cancelled_by, '')), $text) > 0 OR instr(lower(params), $jsonText) > 0)
  AND ($param IS NULL OR EXISTS (SELECT 1 FROM json_each(params) WHERE key = $param AND ($value IS NULL OR value = $value)))`;

const searchParams = ({ from, to, trigger, excludedJobs, text, param }: RunListFilter): SqlParams => {
  const lower = text === undefined ? null : lowerAscii(text);
  return {
    from: from ?? 0,
    to: to ?? Number.MAX_SAFE_INTEGER,
    trigger: trigger ?? null,
    excluded: excludedJobs === undefined ? null : JSON.stringify(excludedJobs),
    text: lower,
    jsonText: lower === null ? null : JSON.stringify(lower).slice(1, -1),
    param: param?.name ?? null,
    value: param?.value ?? null,
  };
};

/** Does what `lower()` of SQLite does. */
const lowerAscii = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

/** Returns the run after `skipped` newer ones, or null if there are fewer. */
const readLast = (
  sql: Pick<Statements, "get">,
  source: string,
  conditions: string,
  params: SqlParams,
): { readonly seq: number; readonly id: RunId } | null => {
  const row = sql.get(
    `SELECT seq, id FROM ${source} WHERE ${conditions} ORDER BY seq DESC LIMIT 1 OFFSET $skipped`,
    params,
  );
  return row === null ? null : { seq: integer(row, "seq"), id: id<RunId>(row, "id") };
};

/** By how much the clock of the machine may have been set back and the range of a period still have all of its runs. */
const CLOCK_TOLERANCE_MS = 3 * 3_600_000;

/**
 * Returns the numbers of the runs of a period and before `before`. Ids begin with the time, so their index finds the first
 * and the last run of a period.
 */
const seqRange = (sql: Pick<Statements, "get">, { from, to, before }: RunListFilter) => {
  const first = from === undefined ? null : seqOf(sql, FIRST_SINCE, from - CLOCK_TOLERANCE_MS);
  const last = to === undefined ? null : seqOf(sql, LAST_BEFORE, to + CLOCK_TOLERANCE_MS);
  const end = before === undefined ? Number.MAX_SAFE_INTEGER : readSeq(sql, before);
  return {
    first: from === undefined ? 0 : (first ?? Number.MAX_SAFE_INTEGER),
    before: Math.min(end, to === undefined ? end : (last ?? -1) + 1),
  };
};

const FIRST_SINCE = "SELECT seq FROM runs WHERE id >= $time ORDER BY id LIMIT 1";
const LAST_BEFORE = "SELECT seq FROM runs WHERE id < $time ORDER BY id DESC LIMIT 1";

const seqOf = (sql: Pick<Statements, "get">, query: string, at: number): number | null => {
  const time = Math.max(0, at).toString(16).padStart(12, "0");
  const row = sql.get(query, { time: `${time.slice(0, 8)}-${time.slice(8)}` });
  return row === null ? null : integer(row, "seq");
};

const readSeq = (sql: Pick<Statements, "get">, runId: RunId): number => {
  const row = sql.get("SELECT seq FROM runs WHERE id = $runId", { runId });
  if (row === null) throw runNotFound(runId);
  return integer(row, "seq");
};
