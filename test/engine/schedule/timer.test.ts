import { describe, expect, test } from "bun:test";
import { Timer } from "../../../src/engine/schedule/timer.ts";
import { FakeClock, NOON } from "../../support/engine/fake-clock.ts";

const HOP = 5_000;

const start = (items: Readonly<Record<string, number>> = {}) => {
  const clock = new FakeClock();
  const seen: string[] = [];
  const timer = new Timer<string>({
    clock,
    onDue: (due, now) => seen.push(`${now - NOON} ${due.join(" ")}`),
    onSetBack: (since) => seen.push(`set back since ${since - NOON}`),
  });
  for (const [item, inMs] of Object.entries(items)) timer.add(item, NOON + inMs);
  timer.start();
  return { clock, seen, timer };
};

describe("Timer", () => {
  test("reports each item at its time, in order", async () => {
    const { clock, seen } = start({ c: 5_000, a: 1_000, b: 5_000 });
    await clock.pass(999);
    expect(seen).toEqual([]);
    await clock.pass(10_000);
    expect(seen[0]).toBe("1000 a");
    expect(["5000 b c", "5000 c b"]).toContain(seen[1] ?? "");
  });

  test("never waits longer than a few seconds, since timers stop while the machine is suspended", async () => {
    const { clock, timer } = start({ far: 3_600_000 });
    expect(clock.timers).toEqual([HOP]);
    await clock.pass(3_598_000);
    expect(clock.timers).toEqual([2_000]);
    await clock.pass(2_000);
    expect(clock.timers).toEqual([HOP]);
    timer[Symbol.dispose]();
  });

  test("checks the clock even without items", () => {
    expect(start().clock.timers).toEqual([HOP]);
  });

  test("wakes earlier for an earlier item", async () => {
    const { clock, seen, timer } = start({ late: 4_000 });
    timer.add("soon", NOON + 1_000);
    expect(clock.timers).toEqual([1_000]);
    timer.add("later", NOON + 30_000);
    expect(clock.timers).toEqual([1_000]);
    await clock.pass(1_000);
    expect(seen).toEqual(["1000 soon"]);
  });

  test("reports past items immediately", async () => {
    const { clock, seen, timer } = start();
    timer.add("past", NOON - 5_000);
    expect(clock.timers).toEqual([0]);
    await clock.pass(0);
    expect(seen).toEqual(["0 past"]);
  });

  test("reports all items that a step ahead made due, together", async () => {
    const { clock, seen } = start({ a: 1_000, b: 600_000, c: 1_200_000 });
    clock.step(900_000);
    await clock.pass(1_000);
    expect(seen).toEqual(["901000 a b"]);
  });

  test("reports in whole ms since when a clock is set back", async () => {
    const { clock, seen } = start();
    await clock.pass(HOP);
    const monotonic = clock.monotonic.bind(clock);
    clock.monotonic = () => monotonic() + 0.4;
    clock.step(-3_600_000);
    await clock.pass(HOP);
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatch(/^set back since -?\d+$/);
  });

  test("reports that the clock was set back, before anything else", async () => {
    const { clock, seen } = start({ a: 10_000 });
    clock.step(-3_600_000);
    await clock.pass(HOP);
    expect(seen).toEqual(["set back since -3600000"]);
    await clock.pass(HOP);
    expect(seen).toHaveLength(1);
  });

  test("does not report a small correction of the clock", async () => {
    const { clock, seen } = start({ a: 10_000 });
    clock.step(-900);
    await clock.pass(20_000);
    expect(seen).toEqual(["10000 a"]);
  });

  test("checks immediately on request", () => {
    const { clock, seen, timer } = start({ a: 10_000 });
    timer.checkNow();
    expect(seen).toEqual([]);
    clock.step(10_000);
    timer.checkNow();
    expect(seen).toEqual(["10000 a"]);
  });

  test("reports nothing before its start and after its end", async () => {
    const clock = new FakeClock();
    const seen: string[] = [];
    const timer = new Timer<string>({ clock, onDue: (due) => seen.push(...due), onSetBack: () => {} });
    timer.add("a", NOON);
    timer.checkNow();
    expect(clock.timers).toEqual([]);
    timer.start();
    timer[Symbol.dispose]();
    timer.checkNow();
    await clock.pass(60_000);
    expect(seen).toEqual([]);
    expect(clock.timers).toEqual([]);
  });
});
