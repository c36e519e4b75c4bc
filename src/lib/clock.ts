import { suspensionMeter, systemReadings } from "./suspension.ts";

/** Source of time and of timers. Tests use a fake one. */
export interface Clock {
  /** Returns the wall clock in ms since the Unix epoch, for rows and for what is due. It can step in either direction. */
  now(): number;
  /** Returns a monotonic clock in ms from an arbitrary origin, for durations. It never steps. */
  monotonic(): number;
  /**
   * Returns a monotonic clock that also counts the time for which the machine was suspended, if the system reports it
   * (Linux). It is for the times in rows: a run that ends after a night of sleep is not stored as ended before that night.
   */
  elapsed(): number;
  /** Calls `callback` once after `delayMs` (0 to 2^31-1 ms). Returns a function that cancels it. */
  setTimeout(callback: () => void, delayMs: number): () => void;
}

const suspendedMs = suspensionMeter(systemReadings);

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  elapsed: () => performance.now() + suspendedMs(),
  setTimeout: (callback, delayMs) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

/**
 * Returns a clock in whole ms since the epoch that shows `at` now and advances by elapsed time. It never goes back, and no
 * step of the wall clock changes it.
 */
export const steadyClock = (clock: Pick<Clock, "elapsed">, at: number): (() => number) => {
  const from = clock.elapsed();
  return () => at + Math.floor(clock.elapsed() - from);
};

/** Calls `callback` after the callbacks that are ready now. */
export const soon = (callback: () => void): void => {
  setImmediate(callback);
};

/** Resolves after `delayMs`, or immediately when `signal` aborts; the caller checks the signal. Accepts more than 2^31 ms. */
export const sleep = async (clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> => {
  const deadline = clock.monotonic() + delayMs;
  for (let remaining = delayMs; remaining > 0 && !signal?.aborted; remaining = deadline - clock.monotonic()) {
    await waitOnce(clock, Math.min(remaining, MAX_TIMEOUT_MS), signal);
  }
};

/** With a longer delay, `setTimeout` calls back immediately. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

const waitOnce = (clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      cancel();
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const cancel = clock.setTimeout(done, delayMs);
    signal?.addEventListener("abort", done, { once: true });
  });
