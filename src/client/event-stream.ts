import { createParser } from "eventsource-parser";
import type { Clock } from "../lib/clock.ts";
import { ClientError, failureMessage, type RequestFailure } from "./error.ts";
import type { Reconnect } from "./reconnect.ts";

/**
 * What a stream yields:
 * - `open`: a connection has sent its first bytes. It comes once per connection.
 * - `heartbeat`: a comment, which petit sends when a connection opens and then at least every 15 s of silence.
 * - `event`: a server-sent event.
 */
export type StreamItem = { readonly kind: "open" | "heartbeat" } | StreamEvent;

export type StreamEvent = {
  readonly kind: "event";
  readonly id: string | null;
  /** `message` if the event has no type. */
  readonly type: string;
  readonly data: string;
};

export type EventStreamOptions = {
  /** Connects; the stream starts after the event `lastId`. */
  readonly open: (lastId: string | null, signal: AbortSignal) => Promise<AsyncIterable<Uint8Array>>;
  /** Id of the last event of an earlier stream. Default: null. */
  readonly lastId?: string | null;
  /**
   * Called when the server has ended a stream. Returns true if no event can follow; false if the stream ended too early,
   * such as by a stop of petit. Default: false.
   */
  readonly isComplete?: () => Promise<boolean>;
  readonly clock: Pick<Clock, "setTimeout">;
  readonly reconnect: Reconnect;
  /** Closes the connection at times. Default: never. */
  readonly suspension?: Suspension;
  /** Ends the stream. */
  readonly signal?: AbortSignal;
};

/** When a stream has no connection, such as while its page is hidden. */
export type Suspension = {
  /** Resolves when there may be a connection, or `ending` aborts. */
  readonly resumed: (ending: AbortSignal) => Promise<void>;
  /** Returns a signal that aborts when there may be no connection any more. It stops watching when `ending` aborts. */
  readonly suspended: (ending: AbortSignal) => AbortSignal;
};

/** Time without any byte after which a connection counts as broken, in ms. petit sends a heartbeat every 15 s. */
const SILENCE_MS = 45_000;

/** Yields the items of a stream from its start to its end over any number of broken connections: no event twice, none lost. */
export async function* eventStream(options: EventStreamOptions): AsyncGenerator<StreamItem> {
  const { isComplete = async () => false, reconnect, suspension, signal } = options;
  let lastId = options.lastId ?? null;
  let isLast = false;
  while (!signal?.aborted) {
    const ending = new AbortController();
    const stop = (): void => ending.abort();
    signal?.addEventListener("abort", stop, { once: true });
    let suspended: AbortSignal | undefined;
    try {
      await suspension?.resumed(ending.signal);
      suspended = suspension?.suspended(ending.signal);
      suspended?.addEventListener("abort", stop, { once: true });
      for await (const item of readConnection(options, lastId, ending.signal)) {
        reconnect.succeeded();
        if (item.kind === "event") lastId = item.id ?? lastId;
        yield item;
      }
      if (suspended?.aborted) continue;
      // Events that came after the stream had ended, and before it was complete, need one more connection.
      if (isLast) return;
      isLast = await isComplete();
      if (!isLast) throw clientError("broken");
    } catch (error) {
      if (signal?.aborted) return;
      if (!suspended?.aborted) await reconnect.failed(error, signal);
    } finally {
      ending.abort();
      signal?.removeEventListener("abort", stop);
    }
  }
}

/** Yields the items of one connection. Throws a `ClientError` if it is silent for too long. */
export async function* readConnection(
  { open, clock }: Pick<EventStreamOptions, "open" | "clock">,
  lastId: string | null,
  ending?: AbortSignal,
): AsyncGenerator<StreamItem> {
  const silence = new AbortController();
  const watch = (): (() => void) => clock.setTimeout(() => silence.abort(), SILENCE_MS);
  const decoder = new TextDecoder();
  let items: StreamItem[] = [{ kind: "open" }];
  const parser = createParser({
    onEvent: ({ id = null, event = "message", data }) => items.push({ kind: "event", id, type: event, data }),
    onComment: () => items.push({ kind: "heartbeat" }),
  });
  let unwatch = watch();
  try {
    for await (const bytes of await open(lastId, anySignal(ending, silence.signal))) {
      unwatch();
      unwatch = watch();
      parser.feed(decoder.decode(bytes, { stream: true }));
      const ready = items;
      items = [];
      yield* ready;
    }
  } catch (error) {
    throw silence.signal.aborted ? clientError("timeout", error) : error;
  } finally {
    unwatch();
    silence.abort();
  }
}

const clientError = (why: "timeout" | "broken", cause?: unknown): ClientError => {
  const failure: RequestFailure = { kind: "unreachable", why, response: null };
  return new ClientError(failure, failureMessage(failure), { cause });
};

const anySignal = (first: AbortSignal | undefined, second: AbortSignal): AbortSignal =>
  first === undefined ? second : AbortSignal.any([first, second]);
