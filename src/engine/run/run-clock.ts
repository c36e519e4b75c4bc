import type { Run } from "../../domain/run.ts";
import type { Attempt, ProcessIdentity, TaskRun } from "../../domain/task-run.ts";
import { type Clock, steadyClock } from "../../lib/clock.ts";
import { ageMs } from "../attempt/identity.ts";

export type RunClockOptions = {
  readonly clock: Clock;
  readonly run: Run;
  readonly taskRuns: readonly TaskRun[];
  readonly attempts: readonly Attempt[];
  readonly adopted: readonly {
    readonly attempt: Attempt;
    readonly process: { readonly identity?: ProcessIdentity } | null;
  }[];
};

/**
 * Returns the clock of a run, in ms since the Unix epoch. All times of a run, its tasks and its attempts are read from it. It
 * starts with the wall clock at the start of the run and then counts elapsed time, so that a step of the wall clock changes
 * no duration and no timeout.
 *
 * After a restart the clock must continue. The age of any process that the run started during this boot gives the elapsed
 * time, even if the process has ended. If there is none, the clock continues with the wall clock, but never before a time
 * that is already stored.
 */
export const clockOfRun = ({ clock, run, taskRuns, attempts, adopted }: RunClockOptions): (() => number) => {
  const stored = [run, ...taskRuns, ...attempts].flatMap(({ startedAt, endedAt }) => [startedAt ?? 0, endedAt ?? 0]);
  const known = adopted.flatMap(({ attempt, process }) => ({ ...attempt, process: process?.identity ?? null }));
  const byAge = [...attempts, ...known].flatMap(({ startedAt, process }) => {
    const age = process === null ? null : ageMs(process);
    return age === null ? [] : [startedAt + Math.round(age)];
  });
  return steadyClock(clock, Math.max(...stored, ...(byAge.length > 0 ? byAge : [clock.now()])));
};
