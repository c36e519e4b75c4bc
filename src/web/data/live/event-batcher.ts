import type { LiveEvent } from "../../../client/live-event.ts";

type EventBatcherOptions = {
  /** Receives the events since the last frame, in order. */
  readonly onBatch: (events: readonly LiveEvent[]) => void;
  /** Called after a batch that was cut: data on the page may be out of date. */
  readonly onOverflow: () => void;
};

/** Maximum events per frame. After a long break, petit sends all events since then at the same time. */
const MAX_EVENTS = 1_000;

/** Collects events and delivers them once per animation frame, so that bursts cause one render per frame. */
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

/** Maximum delay in ms: a hidden page has no animation frames. */
const MAX_DELAY_MS = 250;

/** Calls `run` before the next animation frame, or after 250 ms. */
export const inNextFrame = (run: () => void): void => {
  const once = (): void => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    run();
  };
  const frame = requestAnimationFrame(once);
  const timer = setTimeout(once, MAX_DELAY_MS);
};
