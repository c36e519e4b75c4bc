import { suspensionMeter, systemReadings } from "./suspension.ts";

/** The one source of time and of timers; tests pass a fake one. */
export interface Clock {
  /** Wall clock, ms since the Unix epoch: for rows and for deciding what is due. It can step in either direction. */
  now(): number;
  /** Monotonic clock, ms from an arbitrary origin: for durations. It never steps. */
  monotonic(): number;
  /**
   * As `monotonic`, but also counts the time for which the machine was suspended, where the system reports it (Linux): for
   * the times in rows, so that a run that ends after a night of sleep is not stored as ended before it.
   */
  elapsed(): number;
  /** Calls `callback` once after `delayMs` (0 to 2^31-1 ms). The answer cancels it. */
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
 * Returns a clock in whole ms since the epoch that reads `at` now and goes on by elapsed time: no step of the wall clock
 * moves it, and it never goes back.
 */
export const steadyClock = (clock: Pick<Clock, "elapsed">, at: number): (() => number) => {
  const from = clock.elapsed();
  return () => at + Math.floor(clock.elapsed() - from);
};

/** Calls `callback` when everything that is ready now has been handled. */
export const soon = (callback: () => void): void => {
  setImmediate(callback);
};

/** Resolves after `delayMs`, or at once when `signal` aborts: look at the signal to tell which. Longer than 2^31 ms is fine. */
export const sleep = async (clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> => {
  const deadline = clock.monotonic() + delayMs;
  for (let left = delayMs; left > 0 && !signal?.aborted; left = deadline - clock.monotonic()) {
    await nap(clock, Math.min(left, MAX_TIMEOUT_MS), signal);
  }
};

/** `setTimeout` fires at once beyond this. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

const nap = (clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      cancel();
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const cancel = clock.setTimeout(done, delayMs);
    signal?.addEventListener("abort", done, { once: true });
  });
