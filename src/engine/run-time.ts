import type { Job } from "../domain/job.ts";
import type { Run } from "../domain/run.ts";
import { type Clock, sleep } from "../lib/clock.ts";

/** Resolves when the time of a whole run is up: true then, false where `signal` came first or it may take any time. */
export const timeIsUp = async (
  run: Run,
  job: Pick<Job, "timeoutMs">,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<boolean> => {
  if (job.timeoutMs === null) return false;
  const passedMs = Math.max(0, clock.now() - (run.startedAt ?? clock.now()));
  await sleep(clock, job.timeoutMs - passedMs, signal);
  return !signal.aborted;
};
