import type { RunId } from "../../domain/ids.ts";
import { isFinal, type Run } from "../../domain/run.ts";
import { abortQuietly } from "../../lib/abort.ts";
import { type Clock, sleep } from "../../lib/clock.ts";
import type { Store } from "../../store/store.ts";
import { mustFindRun } from "./find.ts";
import type { Runs } from "./runs.ts";

/** `timeoutMs`: without it, as long as it takes. */
export type WaitOptions = { readonly timeoutMs?: number; readonly signal?: AbortSignal };

type Sources = { readonly store: Store; readonly runs: Pick<Runs, "find" | "onEnd">; readonly clock: Clock };

/** Resolves with the run when it has ended, or as it stands when the time is up or the signal aborts. Throws `not_found`. */
export const waitForRun = async (runId: RunId, options: WaitOptions & Sources): Promise<Run> => {
  const { store, runs, clock, signal, timeoutMs = Number.POSITIVE_INFINITY } = options;
  const over = new AbortController();
  const giveUp = (): void => abortQuietly(over);
  let ended: Run | null = null;
  const end = runs.onEnd(runId, (run) => {
    ended = run;
    giveUp();
  });
  try {
    // Nobody needs to ask the database about a run that is going on.
    const stored = runs.find(runId) === null ? mustFindRun(store, runId) : null;
    if (stored !== null && isFinal(stored.status)) return stored;
    if (signal?.aborted) return mustFindRun(store, runId);
    signal?.addEventListener("abort", giveUp, { once: true });
    await sleep(clock, timeoutMs, over.signal);
    return ended ?? mustFindRun(store, runId);
  } finally {
    signal?.removeEventListener("abort", giveUp);
    end();
  }
};
