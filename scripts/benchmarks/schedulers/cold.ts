import { makeFolder } from "../workspace.ts";
import { type Figures, measureBursts, msPerTask, orNothing, repeat, runOne, TRIGGERED_JOBS } from "./measures.ts";
import { type RunningScheduler, type Scheduler, startScheduler } from "./scheduler.ts";

const RUNS = 200;
const MAX_MS = 10_000;

/** What is measured of a process that has run nothing yet, or nothing for a while. */
export type ColdFigures = Pick<Figures, "finishedMs" | "burstPerSecond" | "burstCpuMs" | "chainedMs" | "parallelMs">;

/** Measures the first runs of new processes: one after the other, then in a burst, then of many tasks, each in its own process. */
export const measureFirstRuns = async (scheduler: Scheduler): Promise<ColdFigures> => ({
  finishedMs: await withNewProcess(scheduler, (running) => measureFinished(running)),
  ...(await withNewProcess(scheduler, (running) => measureBursts(running, (work) => orNothing(work, scheduler)))),
  chainedMs: await withNewProcess(scheduler, (running) => msPerTask(running, "chained")),
  parallelMs: await withNewProcess(scheduler, (running) => msPerTask(running, "parallel")),
});

/** Measures RUNS runs, one after the other. */
export const measureFinished = (running: RunningScheduler): Promise<readonly number[]> =>
  orNothing(() => repeat({ times: RUNS, maxMs: MAX_MS }, () => runOne(running, 0)), running.scheduler);

const withNewProcess = async <T>(
  scheduler: Scheduler,
  measure: (running: RunningScheduler) => Promise<T>,
): Promise<T> => {
  await using running = await startScheduler(scheduler, { dir: makeFolder("cold"), jobs: TRIGGERED_JOBS });
  return await measure(running);
};
