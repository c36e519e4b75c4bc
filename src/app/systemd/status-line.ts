import type { Engine } from "../../engine/engine.ts";

/** Returns the status text of the service, such as `12 jobs, 2 runs in progress, 1 waiting`. */
export const statusLine = (engine: Pick<Engine, "listJobs" | "counts" | "state">): string => {
  const jobs = engine.listJobs().length;
  const { running, pending } = engine.counts;
  return [
    `${jobs} ${jobs === 1 ? "job" : "jobs"}`,
    `${running} ${running === 1 ? "run" : "runs"} in progress`,
    `${pending} waiting`,
    ...(engine.state === "running" ? [] : [WORDS[engine.state]]),
  ].join(", ");
};

const WORDS = { paused: "paused", stopped: "stopping" } as const;
