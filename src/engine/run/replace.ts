import type { Job } from "../../domain/job.ts";
import { isBackfilled } from "../../domain/limits/queue.ts";
import type { Store } from "../../store/store.ts";
import type { AddHooks } from "../commits.ts";
import type { Runs } from "./runs.ts";

type ReplaceOptions = {
  readonly runs: Runs;
  readonly store: Pick<Store, "runs">;
  readonly addHooks: AddHooks;
};

/**
 * Ends as many of the oldest runs of a job as the limit of the job requires for one more run: running ones are cancelled,
 * pending ones are dropped, apart from those of backfills, which come after it. The new run starts when a slot is free.
 */
export const replaceOldest = (job: Job, { runs, store, addHooks }: ReplaceOptions): void => {
  const running = runs.activeOf(job.id).filter(({ isEnding }) => !isEnding);
  const waiting = runs.waitingOf(job.id).filter(({ run }) => !isBackfilled(run));
  const count = running.length + waiting.length + 1 - (job.maxConcurrency ?? Number.POSITIVE_INFINITY);
  for (const active of running.slice(0, Math.max(0, count))) {
    store.runs.requestEnd(active.run.id, "cancelled");
    addHooks({ onCommit: () => active.end("cancelled", { all: false }) });
  }
  for (const each of waiting.slice(0, Math.max(0, count - running.length))) addHooks(runs.dropWaiting(each));
};
