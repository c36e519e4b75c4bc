import { describe, expect, test } from "bun:test";
import { suspensionMeter, systemReadings } from "../../src/lib/suspension.ts";

const HOUR = 3_600_000;

/** Creates clocks that a test can advance. */
const machine = () => {
  const at = { wall: 1_000_000, monotonic: 5_000, boot: 7_000 };
  return {
    at,
    readings: { wall: () => at.wall, monotonic: () => at.monotonic, uptime: (): number | null => at.boot },
    pass: (ms: number) => {
      at.wall += ms;
      at.monotonic += ms;
      at.boot += ms;
    },
    suspend: (ms: number) => {
      at.wall += ms;
      at.boot += ms;
    },
  };
};

describe("suspensionMeter", () => {
  test("counts every suspension, and no other time", () => {
    const { readings, pass, suspend } = machine();
    const suspendedMs = suspensionMeter(readings);
    pass(HOUR);
    expect(suspendedMs()).toBe(0);
    suspend(9 * HOUR);
    expect(suspendedMs()).toBe(9 * HOUR);
    pass(HOUR);
    suspend(HOUR);
    expect(suspendedMs()).toBe(10 * HOUR);
  });

  test("does not count a step of the wall clock, in either direction", () => {
    const { at, readings } = machine();
    const suspendedMs = suspensionMeter(readings);
    at.wall += HOUR;
    expect(suspendedMs()).toBe(0);
    at.wall -= 3 * HOUR;
    expect(suspendedMs()).toBe(0);
  });

  test("reads the clocks again if the process was stopped between two readings", () => {
    const { at, readings, pass } = machine();
    let stops = 1;
    const uptime = (): number => {
      const { boot } = at;
      if (at.wall > 2_000_000 && stops-- > 0) pass(12_000);
      return boot;
    };
    const suspendedMs = suspensionMeter({ ...readings, uptime });
    at.wall += 2 * HOUR;
    expect(suspendedMs()).toBe(0);
    expect(stops).toBe(-1);
  });

  test("counts nothing if the system does not report the time since boot", () => {
    const { readings, suspend } = machine();
    const suspendedMs = suspensionMeter({ ...readings, uptime: () => null });
    suspend(HOUR);
    expect(suspendedMs()).toBe(0);
  });
});

test.skipIf(process.platform !== "linux")(
  "the system's clocks advance together while the machine is awake",
  async () => {
    const bootOffset = (): number => (systemReadings.uptime() ?? Number.NaN) - systemReadings.monotonic();
    const before = bootOffset();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(Math.abs(bootOffset() - before)).toBeLessThan(5_000);
  },
);
