import type { Clock } from "../lib/clock.ts";
import { isTemporary } from "./error.ts";

export type ReconnectOptions = {
  readonly clock: Pick<Clock, "monotonic" | "setTimeout">;
  /** Time for which the server may be away before its last error is thrown, in ms. Default: no limit. */
  readonly patienceMs?: number;
  /** Returns true if another attempt can succeed after this error. Default: `isTemporary`. */
  readonly shouldRetry?: (error: unknown) => boolean;
  /** Called after each failed attempt with the ms since the first of them: 0 for the first. */
  readonly onAway?: (error: unknown, awayMs: number) => void;
  /** Called when the server is back after it was away. */
  readonly onBack?: () => void;
  /** Returns a number from 0 up to 1. Default: `Math.random`. */
  readonly random?: () => number;
};

/** Delay before the second attempt, in ms; it doubles up to `MAX_DELAY_MS`. */
const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 5_000;

/**
 * The reconnect policy: exponential backoff with jitter of a quarter in either direction, so that many clients do not
 * come back at the same moment.
 */
export class Reconnect {
  readonly #options: ReconnectOptions;
  #awaySince: number | null = null;
  #delayMs = FIRST_DELAY_MS;
  #wake: () => void = () => {};

  constructor(options: ReconnectOptions) {
    this.#options = options;
  }

  /** Waits before the next attempt. Throws `error` if waiting can't help or the server was away for too long. */
  async failed(error: unknown, signal?: AbortSignal): Promise<void> {
    const { clock, patienceMs = Number.POSITIVE_INFINITY, shouldRetry = isTemporary, onAway } = this.#options;
    if (!shouldRetry(error)) throw error;
    const now = clock.monotonic();
    this.#awaySince ??= now;
    const awayMs = now - this.#awaySince;
    if (awayMs >= patienceMs) throw error;
    onAway?.(error, awayMs);
    await this.#wait(Math.min(patienceMs - awayMs, this.#nextDelayMs()), signal);
  }

  /** Ends the outage: the server has sent something. */
  succeeded(): void {
    if (this.#awaySince !== null) this.#options.onBack?.();
    this.#awaySince = null;
    this.#delayMs = FIRST_DELAY_MS;
  }

  /** Ends the present wait, and starts again with the shortest delay. */
  retryNow(): void {
    this.#delayMs = FIRST_DELAY_MS;
    this.#wake();
  }

  #nextDelayMs(): number {
    const { random = Math.random } = this.#options;
    const delayMs = this.#delayMs * (0.75 + random() / 2);
    this.#delayMs = Math.min(MAX_DELAY_MS, this.#delayMs * 2);
    return delayMs;
  }

  #wait(delayMs: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const done = (): void => resolve();
    const cancel = this.#options.clock.setTimeout(done, delayMs);
    this.#wake = done;
    signal?.addEventListener("abort", done, { once: true });
    if (signal?.aborted) done();
    return promise.finally(() => {
      cancel();
      signal?.removeEventListener("abort", done);
    });
  }
}
