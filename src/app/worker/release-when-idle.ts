import type { Clock } from "../../lib/clock.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { Worker } from "../../worker/worker.ts";

export type ReleaseWhenIdleOptions = {
  readonly runtime: Pick<Runtime, "collectGarbage" | "unmapCode">;
  readonly clock: Clock;
};

/** How long after the last change of its status an idle worker releases memory, in ms. */
const IDLE_MS = 10_000;

/** Releases the memory that attempts needed, soon after the last one of a while. */
export const releaseWhenIdle = (
  worker: Pick<Worker, "status" | "onChange">,
  { runtime, clock }: ReleaseWhenIdleOptions,
): Disposable => {
  let cancel = (): void => {};
  let hasWorked = false;
  const release = (): void => {
    hasWorked = false;
    runtime.collectGarbage();
    runtime.unmapCode();
  };
  const unlisten = worker.onChange(() => {
    const { running, ended } = worker.status;
    const isIdle = running + ended === 0;
    hasWorked ||= !isIdle;
    if (!isIdle) cancel();
    else if (hasWorked) {
      cancel();
      cancel = clock.setTimeout(release, IDLE_MS);
    }
  });
  return {
    [Symbol.dispose]: () => {
      unlisten();
      cancel();
    },
  };
};
