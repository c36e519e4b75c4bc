import { readdirSync, readFileSync } from "node:fs";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Runtime } from "../runtime/runtime.ts";

/** Interval between checks for inherited children. */
const REAP_MS = 2_000;

export type ReapOptions = { readonly runtime: Pick<Runtime, "reap">; readonly clock: Clock; readonly log: Log };

/**
 * Reaps orphaned processes when petit is process 1 of a container. If it cannot, it logs how to run petit under an init
 * process. Does nothing if petit is not process 1.
 */
export const reapOrphans = (options: ReapOptions, pid = process.pid): Disposable => {
  let cancel = (): void => {};
  const look = (): void => {
    for (const child of childrenOf(pid)) options.runtime.reap(child);
    cancel = options.clock.setTimeout(look, REAP_MS);
  };
  if (pid === 1) {
    if (canReap(options, pid)) look();
    else options.log.warn({}, HINT);
  }
  return { [Symbol.dispose]: () => cancel() };
};

const HINT =
  "petit is process 1 and cannot reap orphaned processes; run it under an init process: docker run --init, or tini -- petit run";

const NOBODY = 2 ** 30;

const canReap = ({ runtime }: ReapOptions, pid: number): boolean =>
  runtime.reap(NOBODY) !== null && readChildren(pid, String(pid)) !== null;

const childrenOf = (pid: number): readonly number[] => {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.flatMap((thread) => (readChildren(pid, thread) ?? "").split(" ").filter(Boolean).map(Number));
};

/** Returns null if the system has no such file. */
const readChildren = (pid: number, thread: string): string | null => {
  try {
    return readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8");
  } catch {
    return null;
  }
};
