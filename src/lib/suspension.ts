import { readFileSync } from "node:fs";

/** Clocks of the system, in ms. */
export type ClockReadings = {
  /** Wall clock, since the Unix epoch. */
  wall(): number;
  /** Stands still while the machine is suspended. */
  monotonic(): number;
  /** Time since boot, suspension included; null where the system does not report it. */
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

/** A smaller difference between two clocks is neither a step of the wall clock nor a suspension. */
const MIN_STEP_MS = 1_000;

/** The process may be stopped between the readings of two clocks: such a pair is read again. */
const MAX_READ_MS = 100;

/**
 * Returns a function that returns for how many ms the machine has been suspended since this call. It never decreases, and
 * does not count suspensions of less than a second.
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
  let seenWallOffset = wallOffset();
  let countedMs = 0;
  return () => {
    const offset = wallOffset();
    if (firstBootOffset === null || Math.abs(offset - seenWallOffset) < MIN_STEP_MS) return countedMs;
    // The wall clock was set, or the machine was suspended: the time since boot tells which.
    seenWallOffset = offset;
    const suspendedMs = (bootOffset() ?? firstBootOffset) - firstBootOffset;
    if (suspendedMs - countedMs >= MIN_STEP_MS) countedMs = suspendedMs;
    return countedMs;
  };
};
