import type { Event } from "../../domain/event.ts";
import { isForAdmins } from "../../domain/inbox/entry.ts";
import type { Clock } from "../../lib/clock.ts";
import type { ApiOptions } from "../options.ts";
import { encodeEvent } from "../shapes/event.ts";

/** An event with its encoded text; empty for an event that the reader does not get. */
export type EncodedEvent = Pick<Event, "seq" | "type" | "jobId"> & {
  readonly text: string;
  /** Whether only admins may know of it. */
  readonly isForAdmins: boolean;
};

/** What a reader needs. */
export type Feed = Pick<EventFeed, "newestSeq" | "quietMs" | "after" | "onNew">;

/** Returns a feed in which the events that `isShown` refuses have no text, so that a stream goes past them. */
export const filteredFeed = (feed: Feed, isShown: (event: EncodedEvent) => boolean): Feed => ({
  get newestSeq() {
    return feed.newestSeq;
  },
  get quietMs() {
    return feed.quietMs;
  },
  after: (seq, limit) => feed.after(seq, limit).map((event) => (isShown(event) ? event : { ...event, text: "" })),
  onNew: (listener) => feed.onNew(listener),
});

/**
 * The newest events, encoded once for all readers; older ones are read from the store. A reader pulls the events after the
 * number of its last one, so it misses none and gets none twice.
 */
export class EventFeed implements Disposable {
  readonly #store: ApiOptions["store"];
  readonly #clock: Clock;
  readonly #unsubscribe: () => void;
  readonly #listeners = new Set<() => void>();
  readonly #recent: EncodedEvent[] = [];
  /** All events after this number are in `#recent`. */
  #floor: number;
  /** Cancels the pause after the last notification; null if there is none. */
  #cancelPause: (() => void) | null = null;
  #hasUnannounced = false;
  /** When the newest event was added, by the monotonic clock; null if there is none since the start of this process. */
  #newestAddedAt: number | null = null;

  constructor({ engine, store, clock }: Pick<ApiOptions, "engine" | "store" | "clock">) {
    this.#store = store;
    this.#clock = clock;
    this.#unsubscribe = engine.onEvent((event) => this.#add(event));
    this.#floor = store.events.getNewestSeq();
  }

  /** Number of the newest event; 0 if there is none. */
  get newestSeq(): number {
    return this.#recent.at(-1)?.seq ?? this.#floor;
  }

  /** How long there has been no event, in ms; null if there has been none since the start of this process. */
  get quietMs(): number | null {
    return this.#newestAddedAt === null ? null : this.#clock.monotonic() - this.#newestAddedAt;
  }

  /** Returns at most `limit` events after `seq`, the oldest first. */
  after(seq: number, limit: number): readonly EncodedEvent[] {
    if (seq < this.#floor) return this.#store.events.after(seq, limit).map(encode);
    const start = this.#recent.findLastIndex((event) => event.seq <= seq) + 1;
    return this.#recent.slice(start, start + limit);
  }

  /** Calls `listener` when there are new events: immediately for the first, once per pause for those that follow. Returns an unsubscribe function. */
  onNew(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  [Symbol.dispose](): void {
    this.#unsubscribe();
    this.#cancelPause?.();
  }

  #add(event: Event): void {
    // Skip events that were stored before the feed was created.
    if (event.seq <= this.newestSeq) return;
    this.#recent.push(encode(event));
    this.#newestAddedAt = this.#clock.monotonic();
    if (this.#recent.length > 2 * MIN_RECENT)
      this.#floor = this.#recent.splice(0, MIN_RECENT).at(-1)?.seq ?? this.#floor;
    if (this.#cancelPause === null) this.#notifyListeners();
    else this.#hasUnannounced = true;
  }

  #notifyListeners(): void {
    if (this.#listeners.size === 0) return;
    this.#hasUnannounced = false;
    for (const listener of this.#listeners) listener();
    this.#cancelPause = this.#clock.setTimeout(() => {
      this.#cancelPause = null;
      if (this.#hasUnannounced) this.#notifyListeners();
    }, PAUSE_MS);
  }
}

/** Minimum time between two notifications. Events come in bursts; waking hundreds of readers for each would delay other work. */
const PAUSE_MS = 10;

/** Minimum of events in memory; there are up to twice as many. */
const MIN_RECENT = 512;

const encode = (event: Event): EncodedEvent => ({
  seq: event.seq,
  type: event.type,
  jobId: event.jobId,
  text: encodeEvent(event),
  isForAdmins: event.entry !== undefined && isForAdmins(event.entry),
});
