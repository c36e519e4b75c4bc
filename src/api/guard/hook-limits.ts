import type { Clock } from "../../lib/clock.ts";
import { ApiError } from "../errors.ts";

/** How many bodies of webhooks are in memory at once: in total, and of one address. */
const MAX_BODIES = 32;
const MAX_BODIES_OF_ADDRESS = 4;

/** How long a body may take to arrive, in ms. */
const MAX_BODY_MS = 10_000;

/** Limits what requests that nobody has authenticated yet can cost. */
export class HookLimits {
  readonly #clock: Clock;
  readonly #byAddress = new Map<string, number>();
  #total = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Runs `work`, which reads a body until its signal aborts, 10 s from now. Throws `SERVICE_UNAVAILABLE` while 32 others are in
   * progress, or 4 of the same address.
   */
  async within<T>(address: string | null, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const key = address ?? "";
    const count = this.#byAddress.get(key) ?? 0;
    if (this.#total >= MAX_BODIES || count >= MAX_BODIES_OF_ADDRESS) throw tooMany();
    this.#total++;
    this.#byAddress.set(key, count + 1);
    const timeout = new AbortController();
    const cancel = this.#clock.setTimeout(() => timeout.abort(), MAX_BODY_MS);
    try {
      return await work(timeout.signal);
    } finally {
      cancel();
      this.#total--;
      const left = (this.#byAddress.get(key) ?? 1) - 1;
      if (left === 0) this.#byAddress.delete(key);
      else this.#byAddress.set(key, left);
    }
  }
}

const tooMany = (): ApiError =>
  new ApiError("SERVICE_UNAVAILABLE", "too many webhooks at once; send it again in a moment", {
    headers: { "retry-after": "1" },
  });
