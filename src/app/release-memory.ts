import { type Clock, sleep } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Runtime } from "../runtime/runtime.ts";

export type ReleaseOptions = {
  readonly runtime: Pick<Runtime, "collectGarbage" | "unmapExecutable">;
  readonly clock: Clock;
  readonly log: Log;
  /** True if the start left so much garbage that a collection is worth its time. */
  readonly isHeavy: boolean;
  /** The last work of the start. */
  readonly after: Promise<void>;
};

/** In the first seconds the runtime compiles what runs often, and its threads free memory. */
const DELAY_MS = 5_000;

/** How long after that the code is released again, which the first idle seconds and minutes needed. */
const AGAIN_AFTER_MS = [5_000, 60_000, 600_000];

/**
 * Releases the memory that only the start needed, a few seconds after it. Otherwise its garbage would be collected in the next
 * minute, when petit should be idle, and its code would stay in memory.
 */
export const releaseMemoryLater = ({ runtime, clock, log, isHeavy, after }: ReleaseOptions): Disposable => {
  const stop = new AbortController();
  const release = async (): Promise<void> => {
    await after;
    await sleep(clock, DELAY_MS, stop.signal);
    if (stop.signal.aborted) return;
    if (isHeavy) runtime.collectGarbage();
    runtime.unmapExecutable();
    for (const delayMs of AGAIN_AFTER_MS) {
      await sleep(clock, delayMs, stop.signal);
      if (stop.signal.aborted) return;
      runtime.unmapExecutable();
    }
  };
  release().catch((error: unknown) => log.warn({ err: error }, "memory could not be released"));
  return { [Symbol.dispose]: () => stop.abort() };
};
