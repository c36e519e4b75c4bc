import { PetitError } from "../domain/errors.ts";
import { isStorageFault } from "../domain/health.ts";
import { healthMessage } from "../domain/words/health.ts";
import { LOCK_WAIT_MS } from "../engine/commits.ts";
import { sleep } from "../lib/clock.ts";
import type { ApiContext } from "./context.ts";

/**
 * Resolves with the result of a reload. Waits for it at most as long as a trigger waits for the database, and then rejects with
 * `storage_failed`; the engine keeps trying after that. `done` begins the sentence then: what has been done all the same.
 */
export const reloaded = async <Result>(
  reloading: Promise<Result>,
  { engine, clock }: Pick<ApiContext, "engine" | "clock">,
  done = "",
): Promise<Result> => {
  const end = new AbortController();
  const waiting = reloading.finally(() => end.abort());
  await Promise.race([waiting, sleep(clock, LOCK_WAIT_MS, end.signal)]);
  if (end.signal.aborted) return await waiting;
  waiting.catch(() => {});
  const { reasons } = engine.health();
  const why = reasons.map(healthMessage).join("; ");
  const fault = reasons.find(isStorageFault);
  throw new PetitError(
    "storage_failed",
    `${done}the job files will be reloaded when the database can be written: ${why}`,
    {
      details: fault === undefined ? null : { reason: "storage_failed", fault },
    },
  );
};
