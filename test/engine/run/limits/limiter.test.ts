import { describe, expect, test } from "bun:test";
import type { RunId } from "../../../../src/domain/ids.ts";
import type { Job } from "../../../../src/domain/job.ts";
import { Limiter, type WaitingRun } from "../../../../src/engine/run/limits/limiter.ts";
import { job } from "../../../support/engine/factories.ts";
import { memoryStore, startRun } from "../../../support/engine/factories-store.ts";

const store = memoryStore();
const limiterOf = (maxJobs: number | null, queues: Readonly<Record<string, number>> = {}): Limiter =>
  new Limiter({ maxJobs, queues: new Map(Object.entries(queues)) });

type Given = Pick<Partial<Job>, "queue" | "priority">;

const waiting = (id: string, maxConcurrency: number | null = null, given: Given = {}): WaitingRun => {
  const definition = job(id, { maxConcurrency, ...given });
  return { job: definition, run: startRun(store, { job: definition, status: "pending" }) };
};

const inQueue = (id: string, queue: string, priority = 0): WaitingRun => waiting(id, null, { queue, priority });

/** Starts all runs that can be started, and returns them in order. */
const startAll = (limiter: Limiter): RunId[] => {
  const started: RunId[] = [];
  for (let next = limiter.nextStartable(); next !== null; next = limiter.nextStartable()) {
    limiter.takeOut(next.run.id);
    limiter.enter(next.job, next.run.id);
    started.push(next.run.id);
  }
  return started;
};

describe("Limiter", () => {
  test("counts each running run once", () => {
    const limiter = limiterOf(null);
    const { job: one, run } = waiting("one");
    limiter.enter(one, run.id);
    limiter.enter(one, run.id);
    expect(limiter.countRunning(one.id)).toBe(1);
    expect(limiter.runningIds(one.id)).toEqual([run.id]);
    limiter.leave(run.id);
    limiter.leave(run.id);
    expect(limiter.counts).toEqual({ pending: 0, running: 0 });
    expect(limiter.runningIds(one.id)).toEqual([]);
  });

  test("starts pending runs in their order, as far as there are places", () => {
    const limiter = limiterOf(2);
    const [a, b, c] = [waiting("a"), waiting("b"), waiting("c")];
    for (const each of [b, a, c]) limiter.enqueue(each);
    expect(limiter.counts).toEqual({ pending: 3, running: 0 });
    expect(startAll(limiter)).toEqual([b.run.id, a.run.id]);
    expect(limiter.isFull(job("other"))).toBe(true);
    limiter.leave(a.run.id);
    expect(startAll(limiter)).toEqual([c.run.id]);
  });

  test("lets a run pass another whose job is at its limit", () => {
    const limiter = limiterOf(3);
    const [a1, a2, b] = [waiting("a", 1), waiting("a", 1), waiting("b")];
    for (const each of [a1, a2, b]) limiter.enqueue(each);
    expect(startAll(limiter)).toEqual([a1.run.id, b.run.id]);
    expect(limiter.countPending(a2.job.id)).toBe(1);
    expect(limiter.isFull(job("other"))).toBe(false);
  });

  test("starts no other run in the place of one that waits until a parent sees the end of another child run", () => {
    const limiter = limiterOf(1);
    const [ended, { job: leaf, run }, other] = [waiting("leaf"), waiting("leaf"), waiting("other")];
    const child: WaitingRun = { job: leaf, run: { ...run, trigger: "job" } };
    limiter.enter(leaf, ended.run.id);
    limiter.enqueue(child);
    limiter.enqueue(other);
    limiter.park(ended.run.id);
    limiter.leave(ended.run.id, { isAwaited: true });
    expect(startAll(limiter)).toEqual([]);
    expect(limiter.isFull(other.job)).toBe(true);
    limiter.release(ended.run.id);
    expect(startAll(limiter)).toEqual([child.run.id]);
  });

  test("is full if a pending run could start: its place is reserved", () => {
    const limiter = limiterOf(1);
    expect(limiter.isFull(job("other"))).toBe(false);
    limiter.enqueue(waiting("a"));
    expect(limiter.isFull(job("other"))).toBe(true);
  });

  test("is never full without a limit", () => {
    const limiter = limiterOf(null);
    for (let index = 0; index < 50; index++) limiter.enqueue(waiting("a"));
    expect(startAll(limiter)).toHaveLength(50);
    expect(limiter.isFull(job("other"))).toBe(false);
  });

  test("puts a run that was taken out back at its old position", () => {
    const limiter = limiterOf(null);
    const [a, b, c] = [waiting("a"), waiting("b"), waiting("b")];
    for (const each of [a, b, c]) limiter.enqueue(each);
    const takenOut = [limiter.takeOut(b.run.id), limiter.takeOut(a.run.id)];
    expect(limiter.waitingOf(b.job.id)).toMatchObject([{ run: c.run }]);
    expect(limiter.countPending(b.job.id)).toBe(1);
    for (const { putBack } of takenOut) putBack();
    expect(limiter.waitingOf(b.job.id)).toMatchObject([{ run: b.run }, { run: c.run }]);
    expect(startAll(limiter)).toEqual([a.run.id, b.run.id, c.run.id]);
  });

  test("ignores that a run which is not pending is taken out", () => {
    const limiter = limiterOf(null);
    limiter.takeOut(waiting("a").run.id).putBack();
    expect(limiter.counts).toEqual({ pending: 0, running: 0 });
  });

  test("starts the run with the highest priority first, then the oldest", () => {
    const limiter = limiterOf(1);
    const given = [
      ["a", 0],
      ["b", -5],
      ["c", 100],
      ["d", 0],
      ["c", 100],
    ] as const;
    const runs = given.map(([id, priority]) => waiting(id, null, { priority }));
    for (const each of runs) limiter.enqueue(each);
    expect(limiter.waiting.map(({ job: { id } }) => String(id))).toEqual(["c", "c", "a", "d", "b"]);
    const started = runs.flatMap(() => {
      const [runId] = startAll(limiter);
      if (runId !== undefined) limiter.leave(runId);
      return runId ?? [];
    });
    expect(started).toEqual([2, 4, 0, 3, 1].flatMap((index) => runs[index]?.run.id ?? []));
  });

  test("lets as many runs of all jobs of a queue run as its limit says", () => {
    const limiter = limiterOf(null, { db: 2, gpu: 1 });
    const runs = [inQueue("a", "db"), inQueue("b", "db"), inQueue("c", "db"), inQueue("d", "gpu"), waiting("e")];
    for (const each of runs) limiter.enqueue(each);
    const [a, b, c, d, e] = runs.map(({ run }) => run.id);
    expect(startAll(limiter)).toEqual([a, b, d, e] as RunId[]);
    expect(limiter.queues).toEqual([
      { name: "db", limit: 2, running: 2, pending: 1 },
      { name: "gpu", limit: 1, running: 1, pending: 0 },
    ]);
    expect(limiter.isFull(job("f", { queue: "db" }))).toBe(true);
    expect(limiter.isFull(job("f"))).toBe(false);
    if (b !== undefined) limiter.leave(b);
    expect(limiter.isFull(job("f", { queue: "db" }))).toBe(true);
    expect(startAll(limiter)).toEqual([c] as RunId[]);
  });

  test("lets one run at a time run in a queue that is not configured", () => {
    const limiter = limiterOf(null);
    const runs = [inQueue("a", "old"), inQueue("b", "old")];
    for (const each of runs) limiter.enqueue(each);
    expect(startAll(limiter)).toHaveLength(1);
    expect(limiter.queues).toEqual([{ name: "old", limit: 1, running: 1, pending: 1 }]);
  });

  test("starts nothing while more runs have a place than a lowered limit allows", () => {
    const limiter = limiterOf(null, { db: 1 });
    const [a, b, c] = [inQueue("a", "db"), inQueue("b", "db"), inQueue("c", "db")];
    for (const { job: definition, run } of [a, b]) limiter.enter(definition, run.id);
    limiter.enqueue(c);
    expect(startAll(limiter)).toEqual([]);
    limiter.leave(a.run.id);
    expect(startAll(limiter)).toEqual([]);
    limiter.leave(b.run.id);
    expect(startAll(limiter)).toEqual([c.run.id]);
  });

  test("gives a parked run its place in the queue again before pending runs of any priority", () => {
    const limiter = limiterOf(null, { db: 1 });
    const [a, b, c] = [inQueue("a", "db"), inQueue("b", "db"), inQueue("c", "db", 100)];
    limiter.enter(a.job, a.run.id);
    limiter.park(a.run.id);
    limiter.enter(b.job, b.run.id);
    limiter.enqueue(c);
    expect(limiter.unpark(a.run.id)).toBe(false);
    expect(limiter.waitsFor(a.run.id)).toEqual({ code: "queue", queue: "db", limit: 1, running: 1, ahead: 0 });
    expect(limiter.waitsFor(c.run.id)).toEqual({ code: "queue", queue: "db", limit: 1, running: 1, ahead: 1 });
    limiter.leave(b.run.id);
    expect(startAll(limiter)).toEqual([]);
    expect(limiter.nextReturning()).toBe(a.run.id);
    expect(limiter.unpark(a.run.id)).toBe(true);
    expect(startAll(limiter)).toEqual([]);
    limiter.leave(a.run.id);
    expect(startAll(limiter)).toEqual([c.run.id]);
  });

  test("lets runs pass a parked one whose queue is full", () => {
    const limiter = limiterOf(2, { db: 1 });
    const [a, b, c] = [inQueue("a", "db"), inQueue("b", "db"), waiting("c")];
    limiter.enter(a.job, a.run.id);
    limiter.park(a.run.id);
    limiter.enter(b.job, b.run.id);
    expect(limiter.unpark(a.run.id)).toBe(false);
    limiter.enqueue(c);
    expect(startAll(limiter)).toEqual([c.run.id]);
  });

  test("names the limit that a run waits for, and how many come first", () => {
    const limiter = limiterOf(3, { db: 1 });
    const full = [waiting("full", 1), inQueue("one", "db"), waiting("other")];
    for (const { job: definition, run } of full) limiter.enter(definition, run.id);
    const free = waiting("free");
    const runs = [waiting("full", 1), waiting("full", 1), inQueue("two", "db"), inQueue("x", "db", 1), free];
    for (const each of runs) limiter.enqueue(each);
    expect(runs.map(({ run }) => limiter.waitsFor(run.id))).toEqual([
      { code: "max_concurrency", queue: null, limit: 1, running: 1, ahead: 0 },
      { code: "max_concurrency", queue: null, limit: 1, running: 1, ahead: 1 },
      { code: "queue", queue: "db", limit: 1, running: 1, ahead: 1 },
      { code: "queue", queue: "db", limit: 1, running: 1, ahead: 0 },
      { code: "max_jobs", queue: null, limit: 3, running: 3, ahead: 4 },
    ]);
    for (const { run } of full) limiter.leave(run.id);
    expect(limiter.waitsFor(free.run.id)).toBeNull();
  });
});
