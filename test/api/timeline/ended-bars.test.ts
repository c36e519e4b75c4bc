import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { EndedBars } from "../../../src/api/timeline/ended-bars.ts";
import type { Event } from "../../../src/domain/event.ts";
import type { RunId } from "../../../src/domain/ids.ts";
import type { Store } from "../../../src/store/store.ts";
import { jobId } from "../../support/engine/factories.ts";
import { memoryStore, startRun } from "../../support/engine/factories-store.ts";
import { FakeClock, NOON } from "../../support/engine/fake-clock.ts";

const WINDOW = { from: NOON - 10_000, to: NOON + 1_000_000, binMs: 1 };

describe("bars of ended runs", () => {
  let store: Store;
  let clock: FakeClock;
  let reads: number;
  let endedBars: EndedBars;
  const listeners = new Set<(event: Event) => void>();

  beforeEach(() => {
    store = memoryStore();
    clock = new FakeClock();
    reads = 0;
    listeners.clear();
    const onEvent = (listener: (event: Event) => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    };
    endedBars = new EndedBars({ store, clock, engine: { onEvent } });
  });
  afterEach(() => store[Symbol.dispose]());

  /** Ends a run at `at`, in ms after noon, and reports it. */
  const end = (runId: RunId, at: number): void => {
    const run = store.runs.finish(runId, { status: "completed", reason: null, error: null }, NOON + at);
    const event = { seq: 0, at: NOON, type: "run.finished", taskId: null, status: run.status, reason: null } as const;
    for (const listener of listeners) listener({ ...event, jobId: run.jobId, runId });
  };

  const start = (): RunId => startRun(store, { now: NOON - 5_000 }).id;

  const counts = async (key = "a"): Promise<{ readonly ended: number; readonly unfinished: number }> => {
    const windowOf = () => {
      reads++;
      return WINDOW;
    };
    const { ended, unfinished } = await endedBars.ofAllJobs(key, windowOf);
    const bars = ended.fit(1_000, 1_000).get(jobId("hello")) ?? [];
    return { ended: bars.reduce((sum, { count }) => sum + count, 0), unfinished: unfinished.length };
  };

  test("are read once for a window, and followed", async () => {
    const [first, second] = [start(), start(), start()];
    end(first, 0);
    expect(await counts()).toEqual({ ended: 1, unfinished: 2 });
    await clock.pass(1_000);
    end(second, 500);
    expect(await counts()).toEqual({ ended: 2, unfinished: 1 });
    expect(reads).toBe(1);
    expect(await counts("b")).toEqual({ ended: 2, unfinished: 1 });
    expect(reads).toBe(2);
  });

  test("are read again if a run ended, by the clock, before they were read", async () => {
    const [first, second] = [start(), start()];
    end(first, 0);
    await counts();
    end(second, -1_000);
    expect(await counts()).toEqual({ ended: 2, unfinished: 0 });
  });

  test("have each run once if it ends while they are read", async () => {
    const [first, second] = [start(), start()];
    end(first, 0);
    const reading = Promise.all([counts(), counts()]);
    end(second, -1_000);
    for (const each of await reading) expect(each).toEqual({ ended: 2, unfinished: 0 });
    expect(await counts()).toEqual({ ended: 2, unfinished: 0 });
  });

  test("are forgotten after a minute", async () => {
    end(start(), 0);
    await counts();
    expect(listeners.size).toBe(1);
    await clock.pass(60_000);
    expect(listeners.size).toBe(0);
    await counts();
    expect(reads).toBe(2);
  });
});
