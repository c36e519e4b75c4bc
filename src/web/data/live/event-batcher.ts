import type { LiveEvent } from "../event.ts";
import { inNextFrame } from "./animation-frame.ts";

export type EventBatcherOptions = {
  /** What came since the last frame, in order. */
  readonly onBatch: (events: readonly LiveEvent[]) => void;
  /** More came than it holds: whatever is shown may be out of date. */
  readonly onOverflow: () => void;
};

/** Of a frame. After a long break, petit tells all that happened meanwhile at once. */
const MAX_EVENTS = 1_000;

/** Hands events on once a frame: sixty a second or a thousand at once are drawn no more often than that. */
export class EventBatcher {
  readonly #options: EventBatcherOptions;
  #events: LiveEvent[] = [];
  #isScheduled = false;

  constructor(options: EventBatcherOptions) {
    this.#options = options;
  }

  add(event: LiveEvent): void {
    this.#events.push(event);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    inNextFrame(() => this.#flush());
  }

  #flush(): void {
    const events = this.#events;
    this.#events = [];
    this.#isScheduled = false;
    this.#options.onBatch(events.slice(-MAX_EVENTS));
    if (events.length > MAX_EVENTS) this.#options.onOverflow();
  }
}
