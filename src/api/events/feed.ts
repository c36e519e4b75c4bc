import type { Event } from "../../domain/event.ts";
import type { Clock } from "../../lib/clock.ts";
import type { ApiOptions } from "../options.ts";
import { encodeEvent } from "../shapes/event.ts";

/** An event as it goes over the wire. */
export type EncodedEvent = { readonly seq: number; readonly text: string };

/**
 * What happened lately, written once for all who listen; what is older is read from the store. Readers pull by the number
 * of the last event they had, and so miss none and get none twice.
 */
export class EventFeed implements Disposable {
  readonly #store: ApiOptions["store"];
  readonly #clock: Clock;
  readonly #unsubscribe: () => void;
  readonly #listeners = new Set<() => void>();
  readonly #recent: EncodedEvent[] = [];
  /** Everything after this number is in `#recent`. */
  #floor: number;
  /** Ends the pause after the last telling; null where there is none. */
  #endPause: (() => void) | null = null;
  #isUntold = false;

  constructor({ engine, store, clock }: Pick<ApiOptions, "engine" | "store" | "clock">) {
    this.#store = store;
    this.#clock = clock;
    this.#unsubscribe = engine.onEvent((event) => this.#add(event));
    this.#floor = store.events.getNewestSeq();
  }

  /** The number of the newest event; 0 where there was none yet. */
  get newestSeq(): number {
    return this.#recent.at(-1)?.seq ?? this.#floor;
  }

  /** Events after `seq`, oldest first, at most `limit`. */
  after(seq: number, limit: number): readonly EncodedEvent[] {
    if (seq < this.#floor) return this.#store.events.after(seq, limit).map(encode);
    const start = this.#recent.findLastIndex((event) => event.seq <= seq) + 1;
    return this.#recent.slice(start, start + limit);
  }

  /** `listener` is told when there is something new: of the first at once, of what follows closely together. The answer ends that. */
  onNew(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  [Symbol.dispose](): void {
    this.#unsubscribe();
    this.#endPause?.();
  }

  #add(event: Event): void {
    // What was stored while the feed was made is told as well; it is known already.
    if (event.seq <= this.newestSeq) return;
    this.#recent.push(encode(event));
    if (this.#recent.length > 2 * KEPT) this.#floor = this.#recent.splice(0, KEPT).at(-1)?.seq ?? this.#floor;
    if (this.#endPause === null) this.#tell();
    else this.#isUntold = true;
  }

  #tell(): void {
    if (this.#listeners.size === 0) return;
    this.#isUntold = false;
    for (const listener of this.#listeners) listener();
    this.#endPause = this.#clock.setTimeout(() => {
      this.#endPause = null;
      if (this.#isUntold) this.#tell();
    }, PAUSE_MS);
  }
}

/** Between two tellings: events come in bursts, and to wake hundreds of readers for each of them would keep all others waiting. */
const PAUSE_MS = 10;

/** Events held in memory, up to twice as many. */
const KEPT = 512;

const encode = (event: Event): EncodedEvent => ({ seq: event.seq, text: encodeEvent(event) });
