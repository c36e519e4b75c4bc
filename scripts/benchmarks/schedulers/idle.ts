import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cpuMs, residentMiB } from "../petit-process.ts";
import { makeFolder } from "../workspace.ts";
import { type ColdFigures, measureFinished } from "./cold.ts";
import { measureBursts, msOf, msPerTask, orNothing, TRIGGERED_JOBS } from "./measures.ts";
import { type BenchJob, type RunningScheduler, type Scheduler, startScheduler } from "./scheduler.ts";

const SIZES = [1_000, 10_000] as const;
type Size = (typeof SIZES)[number];

/** What is measured of a scheduler whose jobs are not due. No values if it could not be measured. */
export type IdleFigures = Readonly<Record<Size, SizeFigures>>;

type SizeFigures = {
  /** From exec until a trigger was accepted, in ms. The jobs are known from an earlier start. */
  readonly startMs: readonly number[];
  /** How often a thread of the process began to wait, per second. */
  readonly wakeUpsPerSecond: readonly number[];
  /** CPU time in percent of one processor. */
  readonly cpuPercent: readonly number[];
  readonly residentMiB: readonly number[];
  /** The first runs after the idle time. */
  readonly after: ColdFigures;
};

/** Within this time after a start, petit compares all files with the database and releases memory. */
const SETTLE_MS = 25_000;

/**
 * Starts all schedulers with 1,000 and with 10,000 jobs, and measures what they do in `idleMs` without work, and then their next
 * runs: one after the other with 1,000 jobs, in a burst with 10,000.
 */
export const measureIdleTimes = async (
  schedulers: readonly Scheduler[],
  idleMs: number,
): Promise<ReadonlyMap<Scheduler, IdleFigures>> => {
  await using processes = new AsyncDisposableStack();
  const started: { readonly scheduler: Scheduler; readonly size: Size; readonly process: IdleProcess }[] = [];
  for (const size of SIZES) {
    for (const scheduler of schedulers) {
      const process = await startKnown(scheduler, size);
      processes.use(process.running);
      started.push({ scheduler, size, process });
    }
  }
  await Bun.sleep(SETTLE_MS);
  const begun = new Map(started.map(({ process }) => [process, usageOf(process.running)]));
  await Bun.sleep(idleMs);
  const ended = new Map(started.map(({ process }) => [process, usageOf(process.running)]));
  const figures = new Map(schedulers.map((scheduler) => [scheduler, { 1000: NOTHING, 10000: NOTHING }]));
  for (const { scheduler, size, process } of started) {
    const [before, after, all] = [begun.get(process), ended.get(process), figures.get(scheduler)];
    if (before === undefined || after === undefined || all === undefined) continue;
    all[size] = {
      startMs: [process.startMs],
      wakeUpsPerSecond: [(wakeUpsSince(before, after) / idleMs) * 1000],
      cpuPercent: [((after.cpuMs - before.cpuMs) / idleMs) * 100],
      residentMiB: [residentMiB(process.running.pid)],
      after: await measureAfter(process.running, size),
    };
  }
  return figures;
};

const NO_RUNS: ColdFigures = { finishedMs: [], burstPerSecond: [], burstCpuMs: [], chainedMs: [], parallelMs: [] };
const NOTHING: SizeFigures = { startMs: [], wakeUpsPerSecond: [], cpuPercent: [], residentMiB: [], after: NO_RUNS };

type IdleProcess = { readonly running: RunningScheduler; readonly startMs: number };

/** Starts a scheduler that has read its job files before. */
const startKnown = async (scheduler: Scheduler, size: Size): Promise<IdleProcess> => {
  const dir = makeFolder("idle");
  const jobs = [...TRIGGERED_JOBS, ...Array.from({ length: size }, (_, index) => yearlyJob(index))];
  await (await startScheduler(scheduler, { dir, jobs }))[Symbol.asyncDispose]();
  let running: RunningScheduler | null = null;
  const startMs = await msOf(async () => {
    running = await startScheduler(scheduler, { dir, jobs });
    await running.trigger("one");
  });
  if (running === null) throw new Error(`${scheduler.name} did not start`);
  return { running, startMs };
};

const yearlyJob = (index: number): BenchJob => ({
  id: `idle-${String(index).padStart(5, "0")}`,
  tasks: [["/bin/true"]],
  isChained: false,
  schedule: "@yearly",
});

const measureAfter = async (running: RunningScheduler, size: Size): Promise<ColdFigures> => {
  const measure = (work: () => Promise<readonly number[]>) => orNothing(work, running.scheduler);
  if (size === 1_000)
    return {
      ...NO_RUNS,
      finishedMs: await measureFinished(running),
      chainedMs: await measure(() => msPerTask(running, "chained")),
    };
  return {
    ...NO_RUNS,
    ...(await measureBursts(running, measure)),
    parallelMs: await measure(() => msPerTask(running, "parallel")),
  };
};

type Usage = { readonly wakeUps: ReadonlyMap<string, number>; readonly cpuMs: number };

const usageOf = ({ pid }: RunningScheduler): Usage => ({ wakeUps: wakeUps(pid), cpuMs: cpuMs(pid) });

/** Returns how often each thread of a process has given up its processor to wait (proc_pid_status(5)). */
const wakeUps = (pid: number): ReadonlyMap<string, number> => {
  const folder = `/proc/${pid}/task`;
  return new Map(
    readdirSync(folder).map((thread) => {
      const status = readFileSync(join(folder, thread, "status"), "utf8");
      return [thread, Number(/^voluntary_ctxt_switches:\s+(\d+)$/m.exec(status)?.[1])];
    }),
  );
};

/** Counts the threads that are left. */
const wakeUpsSince = (before: Usage, after: Usage): number =>
  [...after.wakeUps].reduce((sum, [thread, count]) => sum + count - (before.wakeUps.get(thread) ?? 0), 0);
