import { isRefused } from "../../client/error.ts";
import { eventStream, type StreamItem } from "../../client/event-stream.ts";
import { type LiveEvent, parseLiveEvent } from "../../client/live-event.ts";
import { Reconnect } from "../../client/reconnect.ts";
import { QUIET_HEADER } from "../../domain/event.ts";
import { pageClock, petit } from "./client.ts";
import { hiddenSignal, untilVisible } from "./page-visibility.ts";

/**
 * The page's connection to petit:
 * - `connecting`: the first attempt is under way.
 * - `connected`: the page shows the current state.
 * - `reconnecting`: petit does not answer; the page shows the last known state.
 * - `offline`: petit has not answered for more than 30 s. The page continues to try.
 * - `locked`: petit requires a token.
 */
const CONNECTION_STATES = ["connecting", "connected", "reconnecting", "offline", "locked"] as const;
export type ConnectionState = (typeof CONNECTION_STATES)[number];

export type LiveStreamOptions = {
  readonly onEvent: (event: LiveEvent) => void;
  readonly onState: (state: ConnectionState) => void;
  /**
   * Called each time a connection opens. Events from before it can be missing. `quietMs` is how long there had been no event when it
   * opened; null if there had been none since the start of petit.
   */
  readonly onOpen: (quietMs: number | null) => void;
};

const OFFLINE_AFTER_MS = 30_000;

/**
 * Reads the events of petit while the page is open and visible, over any number of broken connections. It does not use
 * EventSource, which can't send a token.
 */
export class LiveStream {
  readonly #options: LiveStreamOptions;
  readonly #reconnect: Reconnect;
  #lastId: string | null = null;
  #quietMs: number | null = null;
  #ending = new AbortController();

  constructor(options: LiveStreamOptions) {
    this.#options = options;
    this.#reconnect = new Reconnect({
      clock: pageClock,
      // Whatever goes wrong, petit can be replaced or get another token.
      shouldRetry: () => true,
      onAway: (error, awayMs) => options.onState(stateAfter(error, awayMs)),
    });
  }

  start(): void {
    this.#ending = new AbortController();
    void this.#run(this.#ending.signal);
  }

  stop(): void {
    this.#ending.abort();
  }

  /** Connects without further delay, for example with a new token or when the machine is online again. */
  retryNow(): void {
    this.#reconnect.retryNow();
  }

  async #run(signal: AbortSignal): Promise<void> {
    this.#options.onState("connecting");
    const items = eventStream({
      open: (lastId, ending) =>
        petit.stream("/api/events", {
          headers: lastId === null ? {} : { "last-event-id": lastId },
          signal: ending,
          onHeaders: (headers) => {
            this.#quietMs = readQuietMs(headers);
          },
        }),
      lastId: this.#lastId,
      clock: pageClock,
      reconnect: this.#reconnect,
      suspension: { resumed: untilVisible, suspended: hiddenSignal },
      signal,
    });
    for await (const item of items) this.#handle(item);
  }

  #handle(item: StreamItem): void {
    if (item.kind === "open") {
      this.#options.onState("connected");
      this.#options.onOpen(this.#quietMs);
    } else if (item.kind === "event") {
      this.#lastId = item.id ?? this.#lastId;
      const event = parseLiveEvent(item);
      if (event !== null) this.#options.onEvent(event);
    }
  }
}

const readQuietMs = (headers: Headers): number | null => {
  const text = headers.get(QUIET_HEADER);
  return text === null ? null : Number(text);
};

const stateAfter = (error: unknown, awayMs: number): ConnectionState => {
  if (isRefused(error, "UNAUTHORIZED")) return "locked";
  return awayMs > OFFLINE_AFTER_MS ? "offline" : "reconnecting";
};
