import type { RunId } from "../../domain/ids.ts";
import { refuse } from "../../domain/refusal.ts";
import type { ParamValues } from "../../domain/run.ts";
import type { Store } from "../../store/store.ts";

type Idempotency = { readonly key: string; readonly request: string };

/** Returns a text that is equal for equal requests: the job and its params, in any order. */
export const fingerprintOf = (jobId: string, params: ParamValues): string =>
  JSON.stringify([jobId, Object.entries(params).sort()]);

/**
 * Returns the run that was started with the same key, or null for a new key. Keys expire after 24 hours. Throws `conflict`
 * if the key was used for another request.
 */
export const findRunOfKey = (
  { key, request }: Idempotency,
  { store, now }: { readonly store: Pick<Store, "runs">; readonly now: number },
): RunId | null => {
  const first = store.runs.findIdempotencyKey(key, now);
  if (first === null) return null;
  if (first.request !== request) throw refuse({ reason: "idempotency_key_reused", key, runId: first.runId });
  return first.runId;
};
