import { describe, expect, test } from "bun:test";
import type { RunId } from "../../../src/domain/ids.ts";
import { Limiter, type WaitingRun } from "../../../src/engine/run/limiter.ts";
import { job } from "../../support/engine/factories.ts";
import { memoryStore, startRun } from "../../support/engine/factories-store.ts";

const store = memoryStore();
const waiting = (id: string, maxConcurrency: number | null = null): WaitingRun => {
  const definition = job(id, { maxConcurrency });
  return { job: definition, run: startRun(store, { job: definition, status: "pending" }) };
};

/** Starts all runs that can be started, and returns them in order. */
const startAll = (limiter: Limiter): RunId[] => {
  const started: RunId[] = [];
  for (let next = limiter.nextStartable(); next !== null; next = limiter.nextStartable()) {
    limiter.drop(next.run.id);
    limiter.enter(next.job.id, next.run.id);
    started.push(next.run.id);
  }
  return started;
};

describe("Limiter", () => {
  test("counts each running run once", () => {
    const limiter = new Limiter(null);
    const { job: one, run } = waiting("one");
    limiter.enter(one.id, run.id);
    limiter.enter(one.id, run.id);
    expect(limiter.countRunning(one.id)).toBe(1);
    expect(limiter.runningIds(one.id)).toEqual([run.id]);
    limiter.leave(one.id, run.id);
    limiter.leave(one.id, run.id);
    expect(limiter.counts).toEqual({ pending: 0, running: 0 });
    expect(limiter.runningIds(one.id)).toEqual([]);
  });

  test("starts pending runs in their order, as far as there are places", () => {
    const limiter = new Limiter(2);
    const [a, b, c] = [waiting("a"), waiting("b"), waiting("c")];
    for (const each of [b, a, c]) limiter.enqueue(each);
    expect(limiter.counts).toEqual({ pending: 3, running: 0 });
    expect(startAll(limiter)).toEqual([b.run.id, a.run.id]);
    expect(limiter.isFull).toBe(true);
    limiter.leave(a.job.id, a.run.id);
    expect(startAll(limiter)).toEqual([c.run.id]);
  });

  test("lets a run pass another whose job is at its limit", () => {
    const limiter = new Limiter(3);
    const [a1, a2, b] = [waiting("a", 1), waiting("a", 1), waiting("b")];
    for (const each of [a1, a2, b]) limiter.enqueue(each);
    expect(startAll(limiter)).toEqual([a1.run.id, b.run.id]);
    expect(limiter.countPending(a2.job.id)).toBe(1);
    expect(limiter.isFull).toBe(false);
  });

  test("is full if a pending run could start: its place is reserved", () => {
    const limiter = new Limiter(1);
    expect(limiter.isFull).toBe(false);
    limiter.enqueue(waiting("a"));
    expect(limiter.isFull).toBe(true);
  });

  test("is never full without a limit", () => {
    const limiter = new Limiter(null);
    for (let index = 0; index < 50; index++) limiter.enqueue(waiting("a"));
    expect(startAll(limiter)).toHaveLength(50);
    expect(limiter.isFull).toBe(false);
  });

  test("puts a dropped run back in its place", () => {
    const limiter = new Limiter(null);
    const [a, b, c] = [waiting("a"), waiting("b"), waiting("b")];
    for (const each of [a, b, c]) limiter.enqueue(each);
    const putBack = [limiter.drop(b.run.id), limiter.drop(a.run.id)];
    expect(limiter.waitingOf(b.job.id)).toMatchObject([{ run: c.run }]);
    expect(limiter.countPending(b.job.id)).toBe(1);
    for (const back of putBack) back();
    expect(limiter.waitingOf(b.job.id)).toMatchObject([{ run: b.run }, { run: c.run }]);
    expect(startAll(limiter)).toEqual([a.run.id, b.run.id, c.run.id]);
  });

  test("ignores a drop of a run that is not pending", () => {
    const limiter = new Limiter(null);
    limiter.drop(waiting("a").run.id)();
    expect(limiter.counts).toEqual({ pending: 0, running: 0 });
  });
});
