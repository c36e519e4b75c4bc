import type { Engine } from "../../engine/engine.ts";

/** What petit does at the moment, for the status of a service: `12 jobs, 2 runs going on, 1 waiting`. */
export const statusLine = (engine: Pick<Engine, "listJobs" | "counts" | "state">): string => {
  const jobs = engine.listJobs().length;
  const { running, pending } = engine.counts;
  return [
    `${jobs} ${jobs === 1 ? "job" : "jobs"}`,
    `${running} ${running === 1 ? "run" : "runs"} going on`,
    `${pending} waiting`,
    ...(engine.state === "running" ? [] : [WORDS[engine.state]]),
  ].join(", ");
};

const WORDS = { paused: "paused", stopped: "stopping" } as const;
