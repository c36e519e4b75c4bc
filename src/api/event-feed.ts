import type { Event } from "../domain/event.ts";
import { encodeEvent } from "./event-shape.ts";
import type { ApiEngine, ApiStore } from "./options.ts";

/** An event as it goes over the wire. */
export type EncodedEvent = { readonly seq: number; readonly text: string };

/**
 * What happened lately, written once for all who listen; what is older is read from the store. Readers pull by the number
 * of the last event they had, and so miss none and get none twice.
 */
export class EventFeed implements Disposable {
  readonly #store: ApiStore;
  readonly #unsubscribe: () => void;
  readonly #listeners = new Set<() => void>();
  readonly #recent: EncodedEvent[] = [];
  /** Everything after this number is in `#recent`. */
  #floor: number;

  constructor(engine: ApiEngine, store: ApiStore) {
    this.#store = store;
    this.#unsubscribe = engine.onEvent((event) => this.#add(event));
    this.#floor = store.newestEventSeq();
  }

  /** The number of the newest event; 0 where there was none yet. */
  get newestSeq(): number {
    return this.#recent.at(-1)?.seq ?? this.#floor;
  }

  /** Events after `seq`, oldest first, at most `limit`. */
  after(seq: number, limit: number): readonly EncodedEvent[] {
    if (seq < this.#floor) return this.#store.eventsAfter(seq, limit).map(encode);
    const start = this.#recent.findLastIndex((event) => event.seq <= seq) + 1;
    return this.#recent.slice(start, start + limit);
  }

  /** `listener` is told when there is something new. The answer ends that. */
  onNew(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  [Symbol.dispose](): void {
    this.#unsubscribe();
  }

  #add(event: Event): void {
    // What was stored while the feed was made is told as well; it is known already.
    if (event.seq <= this.newestSeq) return;
    this.#recent.push(encode(event));
    if (this.#recent.length > 2 * KEPT) this.#floor = this.#recent.splice(0, KEPT).at(-1)?.seq ?? this.#floor;
    for (const listener of this.#listeners) listener();
  }
}

/** Events held in memory, up to twice as many. */
const KEPT = 512;

const encode = (event: Event): EncodedEvent => ({ seq: event.seq, text: encodeEvent(event) });
