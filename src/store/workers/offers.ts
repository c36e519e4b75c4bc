import type { Reason } from "../../domain/run.ts";
import type { WorkerProcess } from "../../domain/workers/process.ts";
import type { SqlRow } from "../../runtime/runtime.ts";
import type { StoreContext } from "../context.ts";
import { flag, integer, integerOrNull, json, textOrNull, word } from "../database/rows.ts";
import type { Statements } from "../database/statements.ts";

/**
 * States of an offer:
 * - `offered`: no worker has claimed it. petit publishes it, again after a restart. A claim, a withdrawal or an error moves it on.
 * - `claimed`: a worker has it. Moved on by its outcome, by the loss of the worker, or when the worker says that it lacks the attempt.
 * - `ended`: the end of the attempt is stored, as its worker reported it. Final.
 * - `lost`: the attempt has ended because its worker was lost. Later reports of the worker are notes. Final.
 * - `withdrawn`: the attempt has ended before a worker claimed it. Final.
 */
const OFFER_STATES = ["offered", "claimed", "ended", "lost", "withdrawn"] as const;
type OfferState = (typeof OFFER_STATES)[number];

export type StoredOffer = {
  readonly attemptId: number;
  /** How often it was offered, from 1. */
  readonly epoch: number;
  readonly state: OfferState;
  readonly labels: readonly string[];
  readonly offeredAt: number;
  /** Who claimed it; null if nobody has. */
  readonly claim: StoredClaim | null;
  /** The number of bytes of its output that are stored, or are known to be dropped. */
  readonly storedOffset: number;
  /** True if it was claimed in the copy that petit was restored from. It may have ended since, or run elsewhere. */
  readonly isRestored: boolean;
};

export type StoredClaim = {
  readonly worker: string;
  readonly instance: string;
  /** Null if the worker did not say. */
  readonly process: WorkerProcess | null;
  readonly nonce: string;
  readonly at: number;
};

/** An attempt at one epoch. */
export type OfferKey = Pick<StoredOffer, "attemptId" | "epoch">;

/** The offers to workers. Each method that moves one returns false if it is not in the expected state and epoch. */
export interface OfferStore {
  find(attemptId: number): StoredOffer | null;
  /** Moves an `offered` attempt to `claimed`. */
  claim(key: OfferKey, claim: StoredClaim): boolean;
  /** Moves a `claimed` attempt back to `offered`, with the next epoch. */
  offerAgain(key: OfferKey, now: number): boolean;
  /** Stores up to where the output of a `claimed` attempt is stored. */
  setStoredOffset(key: OfferKey, offset: number): boolean;
}

export const createOfferStore = ({ sql, write }: StoreContext): OfferStore => ({
  find: (attemptId) => {
    const row = sql.get("SELECT * FROM offers WHERE attempt_id = $attemptId", { attemptId });
    return row === null ? null : toOffer(row);
  },

  claim: write("durable", ({ attemptId, epoch }, { worker, instance, process, nonce, at }) =>
    isOne(
      sql.run(
        `UPDATE offers SET state = 'claimed', worker = $worker, instance = $instance, process = $process, nonce = $nonce,
           claimed_at = $at
         WHERE attempt_id = $attemptId AND epoch = $epoch AND state = 'offered'`,
        {
          ...{ attemptId, epoch, worker, instance, nonce, at },
          process: process === null ? null : JSON.stringify(process),
        },
      ),
    ),
  ),

  offerAgain: write("durable", ({ attemptId, epoch }, now) => {
    const isMoved = isOne(
      sql.run(
        `UPDATE offers SET state = 'offered', epoch = epoch + 1, worker = NULL, instance = NULL, process = NULL, nonce = NULL,
           claimed_at = NULL, offered_at = $now, stored_offset = 0
         WHERE attempt_id = $attemptId AND epoch = $epoch AND state = 'claimed'`,
        { attemptId, epoch, now },
      ),
    );
    if (isMoved) sql.run("UPDATE attempts SET worker = NULL WHERE id = $attemptId", { attemptId });
    return isMoved;
  }),

  setStoredOffset: write("durable", ({ attemptId, epoch }, offset) =>
    isOne(
      sql.run(
        `UPDATE offers SET stored_offset = $offset
         WHERE attempt_id = $attemptId AND epoch = $epoch AND state = 'claimed' AND stored_offset <= $offset`,
        { attemptId, epoch, offset },
      ),
    ),
  ),
});

type NewOffer = { readonly attemptId: number; readonly labels: readonly string[]; readonly now: number };

/** Stores the offer of a new attempt. */
export const insertOffer = (sql: Statements, { attemptId, labels, now }: NewOffer): void => {
  sql.run("INSERT INTO offers (attempt_id, labels, offered_at) VALUES ($attemptId, $labels, $now)", {
    attemptId,
    labels: JSON.stringify(labels),
    now,
  });
};

type EndedAttempt = { readonly attemptId: number; readonly reason: Reason | null; readonly now: number };

/** Moves the offer of an ended attempt, if it has one, to a final state. The duration of an attempt that nobody claimed is 0. */
export const endOffer = (sql: Statements, { attemptId, reason, now }: EndedAttempt): void => {
  const row = sql.get(
    `UPDATE offers SET state = CASE WHEN state = 'offered' THEN 'withdrawn' WHEN $isLost THEN 'lost' ELSE 'ended' END
     WHERE attempt_id = $attemptId RETURNING worker`,
    { attemptId, isLost: reason === "worker_lost" ? 1 : 0 },
  );
  if (row !== null && row.worker === null)
    sql.run("UPDATE attempts SET started_at = $now WHERE id = $attemptId", { attemptId, now });
};

const isOne = (changed: number): boolean => changed === 1;

const toOffer = (row: SqlRow): StoredOffer => {
  const worker = textOrNull(row, "worker");
  const instance = textOrNull(row, "instance");
  const process = row.process === null ? null : json<WorkerProcess>(row, "process");
  const nonce = textOrNull(row, "nonce");
  const at = integerOrNull(row, "claimed_at");
  const isClaimed = worker !== null && instance !== null && nonce !== null && at !== null;
  return {
    attemptId: integer(row, "attempt_id"),
    epoch: integer(row, "epoch"),
    state: word(row, "state", OFFER_STATES),
    labels: json<readonly string[]>(row, "labels"),
    offeredAt: integer(row, "offered_at"),
    claim: isClaimed ? { worker, instance, process, nonce, at } : null,
    storedOffset: integer(row, "stored_offset"),
    isRestored: flag(row, "restored"),
  };
};
