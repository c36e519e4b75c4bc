import {
  DELIVERY_OUTCOMES,
  DELIVERY_SKIPS,
  DELIVERY_WAITS,
  type Delivery,
  type DeliveryFiles,
  type DeliveryOutcome,
  type DeliverySkip,
  type EventData,
  UNFIRED_OUTCOMES,
  UNFIRED_WAITS,
  type UnfiredDeliveries,
} from "../domain/deliveries/delivery.ts";
import { EVENT_TRIGGER_TYPES } from "../domain/deliveries/trigger.ts";
import type { JobId, RunId } from "../domain/ids.ts";
import type { Run } from "../domain/run.ts";
import { toJson } from "../lib/json.ts";
import type { SqlRow } from "../runtime/runtime.ts";
import type { StoreContext } from "./context.ts";
import { countColumns, readCounts } from "./database/count.ts";
import { id, idOrNull, integer, integerOrNull, text, textOrNull, word, wordOrNull } from "./database/rows.ts";
import { toRun } from "./runs/row.ts";

/** The ledger of events from outside: what became of each delivery that petit has accepted. */
export interface DeliveryStore {
  /** Stores a delivery with its event, and records that. Throws if the id of the provider is already there. */
  add(delivery: NewDelivery): Delivery;
  /** Returns the delivery with the id of its provider, or null. */
  findByProvider(key: TriggerKey & Pick<Delivery, "type"> & { readonly providerId: string }): Delivery | null;
  /** Returns the newest delivery with a digest that was received at `since` or later, or null. */
  findByDigest(key: TriggerKey & { readonly digest: string; readonly since: number }): Delivery | null;
  find(deliveryId: string): Delivery | null;
  /** Returns the event of a delivery as JSON; null if it was deleted. */
  findEvent(deliveryId: string): string | null;
  hasEvent(deliveryId: string): boolean;
  /** Returns the files of those deliveries that are of `files` triggers and still have their event, by id. */
  listFiles(deliveries: readonly Pick<Delivery, "id" | "type">[]): ReadonlyMap<string, DeliveryFiles>;
  /** Returns the newest first. `before` is the id of a delivery, exclusive. Throws `not_found` if there is no such delivery. */
  list(filter: DeliveryFilter): readonly Delivery[];
  /** Returns when number `count` of those without a run was received that came from `from` until before `to`; null if there are fewer. */
  findNthUnfired(from: number, to: number, count: number): number | null;
  /** Returns those that came from `from` until before `to` by job, outcome and reason. */
  listUnfiredSpans(from: number, to: number): readonly UnfiredDeliveries[];
  /** Counts those that came from `from` until before `to`, of some jobs or of all, by outcome. */
  countUnfired(query: {
    readonly from: number;
    readonly to: number;
    readonly jobIds: readonly JobId[] | null;
  }): ReadonlyMap<UnfiredDeliveries["outcome"], number>;
  /** Moves a waiting delivery on. */
  decide(deliveryId: string, decision: Decision, now: number): void;
  /** Returns the deliveries of a job that wait for a reason, oldest first. */
  listWaiting(jobId: JobId, reason: "paused" | "debounce", limit: number): readonly WaitingDelivery[];
  /** Counts the deliveries that wait because a job is paused. */
  countPaused(jobId: JobId): number;
  /** Returns the jobs that have deliveries which wait for a reason. */
  listWaitingJobs(reason: "paused" | "debounce"): readonly JobId[];
  /** Returns the triggers whose deliveries had params that do not fit since the last one that was not skipped. */
  listInvalid(): readonly InvalidDeliveries[];
  /** Returns the debounced delivery of a key, with the time of the first one; null if none waits. */
  findDebounced(key: TriggerKey & { readonly debounceKey: string }): Debounced | null;
  /** Adds the deliveries of a group that are merged, and have no run yet, to another group. */
  joinGroups(group: string, into: string): void;
  /** Stores what has become of the deliveries that were merged into the one that is decided now. */
  settleGroup(group: string, newest: { readonly id: string; readonly runId: RunId | null }): void;
  /** Sets the jobs whose ends start runs of other jobs. Runs that end from then on are unseen ones. */
  setFollowed(jobIds: readonly JobId[]): void;
  /** Returns the runs of such jobs that have ended and were not seen yet, the first one first. */
  listUnseenEnds(limit: number): readonly Run[];
  /** Notes that the end of a run was seen. */
  noteEndSeen(runId: RunId): void;
  /** Returns the debounced deliveries that are due at `now`, the first one first. */
  listDue(now: number, limit: number): readonly WaitingDelivery[];
  /** Makes all debounced deliveries due earlier by `byMs`, because the clock was set back. */
  advanceDebounced(byMs: number): void;
  /** Lets debounced deliveries that came after `now`, because the clock was set back since, be due as if they came at `now`. */
  bringForward(now: number): void;
  /** Returns when the next debounced delivery is due, or null. */
  nextDueAt(): number | null;
  /** Returns true if a job has deliveries. */
  hasAny(jobId: JobId): boolean;
  /** Deletes up to `limit` events of a job: those received before `before`, and all but the newest `keep`. Not durable. */
  deleteEvents(
    jobId: JobId,
    bounds: { readonly before: number; readonly keep: number; readonly limit: number },
  ): number;
  /** Deletes up to `limit` decided deliveries of a job, all but the newest `keep`. Not durable. */
  deleteOldest(jobId: JobId, keep: number, limit: number): number;
}

/** A trigger of a job. `trigger` is its name; null if it has none. */
type TriggerKey = { readonly jobId: JobId; readonly trigger: string | null };

type NewDelivery = TriggerKey &
  Pick<Delivery, "id" | "type" | "receivedAt" | "eventType" | "providerId" | "replayOf" | "chain"> & {
    /** See `findByDigest`; null if the id of the provider is signed. */
    readonly digest: string | null;
    readonly event: EventData;
    readonly decision: Decision;
  };

/** Deliveries in a row to one trigger. */
type InvalidDeliveries = TriggerKey & { readonly since: number; readonly count: number; readonly problem: string };

/** SQLite takes a bare column beside a single max() from the row with the maximum, so the problem is that of the newest delivery. */
const INVALID = `
  SELECT job_id, "trigger", problem, max(seq), count(*) AS count,
    (SELECT received_at FROM deliveries AS first WHERE first.job_id = invalid.job_id AND first."trigger" = invalid."trigger"
      AND first.reason = 'invalid_params' AND first.seq > invalid.good ORDER BY first.seq LIMIT 1) AS since
  FROM (SELECT job_id, "trigger", problem, seq, coalesce((SELECT max(seq) FROM deliveries AS good
      WHERE good.job_id = deliveries.job_id AND good."trigger" = deliveries."trigger" AND good.outcome <> 'skipped'), 0) AS good
    FROM deliveries WHERE reason = 'invalid_params') AS invalid
  WHERE seq > good GROUP BY job_id, "trigger"`;

/** What becomes of a delivery. */
export type Decision =
  | { readonly outcome: "fired"; readonly runId: RunId }
  | { readonly outcome: "merged"; readonly into: string }
  | { readonly outcome: "skipped"; readonly reason: DeliverySkip; readonly problem: string | null }
  /** Its run is stored and pending. */
  | { readonly outcome: "waiting"; readonly reason: "busy"; readonly runId: RunId }
  | { readonly outcome: "waiting"; readonly reason: "paused" }
  | ({ readonly outcome: "waiting"; readonly reason: "debounce" } & DebounceTimes);

/** When the first delivery of a key came, and when the run of the newest one starts, in ms since the Unix epoch. */
type DebounceTimes = {
  readonly key: string;
  readonly firstAt: number;
  readonly dueAt: number;
  /** The id of the first one. */
  readonly group: string;
};

type Debounced = Delivery & { readonly debounce: DebounceTimes };

export type WaitingDelivery = Delivery & {
  /** The first of the deliveries that become one run with it; null if it was never debounced. */
  readonly group: string | null;
  /** True if it has waited for more deliveries of the same key. */
  readonly isDue: boolean;
};

type DeliveryFilter = {
  readonly jobId?: JobId;
  /** Only deliveries to these jobs. Missing for all jobs. */
  readonly jobIds?: readonly JobId[];
  readonly outcome?: DeliveryOutcome;
  /** In ms since the Unix epoch, inclusive. */
  readonly since?: number;
  readonly limit: number;
  readonly before?: string;
  /** True: no replays, and none that a replay has run, or is about to. */
  readonly unreplayed?: boolean;
};

/** A replay of a replay is one of the first delivery, too. */
const UNREPLAYED = `replay_of IS NULL AND NOT EXISTS (
  WITH RECURSIVE replays (id, outcome) AS (
    SELECT id, outcome FROM deliveries AS replay WHERE replay.replay_of = deliveries.id
    UNION SELECT later.id, later.outcome FROM replays JOIN deliveries AS later ON later.replay_of = replays.id)
  SELECT 1 FROM replays WHERE outcome <> 'skipped')`;

const REASONS = [...DELIVERY_WAITS, ...DELIVERY_SKIPS] as const;

/** Returns an event as JSON. Its body can be large. */
const eventText = ({ body, ...event }: EventData): string => {
  const text = JSON.stringify(event);
  return body === undefined ? text : `${text.slice(0, -1)},"body":${toJson(body)}}`;
};

/** As in the index. A delivery that waits for its pending run to start has one. */
const UNFIRED = "outcome IN ('waiting', 'skipped') AND reason <> 'busy' AND received_at >= $from AND received_at < $to";

export const createDeliveryStore = ({ sql, write, recordEvent }: StoreContext): DeliveryStore => {
  const find = (condition: string, params: Readonly<Record<string, string | number>>): Delivery | null => {
    const row = sql.get(`SELECT * FROM deliveries WHERE ${condition}`, params);
    return row === null ? null : toDelivery(row);
  };
  const record = ({ jobId }: Pick<Delivery, "jobId">, decision: Decision, now: number): void =>
    recordEvent({
      type: "delivery",
      now,
      jobId,
      status: decision.outcome,
      reason: "reason" in decision ? decision.reason : null,
      ...("runId" in decision && { runId: decision.runId }),
    });

  return {
    add: write("durable", (delivery) => {
      const { trigger, event, decision, receivedAt } = delivery;
      const row = sql.get(
        `INSERT INTO deliveries (id, job_id, type, "trigger", event_type, provider_id, digest, replay_of, received_at, chain,
           outcome, reason, problem, run_id, merged_into, decided_at, debounce_group, debounce_key, first_at, due_at)
         VALUES ($id, $jobId, $type, $trigger, $eventType, $providerId, $digest, $replayOf, $receivedAt, $chain,
           $outcome, $reason, $problem, $runId, $mergedInto, $decidedAt, $debounceGroup, $debounceKey, $firstAt, $dueAt) RETURNING *`,
        {
          id: delivery.id,
          jobId: delivery.jobId,
          type: delivery.type,
          trigger: trigger ?? "",
          eventType: delivery.eventType,
          providerId: delivery.providerId,
          digest: delivery.digest,
          replayOf: delivery.replayOf,
          receivedAt,
          chain: delivery.chain,
          ...columnsOf(decision, receivedAt),
        },
      );
      if (row === null) throw new Error("a delivery was not stored");
      sql.run("INSERT INTO delivery_events (delivery, event) VALUES ($seq, $event)", {
        seq: integer(row, "seq"),
        event: eventText(event),
      });
      record(delivery, decision, receivedAt);
      return toDelivery(row);
    }),

    findByProvider: ({ jobId, type, trigger, providerId }) =>
      find(
        `job_id = $jobId AND type = $type AND "trigger" = $trigger AND provider_id = $providerId AND replay_of IS NULL`,
        {
          jobId,
          type,
          trigger: trigger ?? "",
          providerId,
        },
      ),

    findByDigest: ({ jobId, trigger, digest, since }) =>
      find(
        `job_id = $jobId AND "trigger" = $trigger AND digest = $digest AND received_at >= $since
         ORDER BY received_at DESC LIMIT 1`,
        { jobId, trigger: trigger ?? "", digest, since },
      ),

    find: (deliveryId) => find("id = $deliveryId", { deliveryId }),

    findEvent: (deliveryId) => {
      const row = sql.get(
        "SELECT event FROM delivery_events WHERE delivery = (SELECT seq FROM deliveries WHERE id = $deliveryId)",
        { deliveryId },
      );
      return row === null ? null : text(row, "event");
    },

    hasEvent: (deliveryId) =>
      sql.get("SELECT 1 FROM delivery_events WHERE delivery = (SELECT seq FROM deliveries WHERE id = $deliveryId)", {
        deliveryId,
      }) !== null,

    listFiles: (deliveries) => {
      const ids = deliveries.flatMap((each) => (each.type === "files" ? [each.id] : []));
      if (ids.length === 0) return new Map();
      const rows = sql.all(
        `SELECT deliveries.id, event ->> '$.files[0].path' AS path, json_array_length(event, '$.files') AS count
         FROM json_each($ids) CROSS JOIN deliveries ON deliveries.id = value JOIN delivery_events ON delivery = seq
         WHERE path IS NOT NULL`,
        { ids: JSON.stringify(ids) },
      );
      return new Map(rows.map((row) => [text(row, "id"), { count: integer(row, "count"), path: text(row, "path") }]));
    },

    list: ({ jobId, jobIds, outcome, since = 0, limit, before, unreplayed = false }) => {
      const conditions = ["received_at >= $since"];
      if (jobId !== undefined) conditions.push("job_id = $jobId");
      if (jobIds !== undefined) conditions.push("job_id IN (SELECT value FROM json_each($jobIds))");
      if (outcome !== undefined) conditions.push("outcome = $outcome");
      if (unreplayed) conditions.push(UNREPLAYED);
      if (before !== undefined) conditions.push("seq < (SELECT seq FROM deliveries WHERE id = $before)");
      return sql
        .all(`SELECT * FROM deliveries WHERE ${conditions.join(" AND ")} ORDER BY seq DESC LIMIT $limit`, {
          since,
          limit,
          ...(jobId !== undefined && { jobId }),
          ...(jobIds !== undefined && { jobIds: JSON.stringify(jobIds) }),
          ...(outcome !== undefined && { outcome }),
          ...(before !== undefined && { before }),
        })
        .map(toDelivery);
    },

    findNthUnfired: (from, to, count) => {
      const row = sql.get(
        `SELECT received_at FROM deliveries WHERE ${UNFIRED} ORDER BY received_at LIMIT 1 OFFSET $count - 1`,
        { from, to, count },
      );
      return row === null ? null : integer(row, "received_at");
    },

    listUnfiredSpans: (from, to) =>
      sql
        .all(
          `SELECT job_id, outcome, reason, count(*) AS count, min(received_at) AS first_at, max(received_at) AS last_at
           FROM deliveries WHERE ${UNFIRED} GROUP BY job_id, outcome, reason ORDER BY job_id, first_at`,
          { from, to },
        )
        .map((row) => ({
          jobId: id<JobId>(row, "job_id"),
          outcome: word(row, "outcome", UNFIRED_OUTCOMES),
          reason: word(row, "reason", [...DELIVERY_SKIPS, ...UNFIRED_WAITS] as const),
          count: integer(row, "count"),
          firstAt: integer(row, "first_at"),
          lastAt: integer(row, "last_at"),
        })),

    countUnfired: ({ from, to, jobIds }) =>
      readCounts(
        sql.get(
          `SELECT ${countColumns("outcome", UNFIRED_OUTCOMES)} FROM deliveries WHERE ${UNFIRED}
             AND ($jobIds IS NULL OR job_id IN (SELECT value FROM json_each($jobIds)))`,
          { from, to, jobIds: jobIds === null ? null : JSON.stringify(jobIds) },
        ),
        UNFIRED_OUTCOMES,
      ),

    decide: write("durable", (deliveryId, decision, now) => {
      const row = sql.get(
        `UPDATE deliveries SET outcome = $outcome, reason = $reason, problem = $problem, run_id = $runId,
           merged_into = $mergedInto, decided_at = $decidedAt, debounce_group = coalesce($debounceGroup, debounce_group),
           debounce_key = $debounceKey, first_at = $firstAt, due_at = $dueAt
         WHERE id = $deliveryId AND outcome = 'waiting' RETURNING *`,
        { deliveryId, ...columnsOf(decision, now) },
      );
      if (row === null) throw new Error(`delivery ${deliveryId} does not wait`);
      record(toDelivery(row), decision, now);
    }),

    listWaiting: (jobId, reason, limit) =>
      sql
        .all(
          `SELECT * FROM deliveries WHERE job_id = $jobId AND outcome = 'waiting' AND reason = $reason ORDER BY seq LIMIT $limit`,
          { jobId, reason, limit },
        )
        .map((row) => ({ ...toDelivery(row), group: textOrNull(row, "debounce_group"), isDue: false })),

    countPaused: (jobId) => {
      const row = sql.get(
        "SELECT count(*) AS count FROM deliveries WHERE job_id = $jobId AND outcome = 'waiting' AND reason = 'paused'",
        { jobId },
      );
      return row === null ? 0 : integer(row, "count");
    },

    listWaitingJobs: (reason) =>
      sql
        .all("SELECT DISTINCT job_id FROM deliveries WHERE outcome = 'waiting' AND reason = $reason", { reason })
        .map((row) => id<JobId>(row, "job_id")),

    listInvalid: () =>
      sql.all(INVALID).map((row) => ({
        jobId: id<JobId>(row, "job_id"),
        trigger: text(row, "trigger") === "" ? null : text(row, "trigger"),
        since: integer(row, "since"),
        count: integer(row, "count"),
        problem: textOrNull(row, "problem") ?? "",
      })),

    findDebounced: ({ jobId, trigger, debounceKey }) => {
      const row = sql.get(
        `SELECT * FROM deliveries WHERE job_id = $jobId AND outcome = 'waiting' AND reason = 'debounce'
           AND "trigger" = $trigger AND debounce_key = $debounceKey`,
        { jobId, trigger: trigger ?? "", debounceKey },
      );
      return row === null ? null : toDebounced(row);
    },

    joinGroups: write("durable", (group, into) =>
      sql.run(
        "UPDATE deliveries SET debounce_group = $into WHERE debounce_group = $group AND outcome = 'merged' AND run_id IS NULL",
        { group, into },
      ),
    ),

    settleGroup: write("durable", (group, { id: newest, runId }) =>
      sql.run(
        `UPDATE deliveries SET merged_into = $newest, run_id = $runId
         WHERE debounce_group = $group AND outcome = 'merged' AND run_id IS NULL`,
        { group, newest, runId },
      ),
    ),

    setFollowed: write("durable", (jobIds) => {
      const list = JSON.stringify(jobIds);
      sql.run("DELETE FROM followed_jobs WHERE job_id NOT IN (SELECT value FROM json_each($list))", { list });
      sql.run(
        "INSERT INTO followed_jobs (job_id) SELECT value FROM json_each($list) WHERE true ON CONFLICT DO NOTHING",
        {
          list,
        },
      );
    }),

    listUnseenEnds: (limit) =>
      sql.all("SELECT * FROM runs WHERE end_unseen = 1 ORDER BY seq LIMIT $limit", { limit }).map(toRun),

    noteEndSeen: write("durable", (runId) =>
      sql.updateOne(
        "UPDATE runs SET end_unseen = 0 WHERE id = $runId AND end_unseen = 1",
        { runId },
        "note that the end of a run was seen",
      ),
    ),

    listDue: (now, limit) =>
      sql
        .all("SELECT * FROM deliveries WHERE due_at <= $now ORDER BY due_at, seq LIMIT $limit", { now, limit })
        .map((row) => ({ ...toDelivery(row), group: textOrNull(row, "debounce_group"), isDue: true })),

    advanceDebounced: write("durable", (byMs) => {
      sql.run("UPDATE deliveries SET first_at = first_at - $byMs, due_at = due_at - $byMs WHERE due_at IS NOT NULL", {
        byMs,
      });
    }),

    bringForward: write("durable", (now) => {
      sql.run(
        `UPDATE deliveries SET first_at = first_at - (received_at - $now), due_at = due_at - (received_at - $now)
         WHERE due_at IS NOT NULL AND first_at > $now`,
        { now },
      );
    }),

    nextDueAt: () => {
      const row = sql.get("SELECT min(due_at) AS at FROM deliveries WHERE due_at IS NOT NULL");
      return row === null ? null : integerOrNull(row, "at");
    },

    hasAny: (jobId) => sql.get("SELECT 1 FROM deliveries WHERE job_id = $jobId LIMIT 1", { jobId }) !== null,

    deleteEvents: write("relaxed", (jobId, { before, keep, limit }) =>
      sql.run(
        `DELETE FROM delivery_events WHERE delivery IN (
           SELECT seq FROM deliveries JOIN delivery_events ON delivery = seq
           WHERE job_id = $jobId AND outcome <> 'waiting' AND (received_at < $before
             OR seq <= (SELECT seq FROM deliveries WHERE job_id = $jobId ORDER BY seq DESC LIMIT 1 OFFSET $keep))
           ORDER BY seq LIMIT $limit)`,
        { jobId, before, keep, limit },
      ),
    ),

    deleteOldest: write("relaxed", (jobId, keep, limit) =>
      sql.run(
        `DELETE FROM deliveries WHERE seq IN (
           SELECT seq FROM deliveries WHERE job_id = $jobId AND outcome <> 'waiting'
             AND seq <= (SELECT seq FROM deliveries WHERE job_id = $jobId ORDER BY seq DESC LIMIT 1 OFFSET $keep)
           ORDER BY seq LIMIT $limit)`,
        { jobId, keep, limit },
      ),
    ),
  };
};

/** A pending run starts, or ends without having started: its delivery waits no more. Call it within a transaction. */
export const noteStarted = (
  { sql, recordEvent }: Pick<StoreContext, "sql" | "recordEvent">,
  { id: runId, jobId, deliveryId }: Pick<Run, "id" | "jobId" | "deliveryId">,
  now: number,
): void => {
  if (deliveryId === null) return;
  const changed = sql.run(
    `UPDATE deliveries SET outcome = 'fired', reason = NULL, decided_at = $now
     WHERE run_id = $runId AND outcome = 'waiting' AND run_id IS NOT NULL`,
    { runId, now },
  );
  if (changed > 0) recordEvent({ type: "delivery", now, jobId, runId, status: "fired" });
};

const columnsOf = (decision: Decision, now: number) => {
  const { outcome } = decision;
  const debounce = "key" in decision ? decision : null;
  return {
    outcome,
    reason: "reason" in decision ? decision.reason : null,
    problem: "problem" in decision ? decision.problem : null,
    runId: "runId" in decision ? decision.runId : null,
    mergedInto: "into" in decision ? decision.into : null,
    decidedAt: outcome === "waiting" ? null : now,
    debounceGroup: debounce?.group ?? null,
    debounceKey: debounce?.key ?? null,
    firstAt: debounce?.firstAt ?? null,
    dueAt: debounce?.dueAt ?? null,
  };
};

const toDelivery = (row: SqlRow): Delivery => {
  const trigger = text(row, "trigger");
  return {
    id: text(row, "id"),
    jobId: id<JobId>(row, "job_id"),
    type: word(row, "type", EVENT_TRIGGER_TYPES),
    trigger: trigger === "" ? null : trigger,
    receivedAt: integer(row, "received_at"),
    eventType: text(row, "event_type"),
    providerId: textOrNull(row, "provider_id"),
    outcome: word(row, "outcome", DELIVERY_OUTCOMES),
    reason: wordOrNull(row, "reason", REASONS),
    problem: textOrNull(row, "problem"),
    runId: idOrNull<RunId>(row, "run_id"),
    mergedInto: textOrNull(row, "merged_into"),
    replayOf: textOrNull(row, "replay_of"),
    chain: integer(row, "chain"),
    decidedAt: integerOrNull(row, "decided_at"),
  };
};

const toDebounced = (row: SqlRow): Debounced => ({
  ...toDelivery(row),
  debounce: {
    group: text(row, "debounce_group"),
    key: text(row, "debounce_key"),
    firstAt: integer(row, "first_at"),
    dueAt: integer(row, "due_at"),
  },
});
