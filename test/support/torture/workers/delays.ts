import type { Fleet } from "../../nats/fleet.ts";
import { ask, post } from "../../petit/api.ts";
import { eventually } from "../run.ts";
import { killAll } from "./faults.ts";
import { isAlive, type Mark, processesOn, readMarks } from "./marks.ts";

/** How long reactions to a fault took, in ms, one value for each time. */
export type Delays = {
  /** From the start of a worker whose machine was restarted until the lost attempt is reported. */
  readonly returned: readonly number[];
  /** From the death of a machine until the attempt on it is reported as lost. */
  readonly died: readonly number[];
  /** From the cut of a worker until its attempt runs on another one. */
  readonly moved: readonly number[];
  /** From the end of the attempt on the worker that was cut off until the other one began. */
  readonly gaps: readonly number[];
};

export type DelayOptions = {
  readonly fleet: Fleet;
  readonly marksDir: string;
  readonly lostAfterMs: number;
  readonly times: number;
};

/** Measures how long reactions to single faults take, when nothing else happens. */
export const measureDelays = async (options: DelayOptions): Promise<Delays> => {
  const delays = { returned: [] as number[], died: [] as number[], moved: [] as number[], gaps: [] as number[] };
  for (let time = 0; time < options.times; time++) {
    delays.returned.push(await measureReturn(options));
    delays.died.push(await measureDeath(options));
    const { movedMs, gapMs } = await measureMove(options);
    delays.moved.push(movedMs);
    delays.gaps.push(gapMs);
  }
  return delays;
};

const measureReturn = async (options: DelayOptions): Promise<number> => {
  const { runId, worker } = await startOn(options, "long");
  await killMachine(options, worker);
  const startedAt = performance.now();
  await worker.start();
  await ended(options, runId);
  return performance.now() - startedAt;
};

const measureDeath = async (options: DelayOptions): Promise<number> => {
  const { runId, worker } = await startOn(options, "long");
  const killedAt = performance.now();
  await killMachine(options, worker);
  await ended(options, runId);
  const delayMs = performance.now() - killedAt;
  await worker.start();
  return delayMs;
};

const measureMove = async (options: DelayOptions): Promise<{ readonly movedMs: number; readonly gapMs: number }> => {
  const { runId, worker, mark } = await startOn(options, "long_rerun");
  const cutAt = performance.now();
  worker.proxy.cut();
  const firstEnded = eventually(
    "the end of the first attempt",
    () => (isAlive(mark.pid) ? null : true),
    limitOf(options),
  ).then(() => performance.now());
  await beginning(options, runId, 2);
  const movedAt = performance.now();
  worker.proxy.heal();
  const endedAt = await firstEnded;
  await ended(options, runId);
  return { movedMs: movedAt - cutAt, gapMs: movedAt - endedAt };
};

/** Starts a job. Returns its run and the worker that runs it. */
const startOn = async (options: DelayOptions, job: string) => {
  const { fleet } = options;
  const { body } = await post(fleet, `/api/jobs/${job}/trigger`);
  const runId: string = body.run_id;
  const mark = await beginning(options, runId, 1);
  const worker = fleet.workers.find(({ name }) => name === mark.machine);
  if (worker === undefined) throw new Error(`${mark.machine} is no worker`);
  return { runId, worker, mark };
};

/** Resolves when an attempt of a run has begun. */
const beginning = async (options: DelayOptions, runId: string, attempt: number): Promise<Mark> =>
  await eventually(
    `attempt ${attempt} of run ${runId}`,
    () => readMarks(options.marksDir, runId).find((mark) => mark.attempt === attempt && mark.pid > 0) ?? null,
    limitOf(options),
  );

const ended = async (options: DelayOptions, runId: string): Promise<void> => {
  await eventually(
    `the end of run ${runId}`,
    async () => {
      const { body } = await ask(options.fleet, `/api/runs/${runId}`);
      return body.ended_at ?? null;
    },
    limitOf(options),
  );
};

/** Kills a worker and what it runs, as a power failure does. */
const killMachine = async ({ marksDir }: DelayOptions, worker: Fleet["workers"][number]): Promise<void> => {
  await worker.kill();
  killAll(processesOn(marksDir, worker.name));
};

const limitOf = ({ lostAfterMs }: DelayOptions): number => 4 * lostAfterMs + 20_000;
