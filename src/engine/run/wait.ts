import type { RunId } from "../../domain/ids.ts";
import { isFinal, type Run } from "../../domain/run.ts";
import { abortQuietly } from "../../lib/abort.ts";
import { type Clock, sleep } from "../../lib/clock.ts";
import type { Store } from "../../store/store.ts";
import { mustFindRun, type Runs } from "./runs.ts";

/** Options of a wait. Without `timeoutMs` it waits without limit. */
export type WaitOptions = { readonly timeoutMs?: number; readonly signal?: AbortSignal };

type WaitParts = { readonly store: Store; readonly runs: Pick<Runs, "find" | "onEnd">; readonly clock: Clock };

/**
 * Resolves with the run when it has ended, and with its current state at the timeout or when the signal aborts.
 * Rejects with `not_found`.
 */
export const waitForRun = async (
  runId: RunId,
  { signal, timeoutMs = Number.POSITIVE_INFINITY }: WaitOptions,
  { store, runs, clock }: WaitParts,
): Promise<Run> => {
  const over = new AbortController();
  const stopWaiting = (): void => abortQuietly(over);
  let ended: Run | null = null;
  const removeListener = runs.onEnd(runId, (run) => {
    ended = run;
    stopWaiting();
  });
  try {
    // An active run is not final, so the database need not be read.
    const stored = runs.find(runId) === null ? mustFindRun(store, runId) : null;
    if (stored !== null && isFinal(stored.status)) return stored;
    if (signal?.aborted) return mustFindRun(store, runId);
    signal?.addEventListener("abort", stopWaiting, { once: true });
    await sleep(clock, timeoutMs, over.signal);
    return ended ?? mustFindRun(store, runId);
  } finally {
    signal?.removeEventListener("abort", stopWaiting);
    removeListener();
  }
};
