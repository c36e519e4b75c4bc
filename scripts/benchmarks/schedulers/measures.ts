import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { makeFolder } from "../workspace.ts";
import { type BenchJob, type RunningScheduler, type Scheduler, startScheduler } from "./scheduler.ts";

const TASKS = 100;
const DUE_JOBS = 100;
const BURST = 200;
const CONNECTIONS = 4;
const TRUE = ["/bin/true"] as const;

/** What was measured of one scheduler, or of the machine alone. Times in ms; no values if it was not measured. */
export type Figures = {
  /** From the request of a trigger to its answer. */
  readonly answeredMs: readonly number[];
  /** From the request to the first answer that says that the run has ended. */
  readonly finishedMs: readonly number[];
  /** Runs per second of CONNECTIONS clients that each wait for their run. */
  readonly polledPerSecond: readonly number[];
  /** Runs per second of BURST triggers. */
  readonly burstPerSecond: readonly number[];
  /** CPU time of each of these runs, the polling and the processes included. */
  readonly burstCpuMs: readonly number[];
  /** Per task of a job of TASKS tasks. */
  readonly chainedMs: readonly number[];
  readonly parallelMs: readonly number[];
  /** From the second in which DUE_JOBS jobs are due to the start of the program of each. */
  readonly latenessMs: readonly number[];
};

export type Counts = {
  /** Maximum time for each measure, in ms. */
  readonly maxMs: number;
  readonly triggers: number;
  readonly finished: number;
  readonly occurrences: number;
};

/** Measures the paths of a trigger, a task and a tick of a new scheduler. */
export const measureScheduler = async (scheduler: Scheduler, counts: Counts): Promise<Figures> => ({
  ...(await measureTriggers(scheduler, counts)),
  latenessMs: await measureLateness(scheduler, counts.occurrences),
});

const measureTriggers = async (scheduler: Scheduler, counts: Counts): Promise<Omit<Figures, "latenessMs">> => {
  await using running = await startScheduler(scheduler, { dir: makeFolder("scheduler"), jobs: TRIGGERED_JOBS });
  const { maxMs, triggers, finished } = counts;
  const measure = (work: () => Promise<readonly number[]>) => orNothing(work, scheduler);
  await measure(() => repeat({ times: finished / 2, maxMs }, () => runOne(running, 1)));
  return {
    answeredMs: await measure(() => repeat({ times: triggers, maxMs, pauseMs: 10 }, () => running.trigger("one"))),
    finishedMs: await measure(() => repeat({ times: finished, maxMs }, () => runOne(running, 0))),
    polledPerSecond: await measure(async () => [await measurePolled((pauseMs) => runOne(running, pauseMs), maxMs)]),
    ...(await measureBursts(running, measure)),
    chainedMs: await measure(() => msPerTask(running, "chained")),
    parallelMs: await measure(() => msPerTask(running, "parallel")),
  };
};

const MANUAL = { schedule: null, isChained: false };
const MANY = Array.from({ length: TASKS }, () => TRUE);

/** A job of one task, and two of TASKS tasks. */
export const TRIGGERED_JOBS: readonly BenchJob[] = [
  { ...MANUAL, id: "one", tasks: [TRUE] },
  { ...MANUAL, id: "chained", tasks: MANY, isChained: true },
  { ...MANUAL, id: "parallel", tasks: MANY },
];

/** Runs the job `one` and polls it, `pauseMs` after each answer. */
export const runOne = async (running: RunningScheduler, pauseMs: number): Promise<void> =>
  running.waitForRun(await running.trigger("one"), pauseMs);

export const msPerTask = async (
  running: RunningScheduler,
  jobId: "chained" | "parallel",
): Promise<readonly number[]> => {
  const ms = await msOf(async () => running.waitForRun(await running.trigger(jobId), 2));
  return [ms / TASKS];
};

/** Returns no values if a measure fails, which is reported. The other measures continue. */
export const orNothing = async (
  work: () => Promise<readonly number[]>,
  { name }: Scheduler,
): Promise<readonly number[]> => {
  try {
    return await work();
  } catch (error) {
    console.error(`${name}: ${error instanceof Error ? error.message : error}`);
    return [];
  }
};

const measurePolled = async (runOne: (pauseMs: number) => Promise<void>, ms: number): Promise<number> => {
  const startedAt = performance.now();
  let runs = 0;
  const client = async (): Promise<void> => {
    while (performance.now() - startedAt < ms) {
      await runOne(1);
      runs++;
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, client));
  return (runs / (performance.now() - startedAt)) * 1000;
};

/** Runs the job `one` BURST times, over CONNECTIONS connections. */
export const measureBursts = async (
  running: RunningScheduler,
  measure: (work: () => Promise<readonly number[]>) => Promise<readonly number[]>,
): Promise<Pick<Figures, "burstPerSecond" | "burstCpuMs">> => {
  const before = running.cpuMs;
  const burstPerSecond = await measure(async () => [await measureBurst(running)]);
  return { burstPerSecond, burstCpuMs: burstPerSecond.map(() => (running.cpuMs - before) / BURST) };
};

const measureBurst = async (running: RunningScheduler): Promise<number> => {
  const paths: string[] = [];
  let remaining = BURST;
  const client = async (): Promise<void> => {
    while (remaining-- > 0) paths.push(await running.trigger("one"));
  };
  const ms = await msOf(async () => {
    await Promise.all(Array.from({ length: CONNECTIONS }, client));
    for (const path of paths.toReversed()) await running.waitForRun(path, 1);
  });
  return (BURST / ms) * 1000;
};

/** Each job creates a file; when it did shows how late it was, whatever the scheduler records. */
const measureLateness = async (scheduler: Scheduler, occurrences: number): Promise<readonly number[]> => {
  if (occurrences === 0) return [];
  const dir = makeFolder("lateness");
  const out = join(dir, "out");
  mkdirSync(out);
  const jobs = Array.from({ length: DUE_JOBS }, (_, index) => ({
    id: `due${index}`,
    tasks: [touch(out, index)],
    isChained: false,
    schedule: scheduler.frequent.schedule,
  }));
  const periodMs = scheduler.frequent.periodSeconds * 1000;
  await using _running = await startScheduler(scheduler, { dir, jobs });
  const latenessMs: number[] = [];
  for (let index = 0; index < (periodMs > 10_000 ? 1 : occurrences); index++) {
    const dueAt = Math.ceil((Date.now() + 1_000) / periodMs) * periodMs;
    await Bun.sleep(dueAt - 500 - Date.now());
    rmSync(out, { recursive: true });
    mkdirSync(out);
    latenessMs.push(...(await readLateness(out, dueAt)));
  }
  return latenessMs;
};

const touch = (out: string, index: number): readonly string[] => ["/usr/bin/touch", join(out, String(index))];

const MAX_LATENESS_MS = 20_000;

const readLateness = async (out: string, dueAt: number): Promise<readonly number[]> => {
  while (Date.now() < dueAt + 300) await Bun.sleep(50);
  while (readdirSync(out).length < DUE_JOBS && Date.now() < dueAt + MAX_LATENESS_MS) await Bun.sleep(50);
  return readdirSync(out).map((name) => statSync(join(out, name)).mtimeMs - dueAt);
};

/** Calls `work` repeatedly, until `maxMs` have passed. Returns how long each call took. */
export const repeat = async (
  { times, maxMs, pauseMs = 0 }: { readonly times: number; readonly maxMs: number; readonly pauseMs?: number },
  work: () => unknown,
): Promise<readonly number[]> => {
  const deadline = performance.now() + maxMs;
  const durations: number[] = [];
  for (let index = 0; index < times && performance.now() < deadline; index++) {
    durations.push(await msOf(work));
    if (pauseMs > 0) await Bun.sleep(pauseMs);
  }
  return durations;
};

export const msOf = async (work: () => unknown): Promise<number> => {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
};

/** Starts the program of the lateness measure for each job, with nothing around it. */
export const measureRawLateness = async (): Promise<readonly number[]> => {
  const out = makeFolder("raw-lateness");
  const startedAt = Date.now();
  await Promise.all(
    Array.from(
      { length: DUE_JOBS },
      (_, index) => Bun.spawn([...touch(out, index)], { stdio: ["ignore", "ignore", "ignore"] }).exited,
    ),
  );
  return readdirSync(out).map((name) => statSync(join(out, name)).mtimeMs - startedAt);
};
