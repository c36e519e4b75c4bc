import type { Consumer, JsMsg } from "@nats-io/jetstream";
import { TransportError } from "../domain/workers/link.ts";
import { type Clock, sleep } from "../lib/clock.ts";
import { decodeFrame, type Frame } from "../lib/wire/frame.ts";
import type { ReceivedOffer } from "../worker/transport.ts";
import { onSession } from "./faults.ts";
import { joinOffer, storedName } from "./large-offer.ts";
import type { Link, LinkSession } from "./link.ts";
import { readObject } from "./objects.ts";
import type { JetStream } from "./streams.ts";
import { OFFER_STREAM, SCRIPT_BUCKET, setConsumer } from "./subjects.ts";

export type OfferQueueOptions = {
  readonly set: string;
  readonly link: Link<JetStream>;
  readonly clock: Clock;
  readonly stop: AbortSignal;
};

/** How long the server keeps a request for an offer. A lost request delays offers by as much. */
const REQUEST_MS = 10_000;
/** The delay before the next try when there is no queue, or when it can't be asked. */
const RETRY_MS = 1_000;

type Waiter = (offer: ReceivedOffer | null) => void;

/**
 * Takes offers of one label set, one at a time. Withdrawing a request from the server could lose an offer that is already on its way, until
 * its acknowledgement is overdue. Therefore a request stays when its caller stops waiting. The next caller takes it over, and an offer
 * that arrives before that is given back.
 */
export class OfferQueue {
  readonly #options: OfferQueueOptions;
  #waiter: Waiter | null = null;
  #isAsking = false;
  /** The consumer, as a session knows it. */
  #known: { readonly session: LinkSession<JetStream>; readonly consumer: Consumer } | null = null;

  constructor(options: OfferQueueOptions) {
    this.#options = options;
  }

  /** Returns the next offer, or null when a signal is aborted. Has one caller at a time. */
  async next(signal: AbortSignal): Promise<ReceivedOffer | null> {
    const { stop } = this.#options;
    if (signal.aborted || stop.aborted) return null;
    if (this.#waiter !== null) throw new Error("an offer of this label set is awaited already");
    const { promise, resolve } = Promise.withResolvers<ReceivedOffer | null>();
    const giveUp = (): void => resolve(null);
    this.#waiter = resolve;
    signal.addEventListener("abort", giveUp, { once: true });
    stop.addEventListener("abort", giveUp, { once: true });
    if (!this.#isAsking) void this.#ask();
    try {
      return await promise;
    } finally {
      this.#waiter = null;
      signal.removeEventListener("abort", giveUp);
      stop.removeEventListener("abort", giveUp);
    }
  }

  /** Asks until nobody waits. */
  async #ask(): Promise<void> {
    const { link, clock, stop } = this.#options;
    this.#isAsking = true;
    while (this.#waiter !== null && !stop.aborted) {
      const session = await link.nextSession(stop);
      if (session === null) break;
      try {
        const message = await onSession(session, () => this.#request(session));
        if (message !== null) await this.#deliver(message, session);
      } catch {
        // The queue does not exist, or the connection was lost.
        this.#known = null;
        await sleep(clock, RETRY_MS, AbortSignal.any([stop, session.lost]));
      }
    }
    this.#isAsking = false;
  }

  async #request(session: LinkSession<JetStream>): Promise<JsMsg | null> {
    if (this.#known?.session !== session) this.#known = { session, consumer: await this.#consumerOf(session) };
    return this.#known.consumer.next({ expires: REQUEST_MS });
  }

  #consumerOf({ prepared: { client } }: LinkSession<JetStream>): Promise<Consumer> {
    return client.consumers.get(OFFER_STREAM, setConsumer(this.#options.set));
  }

  async #deliver(message: JsMsg, session: LinkSession<JetStream>): Promise<void> {
    const frame = await completeFrame(message, session).catch((error: unknown) =>
      error instanceof TransportError && error.fault === "not_found" ? ("gone" as const) : ("later" as const),
    );
    // petit deletes the content when the attempt has ended. If it is lost otherwise, petit publishes the offer again.
    if (frame === "gone") return quietly(() => message.ack());
    if (frame === "later") return quietly(() => message.nak(RETRY_MS));
    if (this.#waiter === null) return quietly(() => message.nak());
    this.#waiter(toOffer(message, frame));
    this.#waiter = null;
  }
}

/** Returns the message, with what is stored separately because it is too large. */
const completeFrame = async ({ data }: JsMsg, session: LinkSession<JetStream>): Promise<Frame | null> => {
  const frame = decodeFrame(data);
  const name = frame === null ? null : storedName(frame);
  if (frame === null || name === null) return frame;
  return onSession(session, async () => {
    const content = await readObject(session.prepared, { bucket: SCRIPT_BUCKET, name });
    return joinOffer(frame, new Uint8Array(await new Response(content).arrayBuffer()));
  });
};

const toOffer = (message: JsMsg, frame: Frame | null): ReceivedOffer => ({
  frame,
  sequence: message.seq,
  remove: () => quietly(() => message.ack()),
  giveBack: (delayMs) => quietly(() => message.nak(delayMs)),
});

/** Ignores a closed connection. The server then offers the message to another worker when its acknowledgement is overdue. */
const quietly = (action: () => void): void => {
  try {
    action();
  } catch {
    // The connection is closed.
  }
};
