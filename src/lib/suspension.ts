import { readFileSync } from "node:fs";

/** Readings of the clocks of the system, in ms. */
type ClockReadings = {
  /** Time since the Unix epoch. */
  wall(): number;
  /** Monotonic time, which does not advance while the machine is suspended. */
  monotonic(): number;
  /** Time since boot, including suspension; null if the system does not report it. */
  uptime(): number | null;
};

export const systemReadings: ClockReadings = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  uptime: () => {
    try {
      return Number.parseFloat(readFileSync("/proc/uptime", "utf8")) * 1_000;
    } catch {
      return null;
    }
  },
};

/** Minimum difference between two clocks that counts as a step of the wall clock or a suspension. */
const MIN_STEP_MS = 1_000;

/** Maximum time between the readings of two clocks. The process may be stopped between them; then they are read again. */
const MAX_READ_MS = 100;

/**
 * Returns a function that measures for how many ms the machine has been suspended since this call. The result never
 * decreases, and does not include suspensions of less than a second.
 */
export const suspensionMeter = (readings: ClockReadings): (() => number) => {
  const wallOffset = (): number => readings.wall() - readings.monotonic();
  const bootOffset = (): number | null => {
    for (;;) {
      const before = readings.monotonic();
      const uptime = readings.uptime();
      if (uptime === null) return null;
      if (readings.monotonic() - before < MAX_READ_MS) return uptime - before;
    }
  };
  const firstBootOffset = bootOffset();
  let lastWallOffset = wallOffset();
  let countedMs = 0;
  return () => {
    const offset = wallOffset();
    if (firstBootOffset === null || Math.abs(offset - lastWallOffset) < MIN_STEP_MS) return countedMs;
    // Either the wall clock was set or the machine was suspended. Only suspension changes the time since boot.
    lastWallOffset = offset;
    const suspendedMs = (bootOffset() ?? firstBootOffset) - firstBootOffset;
    if (suspendedMs - countedMs >= MIN_STEP_MS) countedMs = suspendedMs;
    return countedMs;
  };
};
