import type { Clock } from "../../lib/clock.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { Worker } from "../../worker/worker.ts";

export type ReleaseWhenIdleOptions = {
  readonly runtime: Pick<Runtime, "collectGarbage" | "unmapExecutable">;
  readonly clock: Clock;
};

/**
 * How long a worker is idle before it collects garbage and releases its code, in ms, and how long after that it releases the code
 * again, which the collection and the first idle seconds needed.
 */
const DELAYS_MS = [10_000, 5_000, 60_000];

/** Releases the memory that attempts needed, after the worker has been idle for a while. */
export const releaseWhenIdle = (
  worker: Pick<Worker, "status" | "onChange">,
  { runtime, clock }: ReleaseWhenIdleOptions,
): Disposable => {
  let cancel: (() => void) | null = null;
  let hasWorked = false;
  const stop = (): void => {
    cancel?.();
    cancel = null;
  };
  const release = (step: number): void => {
    if (step === 0) runtime.collectGarbage();
    runtime.unmapExecutable();
    hasWorked = step + 1 < DELAYS_MS.length;
    cancel = null;
    if (hasWorked) wait(step + 1);
  };
  const wait = (step: number): void => {
    cancel ??= clock.setTimeout(() => release(step), DELAYS_MS[step] ?? 0);
  };
  const unlisten = worker.onChange(() => {
    const { running, ended } = worker.status;
    const isIdle = running + ended === 0;
    hasWorked ||= !isIdle;
    if (!isIdle) stop();
    else if (hasWorked) wait(0);
  });
  return {
    [Symbol.dispose]: () => {
      unlisten();
      stop();
    },
  };
};
