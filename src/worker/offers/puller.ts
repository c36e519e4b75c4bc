import { anyAborted } from "../../lib/abort.ts";
import type { ReceivedOffer, WorkerTransport } from "../transport.ts";
import type { Slots } from "./slots.ts";

export type PullerOptions = {
  readonly transport: Pick<WorkerTransport, "nextOffer">;
  readonly slots: Slots;
  /** Handles an offer, for which a slot was taken. Must not throw. */
  readonly onOffer: (offer: ReceivedOffer, set: string) => void;
};

/** Takes offers from the queues of some label sets, while a slot is free. */
export class Puller implements Disposable {
  readonly #options: PullerOptions;
  /** Aborting one stops pulling from its label set. */
  readonly #sets = new Map<string, AbortController>();

  constructor(options: PullerOptions) {
    this.#options = options;
  }

  /** Pulls from these label sets from now on, and from no others. */
  pullFrom(sets: readonly string[]): void {
    for (const [set, stop] of this.#sets) {
      if (sets.includes(set)) continue;
      stop.abort("over");
      this.#sets.delete(set);
    }
    for (const set of sets) if (!this.#sets.has(set)) this.#start(set);
  }

  [Symbol.dispose](): void {
    this.pullFrom([]);
  }

  #start(set: string): void {
    const stop = new AbortController();
    this.#sets.set(set, stop);
    void this.#pull(set, stop.signal);
  }

  async #pull(set: string, stop: AbortSignal): Promise<void> {
    const { transport, slots, onOffer } = this.#options;
    while (!stop.aborted) {
      const over = new AbortController();
      await Promise.race([slots.whenFree(), anyAborted([stop, over.signal])]);
      over.abort("over");
      if (stop.aborted) return;
      const offer = await transport.nextOffer(set, AbortSignal.any([stop, slots.none]));
      if (offer === null) continue;
      if (!stop.aborted && slots.take()) onOffer(offer, set);
      else offer.giveBack(0);
    }
  }
}
