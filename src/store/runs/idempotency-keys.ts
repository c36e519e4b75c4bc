import type { RunId } from "../../domain/ids.ts";
import { id, text } from "../database/rows.ts";
import type { Statements } from "../database/statements.ts";

/** How long a key is remembered, in ms. */
const IDEMPOTENCY_KEY_AGE_MS = 24 * 3_600_000;

/** The run that was started with an idempotency key, and the request that started it. */
export type KeyedRun = { readonly runId: RunId; readonly request: string };

/** Stores a key after deleting expired ones. Throws if the key is already stored. */
export const insertIdempotencyKey = (
  sql: Statements,
  entry: { readonly key: string; readonly request: string; readonly runId: RunId; readonly now: number },
): void => {
  sql.run("DELETE FROM idempotency_keys WHERE created_at <= $oldest", { oldest: entry.now - IDEMPOTENCY_KEY_AGE_MS });
  sql.run(
    "INSERT INTO idempotency_keys (key, run_id, request, created_at) VALUES ($key, $runId, $request, $now)",
    entry,
  );
};

export const findIdempotencyKey = (sql: Statements, key: string, now: number): KeyedRun | null => {
  const row = sql.get("SELECT run_id, request FROM idempotency_keys WHERE key = $key AND created_at > $oldest", {
    key,
    oldest: now - IDEMPOTENCY_KEY_AGE_MS,
  });
  return row === null ? null : { runId: id<RunId>(row, "run_id"), request: text(row, "request") };
};
