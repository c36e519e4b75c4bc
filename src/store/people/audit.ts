import {
  AUDIT_ACTIONS,
  AUDIT_WAYS,
  type AuditAction,
  type AuditFacts,
  type AuditRow,
} from "../../domain/people/audit.ts";
import { ROLES } from "../../domain/people/role.ts";
import type { SqlRow } from "../../runtime/runtime.ts";
import type { StoreContext } from "../context.ts";
import { flag, integer, json, textOrNull, word, wordOrNull } from "../database/rows.ts";
import type { Statements } from "../database/statements.ts";
import { type AuditEntry, currentAction } from "./audit-scope.ts";

/** Who did what. Rows are only added, and deleted when they are old. */
export interface AuditStore {
  /** Stores what was done by no request, or with others. Within the scope of an action, the row is another one than that of the action. */
  add(facts: AuditFacts, now: number): void;
  /** Stores that requests were denied. Not durable. */
  addDenied(facts: AuditFacts, denied: { readonly now: number; readonly count: number }): void;
  /** Stores the action in whose scope this is called, unless it is stored. Without this, the outermost transaction does. */
  storeAction(): void;
  /**
   * Returns rows that match, newest first. It reads at most `scan` rows; `next` continues before the last one that was read, and is null
   * after the oldest.
   */
  list(filter: AuditFilter, page: AuditPage): { readonly rows: readonly AuditRow[]; readonly next: number | null };
  /** Returns up to `limit` rows with larger ids than this, oldest first, also those of other processes. */
  listAfter(id: number, limit: number): readonly AuditRow[];
  /** Returns the largest id, or 0. */
  newestId(): number;
  /** Deletes up to `limit` of the rows from before a time. Returns how many. Not durable. */
  deleteBefore(at: number, limit: number): number;
  /** Calls `listener` with the rows of each transaction, in order, after its commit. Returns a function that unsubscribes. */
  subscribe(listener: AuditListener): () => void;
}

type AuditListener = (rows: readonly AuditRow[]) => void;

/** Which rows are wanted; null for any. */
export type AuditFilter = {
  readonly who: string | null;
  /** The names of actions. */
  readonly actions: readonly AuditAction[] | null;
  readonly target: string | null;
  readonly jobId: string | null;
  readonly runId: string | null;
  readonly allowed: boolean | null;
  /** In ms since the Unix epoch, the first inclusive, the second exclusive. */
  readonly since: number | null;
  readonly until: number | null;
};

type AuditPage = {
  readonly limit: number;
  /** Only rows older than the one with this id; null for all. */
  readonly before: number | null;
  readonly scan: number;
};

/** Rows of the open transaction, and the listeners that receive them after its commit. */
export interface PendingAudit {
  add(facts: AuditFacts, how: { readonly now: number; readonly allowed: boolean; readonly count: number }): void;
  storeAction(): void;
  subscribe(listener: AuditListener): () => void;
  /** Calls the listeners with the stored rows. */
  emit(): void;
  /** The transaction was rolled back: its actions are not stored. */
  clear(): void;
  /** Returns a function that does the same for what is stored after this call. */
  mark(): () => void;
}

export const createPendingAudit = (sql: Statements): PendingAudit => {
  const listeners = new Set<AuditListener>();
  let queue: { readonly row: AuditRow; readonly entry: AuditEntry | null }[] = [];
  const undo = (count: number): void => {
    for (const { entry } of queue.splice(count)) entry?.undone();
  };
  return {
    add: (facts, how) => {
      queue.push({ row: insert(sql, facts, how), entry: null });
    },
    storeAction: () => {
      const entry = currentAction();
      if (entry === null || !entry.isOpen) return;
      queue.push({ row: insert(sql, entry.facts, { now: entry.now, allowed: true, count: 1 }), entry });
      entry.stored();
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    emit: () => {
      if (queue.length === 0) return;
      const rows = queue.map(({ row }) => row);
      queue = [];
      for (const listener of [...listeners]) listener(rows);
    },
    clear: () => undo(0),
    mark: () => {
      const { length } = queue;
      return () => undo(length);
    },
  };
};

export const createAuditStore = (
  { sql, write }: Pick<StoreContext, "sql" | "write">,
  pending: PendingAudit,
): AuditStore => ({
  add: write("durable", (facts, now) => pending.add(facts, { now, allowed: true, count: 1 })),

  addDenied: write("relaxed", (facts, { now, count }) => pending.add(facts, { now, allowed: false, count })),

  storeAction: pending.storeAction,

  list: (filter, { limit, before, scan }) => {
    // A cursor above the newest id would begin with steps that find nothing.
    const to = Math.min(before ?? Number.MAX_SAFE_INTEGER, newestId(sql) + 1);
    const from = Math.max(1, to - scan);
    const { who, actions, target, jobId, runId, allowed, since, until } = filter;
    const found = sql.all(
      `SELECT * FROM audit WHERE id >= $from AND id < $to
         AND ($who IS NULL OR who = $who)
         AND ($actions IS NULL OR action IN (SELECT value FROM json_each($actions)))
         AND ($target IS NULL OR target = $target)
         AND ($jobId IS NULL OR job_id = $jobId)
         AND ($runId IS NULL OR run_id = $runId OR target = $runId)
         AND ($allowed IS NULL OR allowed = $allowed)
         AND ($since IS NULL OR at >= $since)
         AND ($until IS NULL OR at < $until)
       ORDER BY id DESC LIMIT $limit`,
      {
        from,
        to,
        who,
        actions: actions === null ? null : JSON.stringify(actions),
        target,
        jobId,
        runId,
        allowed: allowed === null ? null : Number(allowed),
        since,
        until,
        limit,
      },
    );
    const rows = found.map(toRow);
    const last = rows.length === limit ? (rows.at(-1)?.id ?? from) : from;
    return { rows, next: hasOlder(sql, last) ? last : null };
  },

  listAfter: (id, limit) =>
    sql.all("SELECT * FROM audit WHERE id > $id ORDER BY id LIMIT $limit", { id, limit }).map(toRow),

  newestId: () => newestId(sql),

  deleteBefore: write("relaxed", (at, limit) =>
    sql.run("DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < $at ORDER BY at LIMIT $limit)", {
      at,
      limit,
    }),
  ),

  subscribe: pending.subscribe,
});

const newestId = (sql: Statements): number => {
  const row = sql.get("SELECT coalesce(max(id), 0) AS id FROM audit");
  return row === null ? 0 : integer(row, "id");
};

const hasOlder = (sql: Statements, id: number): boolean =>
  sql.get("SELECT 1 AS one FROM audit WHERE id < $id LIMIT 1", { id }) !== null;

/** The longest texts that are stored: a path of a request can be as long as its sender likes. */
const MAX_TEXT = 200;

const clip = (value: string | null): string | null => (value === null ? null : value.slice(0, MAX_TEXT).toWellFormed());

const insert = (
  sql: Statements,
  given: AuditFacts,
  { now: at, allowed, count }: { readonly now: number; readonly allowed: boolean; readonly count: number },
): AuditRow => {
  const { role, how, action, address, details, requestId } = given;
  const [who, target, runId] = [clip(given.who), clip(given.target), clip(given.runId)];
  const row = sql.get(
    `INSERT INTO audit (at, who, role, how, address, action, target, job_id, run_id, allowed, count, details, request_id)
     VALUES ($at, $who, $role, $how, $address, $action, $target,
       coalesce($jobId, (SELECT job_id FROM runs WHERE id = $runId)), $runId, $allowed, $count, $details, $requestId)
     RETURNING id, job_id`,
    {
      at,
      who,
      role,
      how,
      address,
      action,
      target,
      jobId: clip(given.jobId),
      runId,
      allowed: Number(allowed),
      count,
      details: details === null ? null : JSON.stringify(details),
      requestId,
    },
  );
  if (row === null) throw new Error("a row of the audit log was not stored");
  return {
    id: integer(row, "id"),
    at,
    who,
    role,
    how,
    address,
    action,
    target,
    jobId: textOrNull(row, "job_id"),
    runId,
    allowed,
    count,
    details,
    requestId,
  };
};

const toRow = (row: SqlRow): AuditRow => ({
  id: integer(row, "id"),
  at: integer(row, "at"),
  who: textOrNull(row, "who"),
  role: wordOrNull(row, "role", ROLES),
  how: word(row, "how", AUDIT_WAYS),
  address: textOrNull(row, "address"),
  action: word(row, "action", AUDIT_ACTIONS),
  target: textOrNull(row, "target"),
  jobId: textOrNull(row, "job_id"),
  runId: textOrNull(row, "run_id"),
  allowed: flag(row, "allowed"),
  count: integer(row, "count"),
  details: row.details === null ? null : json(row, "details"),
  requestId: textOrNull(row, "request_id"),
});
