import type { Clock } from "../../../lib/clock.ts";

export type RefresherOptions = {
  readonly clock: Pick<Clock, "setTimeout" | "monotonic">;
  /** Loads the data. Must not throw. */
  readonly load: () => Promise<void>;
  /** Returns the minimum time between the ends and starts of two loads, in ms. */
  readonly intervalMs: () => number;
  /** Time after which the data is loaded without a request, in ms. Default: never. */
  readonly pollMs?: number;
};

/** Loads data again when it is requested, but not too often: many requests cause one load. */
export class Refresher {
  readonly #options: RefresherOptions;
  #isLoading = false;
  #isWanted = false;
  #endedAt = Number.NEGATIVE_INFINITY;
  #cancel: () => void = () => {};
  #cancelPoll: () => void = () => {};
  #isStopped = false;

  constructor(options: RefresherOptions) {
    this.#options = options;
  }

  /** Loads the data now, or as soon as the interval has passed. */
  request(): void {
    if (this.#isStopped) return;
    this.#isWanted = true;
    if (this.#isLoading) return;
    const { clock, intervalMs } = this.#options;
    const waitMs = this.#endedAt + intervalMs() - clock.monotonic();
    this.#cancel();
    this.#cancel = clock.setTimeout(() => void this.#load(), Math.max(0, waitMs));
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
    this.#cancelPoll();
  }

  async #load(): Promise<void> {
    const { clock, load, pollMs } = this.#options;
    this.#cancelPoll();
    this.#isLoading = true;
    // Data that changes during the load needs another one.
    this.#isWanted = false;
    await load();
    this.#isLoading = false;
    this.#endedAt = clock.monotonic();
    if (this.#isStopped) return;
    if (this.#isWanted) this.request();
    else if (pollMs !== undefined) this.#cancelPoll = clock.setTimeout(() => this.request(), pollMs);
  }
}
