import type { RunId } from "../domain/ids.ts";
import { isFinal, type Run } from "../domain/run.ts";
import { abortQuietly } from "../lib/abort.ts";
import { type Clock, sleep } from "../lib/clock.ts";
import type { Store } from "../store/store.ts";
import { mustFindRun } from "./find-run.ts";
import type { Runs } from "./runs.ts";

/** `timeoutMs`: without it, as long as it takes. */
export type WaitOptions = { readonly timeoutMs?: number; readonly signal?: AbortSignal };

type Sources = { readonly store: Store; readonly runs: Pick<Runs, "onEnd">; readonly clock: Clock };

/** Resolves with the run when it has ended, or as it stands when the time is up or the signal aborts. Throws `not_found`. */
export const waitForRun = async (runId: RunId, options: WaitOptions & Sources): Promise<Run> => {
  const { store, runs, clock, timeoutMs = Number.POSITIVE_INFINITY } = options;
  const over = new AbortController();
  const end = runs.onEnd(runId, () => abortQuietly(over));
  try {
    const run = mustFindRun(store, runId);
    if (isFinal(run.status)) return run;
    const signal = options.signal === undefined ? over.signal : AbortSignal.any([over.signal, options.signal]);
    await sleep(clock, timeoutMs, signal);
    return mustFindRun(store, runId);
  } finally {
    end();
  }
};
