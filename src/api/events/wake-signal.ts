import type { Clock } from "../../lib/clock.ts";

/** Wakes one who waits. A ring while nobody waits is kept for the next wait. */
export class Bell {
  #rung = false;
  #wake: (() => void) | null = null;

  readonly ring = (): void => {
    this.#rung = true;
    this.#wake?.();
  };

  /** Resolves with true at a ring, with false after `timeoutMs` or when `signal` aborts. */
  async wait(clock: Clock, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    if (!this.#rung && !signal.aborted) await this.#sleep(clock, timeoutMs, signal);
    const rung = this.#rung;
    this.#rung = false;
    return rung;
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
