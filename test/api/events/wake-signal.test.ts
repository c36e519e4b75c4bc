import { describe, expect, test } from "bun:test";
import { WakeSignal } from "../../../src/api/events/wake-signal.ts";
import type { Clock } from "../../../src/lib/clock.ts";

/** A clock whose timers run on request. */
const handClock = () => {
  const timers = new Set<() => void>();
  const clock: Clock = {
    now: () => 0,
    monotonic: () => 0,
    elapsed: () => 0,
    setTimeout: (callback) => {
      timers.add(callback);
      return () => timers.delete(callback);
    },
  };
  return { clock, timers };
};

const never = new AbortController().signal;

describe("a wake signal", () => {
  test("wakes a waiter", async () => {
    const { clock, timers } = handClock();
    const wake = new WakeSignal();
    const waiting = wake.wait(clock, 1000, never);
    wake.notify();
    expect(await waiting).toBe(true);
    expect(timers.size).toBe(0);
  });

  test("wakes a later waiter once if it was notified before", async () => {
    const { clock, timers } = handClock();
    const wake = new WakeSignal();
    wake.notify();
    wake.notify();
    expect(await wake.wait(clock, 1000, never)).toBe(true);
    const waiting = wake.wait(clock, 1000, never);
    for (const timer of timers) timer();
    expect(await waiting).toBe(false);
  });

  test("ends the wait at the timeout", async () => {
    const { clock, timers } = handClock();
    const waiting = new WakeSignal().wait(clock, 1000, never);
    for (const timer of timers) timer();
    expect(await waiting).toBe(false);
    expect(timers.size).toBe(0);
  });

  test("ends the wait when the abort signal aborts, and immediately if it has", async () => {
    const { clock, timers } = handClock();
    const ending = new AbortController();
    const waiting = new WakeSignal().wait(clock, 1000, ending.signal);
    ending.abort();
    expect(await waiting).toBe(false);
    expect(await new WakeSignal().wait(clock, 1000, ending.signal)).toBe(false);
    expect(timers.size).toBe(0);
  });
});
