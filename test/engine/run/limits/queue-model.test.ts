import { expect, test } from "bun:test";
import { newRunId, type RunId } from "../../../../src/domain/ids.ts";
import type { Job } from "../../../../src/domain/job.ts";
import { Limiter, type WaitingRun } from "../../../../src/engine/run/limits/limiter.ts";
import { job } from "../../../support/engine/factories.ts";
import { memoryStore, startRun } from "../../../support/engine/factories-store.ts";
import { randomOf } from "../../../support/torture/random.ts";

const SEED = Number(process.env.PETIT_MODEL_SEED ?? Math.floor(Math.random() * 2 ** 31));

const MAX_JOBS = 3;

/** Two jobs of a queue, one of them after a change of its priority, and one without a queue. */
const JOBS: readonly Job[] = [
  job("one", { queue: "q", priority: 1 }),
  job("two", { queue: "q" }),
  job("two", { queue: "q", priority: -1 }),
  job("free"),
];

/** Runs of a limiter, and where each of them must be. */
class World {
  readonly limiter = new Limiter({ maxJobs: MAX_JOBS, queues: new Map([["q", 1]]) });
  readonly #template = startRun(memoryStore(), { job: job("any"), status: "pending" });
  readonly #ages = new Map<RunId, number>();
  readonly pending = new Map<RunId, WaitingRun>();
  readonly running = new Map<RunId, WaitingRun>();
  readonly parked = new Map<RunId, WaitingRun>();
  started = 0;

  trigger(definition: Job): void {
    const run = { ...this.#template, id: newRunId(0) };
    const waiting = { run, job: definition };
    this.#ages.set(run.id, this.#ages.size);
    if (this.limiter.isFull(definition)) {
      this.pending.set(run.id, waiting);
      this.limiter.enqueue(waiting);
    } else this.#start(waiting);
  }

  #start(waiting: WaitingRun): void {
    this.limiter.enter(waiting.job, waiting.run.id);
    this.running.set(waiting.run.id, waiting);
    this.started++;
  }

  end(runId: RunId): void {
    this.limiter.leave(runId);
    this.running.delete(runId);
    this.parked.delete(runId);
  }

  park(runId: RunId): void {
    this.limiter.park(runId);
    move(runId, this.running, this.parked);
  }

  unpark(runId: RunId): void {
    if (this.limiter.unpark(runId)) move(runId, this.parked, this.running);
  }

  /** Gives free places away, as `Runs` does after each change. */
  settle(): void {
    for (let id = this.limiter.nextReturning(); id !== null; id = this.limiter.nextReturning()) this.unpark(id);
    for (let next = this.limiter.nextStartable(); next !== null; next = this.limiter.nextStartable()) {
      this.limiter.takeOut(next.run.id);
      this.pending.delete(next.run.id);
      this.#expectFirst(next);
      this.#start(next);
    }
  }

  /** Expects that no pending run of the same queue has a higher priority, or the same and is older. */
  #expectFirst(next: WaitingRun): void {
    const rivals = [...this.pending.values()].filter(({ job: { queue } }) => queue === next.job.queue);
    expect(rivals.filter((rival) => this.#isBefore(rival, next))).toEqual([]);
  }

  #isBefore(one: WaitingRun, other: WaitingRun): boolean {
    const difference = (one.job.priority ?? 0) - (other.job.priority ?? 0);
    const age = ({ run }: WaitingRun): number => this.#ages.get(run.id) ?? 0;
    return difference > 0 || (difference === 0 && age(one) < age(other));
  }
}

const move = (runId: RunId, from: Map<RunId, WaitingRun>, to: Map<RunId, WaitingRun>): void => {
  const waiting = from.get(runId);
  if (waiting === undefined) throw new Error(`run '${runId}' is not where it should be`);
  from.delete(runId);
  to.set(runId, waiting);
};

test(`two jobs in a queue of 1 never overlap in 10,000 random triggers (seed ${SEED})`, () => {
  const { next: random } = randomOf(SEED);
  const world = new World();
  const pick = (runs: ReadonlyMap<RunId, WaitingRun>): RunId | undefined =>
    [...runs.keys()][Math.floor(random() * runs.size)];
  for (let trigger = 0; trigger < 10_000; trigger++) {
    const definition = JOBS[Math.floor(random() * JOBS.length)];
    if (definition !== undefined) world.trigger(definition);
    const [running, parked] = [pick(world.running), pick(world.parked)];
    const dice = random();
    if (running !== undefined && dice < 0.2) world.park(running);
    else if (running !== undefined && dice < 0.9) world.end(running);
    if (parked !== undefined && random() < 0.5) world.unpark(parked);
    else if (parked !== undefined && random() < 0.2) world.end(parked);
    world.settle();
    expect([...world.running.values()].filter(({ job: { queue } }) => queue === "q").length).toBeLessThanOrEqual(1);
    expect(world.running.size).toBeLessThanOrEqual(MAX_JOBS);
  }
  expect(world.started).toBeGreaterThan(2_000);
});
