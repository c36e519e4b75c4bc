import type { SqlRow } from "../../runtime/runtime.ts";
import type { StoreContext } from "../context.ts";
import { integer, integerOrNull, json, textOrNull, word } from "../database/rows.ts";
import type { Statements } from "../database/statements.ts";

/**
 * States of an offer:
 * - `offered`: no worker has claimed it. petit publishes it, again after a restart. A claim, a withdrawal or an error moves it on.
 * - `claimed`: a worker has it. Its outcome moves it on, the loss of the worker, or its statement that it does not have it.
 * - `ended`: the end of the attempt is stored. Final.
 * - `lost`: the worker was lost. Its outcome comes too late. Final.
 * - `withdrawn`: the attempt was ended before a worker claimed it. Final.
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
  /** How many bytes of its output are stored, or known to be dropped. */
  readonly storedOffset: number;
};

export type StoredClaim = {
  readonly worker: string;
  readonly instance: string;
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
  /** Moves a `claimed` attempt to `lost`. */
  lose(key: OfferKey): boolean;
  /** Moves an `offered` attempt to `withdrawn`. */
  withdraw(key: OfferKey): boolean;
  /** Stores up to where the output of a `claimed` attempt is stored. */
  setStoredOffset(key: OfferKey, offset: number): boolean;
}

export const createOfferStore = ({ sql, write }: StoreContext): OfferStore => ({
  find: (attemptId) => {
    const row = sql.get("SELECT * FROM offers WHERE attempt_id = $attemptId", { attemptId });
    return row === null ? null : toOffer(row);
  },

  claim: write("durable", ({ attemptId, epoch }, { worker, instance, nonce, at }) =>
    isOne(
      sql.run(
        `UPDATE offers SET state = 'claimed', worker = $worker, instance = $instance, nonce = $nonce, claimed_at = $at
         WHERE attempt_id = $attemptId AND epoch = $epoch AND state = 'offered'`,
        { attemptId, epoch, worker, instance, nonce, at },
      ),
    ),
  ),

  offerAgain: write("durable", ({ attemptId, epoch }, now) =>
    isOne(
      sql.run(
        `UPDATE offers SET state = 'offered', epoch = epoch + 1, worker = NULL, instance = NULL, nonce = NULL,
           claimed_at = NULL, offered_at = $now
         WHERE attempt_id = $attemptId AND epoch = $epoch AND state = 'claimed'`,
        { attemptId, epoch, now },
      ),
    ),
  ),

  lose: write("durable", ({ attemptId, epoch }) =>
    isOne(
      sql.run(
        "UPDATE offers SET state = 'lost' WHERE attempt_id = $attemptId AND epoch = $epoch AND state = 'claimed'",
        { attemptId, epoch },
      ),
    ),
  ),

  withdraw: write("durable", ({ attemptId, epoch }) =>
    isOne(
      sql.run(
        "UPDATE offers SET state = 'withdrawn' WHERE attempt_id = $attemptId AND epoch = $epoch AND state = 'offered'",
        { attemptId, epoch },
      ),
    ),
  ),

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

/** Moves the offer of an attempt that has ended, if it has one, to `ended`. An attempt that nobody claimed took no time. */
export const endOffer = (sql: Statements, attemptId: number, now: number): void => {
  const row = sql.get(
    `UPDATE offers SET state = iif(state IN ('offered', 'claimed'), 'ended', state) WHERE attempt_id = $attemptId
     RETURNING worker`,
    { attemptId },
  );
  if (row !== null && row.worker === null)
    sql.run("UPDATE attempts SET started_at = $now WHERE id = $attemptId", { attemptId, now });
};

const isOne = (changed: number): boolean => changed === 1;

const toOffer = (row: SqlRow): StoredOffer => {
  const worker = textOrNull(row, "worker");
  const instance = textOrNull(row, "instance");
  const nonce = textOrNull(row, "nonce");
  const at = integerOrNull(row, "claimed_at");
  const isClaimed = worker !== null && instance !== null && nonce !== null && at !== null;
  return {
    attemptId: integer(row, "attempt_id"),
    epoch: integer(row, "epoch"),
    state: word(row, "state", OFFER_STATES),
    labels: json<readonly string[]>(row, "labels"),
    offeredAt: integer(row, "offered_at"),
    claim: isClaimed ? { worker, instance, nonce, at } : null,
    storedOffset: integer(row, "stored_offset"),
  };
};
