import { EVENT_TYPES, type Event, type EventType } from "../domain/event.ts";
import type { JobId, RunId, TaskId } from "../domain/ids.ts";
import type { SqlRow } from "../runtime/runtime.ts";
import { idOrNull, integer, integerOrNull, textOrNull, word } from "./database/rows.ts";
import type { Statements } from "./database/statements.ts";
import type { Write } from "./database/transaction.ts";

/** The event log. Most events are stored by the write that they report. */
export interface EventStore {
  /** Stores an event that no other write records. Not durable. */
  record(event: Pick<NewEvent, "type" | "now" | "worker" | "jobId" | "runId" | "status" | "reason">): void;
  /** Returns events after `seq`, oldest first. */
  after(seq: number, limit: number): readonly Event[];
  /** Returns 0 if there are no events. */
  getNewestSeq(): number;
  /** Calls `listener` with the events of each transaction, in order, after its commit. Returns a function that unsubscribes. */
  subscribe(listener: EventListener): () => void;
  /** Deletes up to `limit` of the oldest events, and none of the newest `keep`. Returns how many. Not durable. */
  deleteOldest(keep: number, limit: number): number;
}

type EventListener = (events: readonly Event[]) => void;

export type NewEvent = {
  readonly type: EventType;
  readonly now: number;
  readonly jobId?: JobId;
  readonly runId?: RunId;
  readonly taskId?: TaskId;
  readonly item?: number | null;
  readonly worker?: string | null;
  readonly status?: string | null;
  readonly reason?: string | null;
  readonly times?: number;
  readonly by?: string | null;
  readonly entry?: string;
};

/** Events of the open transaction, and the listeners that receive them after its commit. */
export interface PendingEvents {
  record(event: NewEvent): void;
  subscribe(listener: EventListener): () => void;
  /** The number of the newest queued event; null if none is queued. */
  readonly newestSeq: number | null;
  /** Calls the listeners with the queued events, and empties the queue. */
  emit(): void;
  clear(): void;
  /** Returns a function that removes the events queued after this call. */
  mark(): () => void;
}

export const createPendingEvents = (sql: Statements): PendingEvents => {
  const listeners = new Set<EventListener>();
  let queue: Event[] = [];
  return {
    record: (event) => {
      queue.push(insertEvent(sql, event));
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    get newestSeq() {
      return queue.at(-1)?.seq ?? null;
    },
    emit: () => {
      const events = queue;
      queue = [];
      if (events.length > 0) for (const listener of [...listeners]) listener(events);
    },
    clear: () => {
      queue = [];
    },
    mark: () => {
      const { length } = queue;
      return () => {
        queue.length = length;
      };
    },
  };
};

type EventContext = { readonly sql: Statements; readonly write: Write };

export const createEventStore = ({ sql, write }: EventContext, pending: PendingEvents): EventStore => ({
  record: write("relaxed", pending.record),

  after: (seq, limit) =>
    sql.all("SELECT * FROM events WHERE seq > $seq ORDER BY seq LIMIT $limit", { seq, limit }).map(toEvent),

  getNewestSeq: () => {
    const row = sql.get("SELECT coalesce(max(seq), 0) AS seq FROM events");
    return row === null ? 0 : integer(row, "seq");
  },

  subscribe: pending.subscribe,

  deleteOldest: write("relaxed", (keep, limit) =>
    sql.run(
      `DELETE FROM events WHERE seq IN (
         SELECT seq FROM events WHERE seq <= (SELECT max(seq) FROM events) - $keep ORDER BY seq LIMIT $limit)`,
      { keep, limit },
    ),
  ),
});

const insertEvent = (sql: Statements, event: NewEvent): Event => {
  const { now: at, type, jobId = null, runId = null, taskId = null, item = null, worker = null } = event;
  const { status = null, reason = null, entry = null } = event;
  const actor = type === "attention.changed" ? (event.by ?? null) : null;
  const row = sql.get(
    `INSERT INTO events (at, type, job_id, run_id, task_id, item, worker, status, reason, actor, entry)
     VALUES ($at, $type, $jobId, $runId, $taskId, $item, $worker, $status, $reason, $actor, $entry) RETURNING seq`,
    { at, type, jobId, runId, taskId, item, worker, status, reason, actor, entry },
  );
  if (row === null) throw new Error("an event was not stored");
  const times = event.times === undefined || event.times === 1 ? {} : { times: event.times };
  const by = event.by === undefined || event.by === null ? {} : { by: event.by };
  return {
    seq: integer(row, "seq"),
    at,
    type,
    jobId,
    runId,
    taskId,
    status,
    reason,
    ...itemOf(item),
    ...workerOf(worker),
    ...entryOf(entry),
    ...times,
    ...by,
  };
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
  ...itemOf(integerOrNull(row, "item")),
  ...workerOf(textOrNull(row, "worker")),
  ...entryOf(textOrNull(row, "entry")),
  ...byOf(textOrNull(row, "actor")),
});

const itemOf = (item: number | null) => (item === null ? {} : { item });

const entryOf = (entry: string | null) => (entry === null ? {} : { entry });

const byOf = (by: string | null) => (by === null ? {} : { by });

const workerOf = (worker: string | null) => (worker === null ? {} : { worker });
