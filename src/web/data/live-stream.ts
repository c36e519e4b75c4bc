import { fetchPetit } from "./client.ts";
import { type LiveEvent, liveEvent, readServerSentEvents, type ServerSentEvent } from "./event.ts";
import { ApiFailure } from "./failure.ts";
import { hiddenSignal, untilVisible } from "./page-visibility.ts";

/**
 * How the page stands to petit:
 * - `connecting`: the first time it looks for it.
 * - `connected`: what is shown is what is.
 * - `reconnecting`: petit went away; what is shown is what was.
 * - `offline`: it is away for more than half a minute; the page goes on looking.
 * - `locked`: it wants a token.
 */
export const CONNECTION_STATES = ["connecting", "connected", "reconnecting", "offline", "locked"] as const;
export type ConnectionState = (typeof CONNECTION_STATES)[number];

export type LiveStreamOptions = {
  readonly onEvent: (event: LiveEvent) => void;
  readonly onState: (state: ConnectionState) => void;
  /** Told each time a stream begins: what happened before it may not be known. */
  readonly onOpen: () => void;
};

const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 5_000;
const OFFLINE_AFTER_MS = 30_000;
/** petit gives a sign of life every 15 s. */
const SILENCE_MS = 40_000;

/**
 * The events of petit, for as long as the page is open and seen, over any number of breaks: each goes on after the last
 * event it had. Read with `fetch`, since an EventSource can't send a token.
 */
export class LiveStream {
  readonly #options: LiveStreamOptions;
  #lastId: string | null = null;
  #delayMs = FIRST_DELAY_MS;
  #awaySince: number | null = null;
  #ending = new AbortController();
  /** Aborted where the last one was left because nobody saw the page. */
  #left = new AbortController().signal;
  #wake: () => void = () => {};

  constructor(options: LiveStreamOptions) {
    this.#options = options;
  }

  start(): void {
    this.#ending = new AbortController();
    void this.#run(this.#ending.signal);
  }

  stop(): void {
    this.#ending.abort();
    this.#wake();
  }

  /** Looks for petit at once: after a token was given, or when the machine is back online. */
  retryNow(): void {
    this.#delayMs = FIRST_DELAY_MS;
    this.#wake();
  }

  async #run(signal: AbortSignal): Promise<void> {
    this.#options.onState("connecting");
    while (!signal.aborted) {
      const failure = await this.#readOnce(signal).then(
        () => null,
        (error: unknown) => error,
      );
      if (signal.aborted) return;
      if (this.#left.aborted) continue;
      this.#tellBreak(failure);
      await this.#pause();
    }
  }

  async #readOnce(ending: AbortSignal): Promise<void> {
    await untilVisible(ending);
    const silence = new Silence();
    this.#left = hiddenSignal(silence.signal);
    const signal = AbortSignal.any([ending, silence.signal, this.#left]);
    const resume: Record<string, string> = this.#lastId === null ? {} : { "last-event-id": this.#lastId };
    try {
      const response = await fetchPetit("/api/events", { signal, headers: resume, cache: "no-store" });
      if (response.body === null) return;
      this.#begin();
      for await (const event of readServerSentEvents(response.body)) {
        silence.broken();
        if (event !== null) this.#take(event);
      }
    } finally {
      silence.end();
    }
  }

  #begin(): void {
    this.#awaySince = null;
    this.#delayMs = FIRST_DELAY_MS;
    this.#options.onState("connected");
    this.#options.onOpen();
  }

  #take(event: ServerSentEvent): void {
    this.#lastId = event.id ?? this.#lastId;
    const known = liveEvent(event);
    if (known !== null) this.#options.onEvent(known);
  }

  #tellBreak(failure: unknown): void {
    if (failure instanceof ApiFailure && failure.status === 401) {
      this.#options.onState("locked");
      this.#delayMs = MAX_DELAY_MS;
      return;
    }
    this.#awaySince ??= performance.now();
    const isLong = performance.now() - this.#awaySince > OFFLINE_AFTER_MS;
    this.#options.onState(isLong ? "offline" : "reconnecting");
  }

  /** Ever longer, with jitter: a hundred open pages don't come back in one moment. */
  #pause(): Promise<void> {
    const delayMs = this.#delayMs * (0.75 + Math.random() / 2);
    this.#delayMs = Math.min(MAX_DELAY_MS, this.#delayMs * 2);
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, delayMs);
    this.#wake = () => {
      clearTimeout(timer);
      resolve();
    };
    return promise;
  }
}

/** Ends a stream that gives no sign of life: the machine slept, or a network went away without a word. */
class Silence {
  readonly #controller = new AbortController();
  #timer = this.#watch();

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  broken(): void {
    clearTimeout(this.#timer);
    this.#timer = this.#watch();
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#controller.abort();
  }

  #watch() {
    return setTimeout(() => this.#controller.abort(), SILENCE_MS);
  }
}
