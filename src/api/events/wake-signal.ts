import type { Clock } from "../../lib/clock.ts";

/** Wakes one waiter. A notification without a waiter wakes the next one immediately. */
export class WakeSignal {
  #isNotified = false;
  #wake: (() => void) | null = null;

  readonly notify = (): void => {
    this.#isNotified = true;
    this.#wake?.();
  };

  /** Resolves with true when notified, or with false after `timeoutMs` or when `signal` aborts. */
  async wait(clock: Clock, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    if (!this.#isNotified && !signal.aborted) await this.#sleep(clock, timeoutMs, signal);
    const isNotified = this.#isNotified;
    this.#isNotified = false;
    return isNotified;
  }

  #sleep(clock: Clock, timeoutMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        cancel();
        signal.removeEventListener("abort", done);
        this.#wake = null;
        resolve();
      };
      const cancel = clock.setTimeout(done, timeoutMs);
      signal.addEventListener("abort", done, { once: true });
      this.#wake = done;
    });
  }
}
