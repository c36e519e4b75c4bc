import { describe, expect, test } from "bun:test";
import { anyAborted } from "../../src/lib/abort.ts";
import { sleep, steadyClock, systemClock } from "../../src/lib/clock.ts";
import { FakeClock } from "../support/engine/fake-clock.ts";

/** Returns whether a promise has settled. */
const watched = (promise: Promise<unknown>): (() => boolean) => {
  let settled = false;
  void promise.then(() => {
    settled = true;
  });
  return () => settled;
};

describe("sleep", () => {
  test("waits longer than one timer can", async () => {
    const clock = new FakeClock();
    const delayMs = 100 * 24 * 3_600_000;
    const isOver = watched(sleep(clock, delayMs));
    await clock.pass(delayMs - 1);
    expect(isOver()).toBe(false);
    await clock.pass(1);
    expect(isOver()).toBe(true);
  });

  test.each([0, -5])("resolves immediately after %p ms", async (delayMs) => {
    const clock = new FakeClock();
    await sleep(clock, delayMs);
    expect(clock.timers).toEqual([]);
  });

  test("resolves when its signal aborts, and cancels its timer", async () => {
    const clock = new FakeClock();
    const end = new AbortController();
    const isOver = watched(sleep(clock, Number.POSITIVE_INFINITY, end.signal));
    await clock.pass(1_000);
    expect(isOver()).toBe(false);
    end.abort();
    await clock.pass(0);
    expect(isOver()).toBe(true);
    expect(clock.timers).toEqual([]);
  });

  test("resolves immediately if its signal is already aborted", async () => {
    const clock = new FakeClock();
    await sleep(clock, 1_000, AbortSignal.abort());
    expect(clock.timers).toEqual([]);
  });
});

describe("steadyClock", () => {
  test("advances by elapsed time, including suspension, regardless of the wall clock", async () => {
    const clock = new FakeClock();
    const now = steadyClock(clock, 10_000);
    clock.step(3_600_000);
    await clock.pass(250);
    expect(now()).toBe(10_250);
    clock.step(-7_200_000);
    clock.suspend(60_000);
    expect(now()).toBe(70_250);
  });
});

describe("systemClock", () => {
  test("returns the time, and calls back after the delay unless it is cancelled", async () => {
    expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(1_000);
    const begun = systemClock.monotonic();
    let wrong = false;
    const cancel = systemClock.setTimeout(() => {
      wrong = true;
    }, 1);
    cancel();
    await new Promise<void>((resolve) => systemClock.setTimeout(resolve, 10));
    expect(systemClock.monotonic() - begun).toBeGreaterThanOrEqual(9);
    expect(wrong).toBe(false);
  });
});

describe("anyAborted", () => {
  test("resolves when the first of its signals aborts", async () => {
    const [one, two] = [new AbortController(), new AbortController()];
    const isOver = watched(anyAborted([one.signal, two.signal]));
    await Promise.resolve();
    expect(isOver()).toBe(false);
    two.abort();
    await Promise.resolve();
    expect(isOver()).toBe(true);
  });

  test("resolves immediately if a signal is already aborted", async () => {
    await anyAborted([new AbortController().signal, AbortSignal.abort()]);
  });
});
