import type { Clock } from "../../../lib/clock.ts";

export type BatcherOptions<Item> = {
  readonly clock: Pick<Clock, "setTimeout">;
  /** Receives the items since the last batch, in order. `dropped` is how many older ones were left out. */
  readonly onBatch: (items: readonly Item[], dropped: number) => void;
  /** Maximum number of items in a batch. Default: 1,000. */
  readonly max?: number;
};

/** Time for which items are collected, in ms: at most ten changes of the screen per second. */
const BATCH_MS = 100;

/** Collects items and delivers them together, so that many items cost one change of the screen. It is bounded in memory. */
export class Batcher<Item> {
  readonly #options: BatcherOptions<Item>;
  readonly #max: number;
  #items: Item[] = [];
  #dropped = 0;
  #cancel: (() => void) | null = null;

  constructor(options: BatcherOptions<Item>) {
    this.#options = options;
    this.#max = options.max ?? 1_000;
  }

  add(item: Item): void {
    this.#items.push(item);
    if (this.#items.length >= this.#max * 2) this.#drop();
    this.#cancel ??= this.#options.clock.setTimeout(() => this.flush(), BATCH_MS);
  }

  /** Delivers the items now. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = null;
    if (this.#items.length > this.#max) this.#drop();
    const items = this.#items;
    const dropped = this.#dropped;
    this.#items = [];
    this.#dropped = 0;
    if (items.length > 0) this.#options.onBatch(items, dropped);
  }

  /** Forgets the items. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#items = [];
  }

  #drop(): void {
    this.#dropped += this.#items.length - this.#max;
    this.#items = this.#items.slice(-this.#max);
  }
}
