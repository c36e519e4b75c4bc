import type { Attempt } from "../../domain/task-run.ts";
import { type Clock, sleep, steadyClock } from "../../lib/clock.ts";
import { ageMs } from "../attempt/identity.ts";
import { hasEnded } from "../attempt/process.ts";
import { spoolOf } from "../output/spool.ts";
import type { RunJobOptions } from "./context.ts";

type TimedRun = Pick<RunJobOptions, "run" | "taskRuns" | "attempts" | "adopted"> & {
  readonly engine: { readonly clock: Clock };
};

/**
 * Returns the clock of a run, in ms since the epoch. All times of a run, its tasks and its attempts are read from it: it
 * starts with the wall clock at the run's start and goes on by elapsed time, so that a step of the wall clock changes no
 * duration and no timeout.
 *
 * After a restart it goes on where it would be now. The age of any process that the run started during this boot tells
 * that, whether the process still lives or not. Where there is none, the wall clock does, but never a time before what is
 * already stored.
 */
export const clockOfRun = ({ engine, run, taskRuns, attempts, adopted }: TimedRun): (() => number) => {
  const stored = [run, ...taskRuns, ...attempts].flatMap(({ startedAt, endedAt }) => [startedAt ?? 0, endedAt ?? 0]);
  const known = adopted.flatMap(({ attempt, process }) => ({ ...attempt, process: process?.identity ?? null }));
  const byAge = [...attempts, ...known].flatMap(({ startedAt, process }) => {
    const age = process === null ? null : ageMs(process);
    return age === null ? [] : [startedAt + Math.round(age)];
  });
  return steadyClock(engine.clock, Math.max(...stored, ...(byAge.length > 0 ? byAge : [engine.clock.now()])));
};

/** How long a run whose time is up waits for exits that have happened to be stored, in ms, where other tasks still run. */
const STORE_MS = 1_000;

/** Resolves when the exits that have happened are stored; what still runs is ended soon, also while that is impossible. */
export const exitsStored = async (
  making: ReadonlyMap<Attempt, Promise<void>>,
  { spoolDir, clock }: { readonly spoolDir: string; readonly clock: Clock },
): Promise<void> => {
  const ended = [...making].filter(([{ id }]) => hasEnded(spoolOf(spoolDir, id)));
  const stored = new AbortController();
  const storing = Promise.all(ended.map(([, made]) => made)).then(() => stored.abort());
  const isAll = ended.length === making.size;
  await (isAll ? storing : Promise.race([storing, sleep(clock, STORE_MS, stored.signal)]));
};
