import type { RunId } from "../../domain/ids.ts";
import type { Run } from "../../domain/run.ts";
import type { Attempt } from "../../domain/task-run.ts";
import type { Offer } from "../../domain/workers/protocol.ts";
import { uuidv7 } from "../../lib/uuid.ts";
import type { Store } from "../../store/store.ts";

/** The run and the attempt that stand for an offer in the worker's database. */
export type LocalAttempt = {
  readonly run: Run;
  /** Its number is that of the offer, and its start is the claim. */
  readonly attempt: Attempt;
};

/**
 * Stores a granted offer, and a local run with one task and one attempt for it. A run needs a stored definition: all local runs have the same
 * empty one, because the definition that applies is in the offer.
 */
export const storeGranted = (
  store: Store,
  offer: Offer,
  { versionId, now }: { readonly versionId: number; readonly now: number },
): LocalAttempt =>
  store.transaction(() => {
    const { id: taskId } = taskOfOffer(offer);
    const run = store.runs.start({
      id: uuidv7(now) as RunId,
      job: offer.job,
      versionId,
      status: "running",
      trigger: "manual",
      params: {},
      now,
      scheduledFor: null,
      ledger: null,
      retry: null,
      idempotency: null,
    });
    const attempt = store.runs.startAttempt(run, { taskId, item: null }, now);
    store.received.add(offer, attempt.id, now);
    return { run, attempt: numbered(attempt, offer) };
  });

/** Returns what an earlier worker process has stored for an offer. */
export const findLocal = (store: Store, offer: Offer, runId: RunId): LocalAttempt => {
  const run = store.runs.find(runId);
  const [attempt] = store.runs.listAttempts(runId);
  if (run === null || attempt === undefined) throw new Error(`there is no attempt of the local run ${runId}`);
  return { run, attempt: numbered(attempt, offer) };
};

/** Returns the task of an offer. */
export const taskOfOffer = ({ job }: Pick<Offer, "job">) => {
  const [task] = job.tasks;
  if (task === undefined) throw new Error(`the offer of ${job.id} has no task`);
  return task;
};

const numbered = (attempt: Attempt, { attemptNumber }: Offer): Attempt => ({ ...attempt, attempt: attemptNumber });
