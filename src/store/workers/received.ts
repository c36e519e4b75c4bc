import type { RunId } from "../../domain/ids.ts";
import { type OutputStream, STREAMS } from "../../domain/task-run.ts";
import type { Offer, ShippedOutcome } from "../../domain/workers/protocol.ts";
import type { SqlRow } from "../../runtime/runtime.ts";
import type { StoreContext } from "../context.ts";
import { bytes, exactJson, id, integer, json, word } from "../database/rows.ts";

/**
 * States of an attempt that a worker was granted:
 * - `running`: it runs, or is about to start. Its end moves it on. After a crash the next start adopts it.
 * - `ended`: its outcome is stored here. The row is deleted when the scheduler has everything.
 * - `killed`: it is no longer this worker's. The row is deleted when its process has ended.
 */
const RECEIVED_STATES = ["running", "ended", "killed"] as const;
type ReceivedState = (typeof RECEIVED_STATES)[number];

/** An attempt at one epoch of one scheduler. */
export type ReceivedKey = Pick<Offer, "scheduler" | "attempt" | "epoch">;

/** How an attempt ended, as it is sent to the scheduler, without the artifacts. */
export type ReceivedOutcome = Pick<ShippedOutcome, "durationMs" | "result">;

export type Received = {
  readonly offer: Offer;
  readonly state: ReceivedState;
  /** The run, with one task and one attempt, that stands for it in the database of the worker. */
  readonly localRunId: RunId;
  /** Null until it has ended. */
  readonly outcome: ReceivedOutcome | null;
};

/** Output of an attempt, or a marker: then `dropped` is the number of bytes that it replaces, and `bytes` is a sentence. */
export type LocalOutput = {
  readonly seq: number;
  readonly lines: number;
  readonly stream: OutputStream;
  readonly at: number;
  readonly bytes: Uint8Array;
  readonly dropped: number;
};

/** The attempts that a worker was granted, until the scheduler has everything about them. */
export interface ReceivedStore {
  /** Stores an attempt before its process starts, in the transaction that stores its local run. */
  add(offer: Offer, localAttemptId: number, now: number): void;
  /** Moves a `running` attempt to `ended`. Returns false if it was killed. */
  end(key: ReceivedKey, outcome: ReceivedOutcome, now: number): boolean;
  /** Moves a `running` attempt to `killed`. */
  kill(key: ReceivedKey): void;
  /** Deletes an attempt with its local run and its output. Not durable, because the scheduler already has everything. */
  remove(key: ReceivedKey): void;
  /** Deletes all attempts, because they are not this worker's. */
  removeAll(): void;
  /** Returns all attempts, oldest first. */
  list(): readonly Received[];
  /** Returns the output of a local run after line `seq`, at most `limit` pieces. */
  readOutput(runId: RunId, seq: number, limit: number): readonly LocalOutput[];
  /** Returns the size of the output of a local run before line `seq`, in bytes, without dropped output. */
  sizeBefore(runId: RunId, seq: number): number;
  /** Returns the last piece that ends at or before a position: bytes of output, counting those that were dropped. */
  findPiece(runId: RunId, position: number): { readonly seq: number; readonly end: number };
}

const KEY = "scheduler = $scheduler AND attempt_id = $attempt AND epoch = $epoch";

const RUN = "(SELECT seq FROM runs WHERE id = $runId)";

const keyOf = ({ scheduler, attempt, epoch }: ReceivedKey) => ({ scheduler, attempt, epoch });

export const createReceivedStore = ({ sql, write }: StoreContext): ReceivedStore => ({
  add: write("durable", (offer, localAttemptId, now) => {
    sql.run(
      `INSERT INTO received (scheduler, attempt_id, epoch, local_attempt_id, offer, claimed_at)
       VALUES ($scheduler, $attempt, $epoch, $localAttemptId, $offer, $now)`,
      { ...keyOf(offer), localAttemptId, offer: JSON.stringify(offer), now },
    );
  }),

  end: write(
    "durable",
    (key, outcome, now) =>
      sql.run(
        `UPDATE received SET state = 'ended', outcome = $outcome, ended_at = $now WHERE ${KEY} AND state = 'running'`,
        { ...keyOf(key), outcome: JSON.stringify(outcome), now },
      ) === 1,
  ),

  kill: write("durable", (key) => {
    sql.run(`UPDATE received SET state = 'killed' WHERE ${KEY} AND state = 'running'`, keyOf(key));
  }),

  remove: write("relaxed", (key) => {
    sql.run(
      `DELETE FROM runs WHERE seq = (SELECT run FROM attempts JOIN received ON local_attempt_id = attempts.id WHERE ${KEY})`,
      keyOf(key),
    );
  }),

  removeAll: write("durable", () => {
    sql.run("DELETE FROM runs WHERE seq IN (SELECT run FROM attempts JOIN received ON local_attempt_id = attempts.id)");
  }),

  list: () =>
    sql
      .all(
        `SELECT received.*, runs.id AS run_id FROM received
         JOIN attempts ON attempts.id = local_attempt_id JOIN runs ON runs.seq = attempts.run ORDER BY received.seq`,
      )
      .map(toReceived),

  readOutput: (runId, seq, limit) =>
    sql
      .all(`SELECT * FROM output WHERE run = ${RUN} AND seq > $seq ORDER BY seq LIMIT $limit`, { runId, seq, limit })
      .map(toOutput),

  sizeBefore: (runId, seq) =>
    integer(
      sql.get(
        `SELECT coalesce(sum(length(bytes)), 0) AS size FROM output WHERE run = ${RUN} AND seq < $seq AND dropped = 0`,
        { runId, seq },
      ) ?? {},
      "size",
    ),

  findPiece: (runId, position) => {
    const row = sql.get(
      `SELECT coalesce(max(seq), 0) AS seq, coalesce(max(upto), 0) AS upto FROM (
         SELECT seq, sum(iif(dropped > 0, dropped, length(bytes))) OVER (ORDER BY seq) AS upto
         FROM output WHERE run = ${RUN}) WHERE upto <= $position`,
      { runId, position },
    );
    return { seq: integer(row ?? {}, "seq"), end: integer(row ?? {}, "upto") };
  },
});

const toReceived = (row: SqlRow): Received => ({
  offer: exactJson(row, "offer") as unknown as Offer,
  state: word(row, "state", RECEIVED_STATES),
  localRunId: id<RunId>(row, "run_id"),
  outcome: row.outcome === null ? null : json<ReceivedOutcome>(row, "outcome"),
});

const toOutput = (row: SqlRow): LocalOutput => ({
  seq: integer(row, "seq"),
  lines: integer(row, "lines"),
  stream: word(row, "stream", STREAMS),
  at: integer(row, "at"),
  bytes: bytes(row, "bytes"),
  dropped: integer(row, "dropped"),
});
