import { executingOf, startingOf } from "../../domain/limits/activity.ts";
import { waitingCountTexts } from "../../domain/words/waiting-for.ts";
import type { Engine } from "../../engine/engine.ts";
import type { Worker, WorkerStatus } from "../../worker/worker.ts";

/** What the status of the service is made from. */
export type StatusSource = {
  readonly text: () => string;
  /** Calls `listener` when the text may have changed. Returns a function that ends that. */
  readonly onChange: (listener: () => void) => () => void;
};

/** Returns the source of the status of an engine. */
export const engineStatus = (engine: Pick<Engine, "listJobs" | "activity" | "state" | "onEvent">): StatusSource => ({
  text: () => statusLine(engine),
  onChange: (listener) => engine.onEvent(listener),
});

/** Returns the source of the status of a worker. */
export const workerStatus = (worker: Pick<Worker, "status" | "onChange">): StatusSource => ({
  text: () => workerLine(worker.status),
  onChange: (listener) => worker.onChange(listener),
});

/** Returns the status text of a worker, such as `connected, 1 of 2 slots in use, 0 to hand over`. */
const workerLine = ({ link, isAccepted, isDraining, slots, running, ended }: WorkerStatus): string =>
  [
    link.status === "connected"
      ? isAccepted
        ? "connected"
        : "waiting for the scheduler"
      : `not connected: ${link.fault}`,
    `${running} of ${slots} slots in use`,
    `${ended} to hand over`,
    ...(isDraining ? ["draining"] : []),
  ].join(", ");

/** Returns the status text of the service, such as `12 jobs, 2 runs in progress, 1 waiting for approval`. */
export const statusLine = (engine: Pick<Engine, "listJobs" | "activity" | "state">): string => {
  const jobs = engine.listJobs().length;
  const activity = engine.activity();
  const executing = executingOf(activity);
  const waiting = waitingCountTexts(activity.waiting);
  return [
    `${jobs} ${jobs === 1 ? "job" : "jobs"}`,
    `${executing} ${executing === 1 ? "run" : "runs"} in progress`,
    ...(waiting.length === 0 ? [`${startingOf(activity)} waiting`] : waiting),
    ...(engine.state === "running" ? [] : [WORDS[engine.state]]),
  ].join(", ");
};

const WORDS = { paused: "paused", stopped: "stopping" } as const;
