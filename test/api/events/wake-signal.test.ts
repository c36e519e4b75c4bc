import { describe, expect, test } from "bun:test";
import { WakeSignal } from "../../../src/api/events/wake-signal.ts";
import type { Clock } from "../../../src/lib/clock.ts";

/** A clock whose timers run when they are told to. */
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

describe("a wake", () => {
  test("wakes who waits", async () => {
    const { clock, timers } = handClock();
    const wake = new WakeSignal();
    const waiting = wake.wait(clock, 1000, never);
    wake.notify();
    expect(await waiting).toBe(true);
    expect(timers.size).toBe(0);
  });

  test("is heard later when it rang before, once", async () => {
    const { clock, timers } = handClock();
    const wake = new WakeSignal();
    wake.notify();
    wake.notify();
    expect(await wake.wait(clock, 1000, never)).toBe(true);
    const waiting = wake.wait(clock, 1000, never);
    for (const timer of timers) timer();
    expect(await waiting).toBe(false);
  });

  test("lets go when the time is up", async () => {
    const { clock, timers } = handClock();
    const waiting = new WakeSignal().wait(clock, 1000, never);
    for (const timer of timers) timer();
    expect(await waiting).toBe(false);
    expect(timers.size).toBe(0);
  });

  test("lets go when the signal aborts, and at once where it has", async () => {
    const { clock, timers } = handClock();
    const ending = new AbortController();
    const waiting = new WakeSignal().wait(clock, 1000, ending.signal);
    ending.abort();
    expect(await waiting).toBe(false);
    expect(await new WakeSignal().wait(clock, 1000, ending.signal)).toBe(false);
    expect(timers.size).toBe(0);
  });
});
