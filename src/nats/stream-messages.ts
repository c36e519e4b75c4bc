import {
  AckPolicy,
  type Consumer,
  type ConsumerInfo,
  DeliverPolicy,
  JetStreamApiError,
  type JsMsg,
  RetentionPolicy,
} from "@nats-io/jetstream";
import { type MsgHdrs, type NatsConnection, nanos } from "@nats-io/transport-node";
import { TransportError } from "../domain/workers/link.ts";
import type {
  ConsumeOptions,
  FirstMessage,
  MessageAnswer,
  MessageSource,
  StreamMessage,
  StreamState,
} from "../engine/deliveries/messages/message-source.ts";
import { abortQuietly, anyAborted } from "../lib/abort.ts";
import { type Clock, sleep, soon } from "../lib/clock.ts";
import { errorMessage } from "../lib/error-message.ts";
import { onSession, toTransportError } from "./faults.ts";
import type { Link, LinkSession } from "./link.ts";
import { publisherIdOf } from "./publisher-id.ts";
import { type Refusals, watchRefusals } from "./refusals.ts";
import type { JetStream } from "./streams.ts";

/** How long the server waits for an acknowledgement before it sends a message again, in ms. */
const ACK_WAIT_MS = 5_000;

/** How often the server is told that petit still has a message, in ms. */
const WORKING_MS = 1_500;

/** How many messages of a consumer may be on their way without an acknowledgement. */
const MAX_PENDING = 64;

/** How many messages petit asks for at once, and handles before other work of petit comes first. */
const FETCHED = 32;
const AT_ONCE = 8;

/** How long the server keeps a request for messages, in ms. */
const FETCH_MS = 30_000;

/** Delay before the server sends a message again that petit could not process, in ms. */
const AGAIN_MS = 60_000;

/** How long a stream keeps messages for a consumer that petit was about to replace when it was killed, in ms. */
const REPLACE_MS = 60_000;

/** "consumer must be deliver all on workqueue stream" */
const MUST_DELIVER_ALL = 10101;

type Session = LinkSession<JetStream>;

/** A consumer that can be asked for messages. */
type Opened = { readonly consumer: Consumer; readonly state: StreamState; readonly unacknowledged: number };

/** Receives messages of streams over the scheduler's connection. */
export class StreamMessages implements MessageSource {
  readonly #link: Link<JetStream>;
  readonly #clock: Clock;
  /** The consumers whose acknowledgements the server has refused, by stream and name. */
  readonly #unacknowledgeable = new Set<string>();

  constructor({ link, clock }: { readonly link: Link<JetStream>; readonly clock: Clock }) {
    this.#link = link;
    this.#clock = clock;
  }

  get state() {
    return this.#link.state;
  }

  async consume(options: ConsumeOptions): Promise<void> {
    const session = await this.#link.nextSession(options.signal);
    if (session === null) return;
    const opened = await onSession(session, () => this.#open(session, options));
    // The server redelivers unacknowledged messages only after this time. Without the wait, newer messages would arrive first.
    if (opened.unacknowledged > 0)
      await sleep(this.#clock, ACK_WAIT_MS, AbortSignal.any([options.signal, session.lost]));
    await this.#receive(session, opened, options);
  }

  async #open({ connection, prepared: { manager, client } }: Session, options: ConsumeOptions): Promise<Opened> {
    const { stream, subject, consumer: name } = options;
    const { created, state: messages, config: streamConfig } = await manager.streams.info(stream);
    const { last_seq: lastSequence, last_ts: last } = messages;
    const state = { createdAt: Date.parse(created), lastSequence, lastStoredAt: Date.parse(last) };
    const first = await options.onStream(state);
    let known = await manager.consumers.info(stream, name).catch((error: unknown) => {
      if (toTransportError(error).fault === "not_found") return null;
      throw error;
    });
    const config = { filter_subject: subject, ack_wait: nanos(ACK_WAIT_MS), max_ack_pending: MAX_PENDING };
    if (known === null) await this.#create(options, { ...config, first }, manager);
    else if (known.config.filter_subject !== subject && !canChangeSubject(connection)) {
      await this.#replace(known, options, { ...config, first: firstOf(known) }, streamConfig.retention, manager);
      known = null;
    } else if (
      known.config.filter_subject !== subject ||
      known.config.ack_wait !== config.ack_wait ||
      known.config.max_ack_pending !== config.max_ack_pending
    )
      await manager.consumers.update(stream, name, config);
    if ((await manager.streams.info(stream)).created !== created)
      throw new TransportError("disconnected", `the stream ${stream} was just created again`);
    const consumer = await client.consumers.get(stream, name);
    return { consumer, state, unacknowledged: known?.num_ack_pending ?? 0 };
  }

  async #create(
    { stream, consumer }: ConsumeOptions,
    { first, ...given }: NewConsumer,
    { consumers }: JetStream["manager"],
  ): Promise<void> {
    const config = { ...given, durable_name: consumer, ack_policy: AckPolicy.Explicit };
    try {
      await consumers.add(stream, { ...config, ...startAt(first) });
    } catch (error) {
      if (!(error instanceof JetStreamApiError) || error.code !== MUST_DELIVER_ALL) throw error;
      // All that a work queue has is still to be done.
      await consumers.add(stream, { ...config, deliver_policy: DeliverPolicy.All });
    }
  }

  /** Deletes a consumer, and creates it again where it was. */
  async #replace(
    { name }: ConsumerInfo,
    options: ConsumeOptions,
    { first, ...given }: NewConsumer,
    retention: RetentionPolicy,
    manager: JetStream["manager"],
  ): Promise<void> {
    const { stream } = options;
    const { consumers } = manager;
    // Without a consumer, the stream would delete the messages.
    const keeper =
      retention === RetentionPolicy.Interest
        ? await consumers.add(stream, {
            ...given,
            ...startAt(first),
            ack_policy: AckPolicy.Explicit,
            inactive_threshold: nanos(REPLACE_MS),
          })
        : null;
    await consumers.delete(stream, name);
    await this.#create(options, { ...given, first }, manager);
    if (keeper !== null) await consumers.delete(stream, keeper.name);
  }

  async #receive(session: Session, { consumer, state }: Opened, options: ConsumeOptions): Promise<void> {
    const { signal, stream, consumer: name } = options;
    const { connection, lost } = session;
    const inHand = new Set<JsMsg>();
    const over = new AbortController();
    void this.#keepWorking(inHand, AbortSignal.any([over.signal, lost]));
    const isAck = (subject: string): boolean =>
      subject.startsWith("$JS.ACK.") && subject.includes(`.${stream}.${name}.`);
    using refusals = watchRefusals(
      connection,
      (subject) => isAck(subject) || subject.endsWith(`.CONSUMER.MSG.NEXT.${stream}.${name}`),
    );
    const receiver: Receiver = { consumer, state, inHand, connection, refusals, over: over.signal };
    try {
      while (!signal.aborted)
        await onSession(session, () => Promise.race([this.#receiveSome(receiver, options), refusals.refused]));
    } catch (error) {
      const { error: refused } = refusals;
      if (refused === null) throw new TransportError("disconnected", errorMessage(error), { cause: error });
      if (isAck(refused.subject)) this.#unacknowledgeable.add(keyOf(options));
      throw toTransportError(refused);
    } finally {
      abortQuietly(over);
      for (const message of inHand) quietly(() => message.nak());
    }
  }

  /** Asks for some messages, and handles them. Resolves when the server has no more for now, or the signal is aborted. */
  async #receiveSome(receiver: Receiver, options: ConsumeOptions): Promise<void> {
    const { consumer, inHand, over } = receiver;
    const { signal } = options;
    const fetched = await consumer.fetch({ max_messages: FETCHED, expires: FETCH_MS });
    const ended = new AbortController();
    void anyAborted([signal, over, ended.signal]).then(() => fetched.close());
    const waiting: JsMsg[] = [];
    let handling: Promise<void> | null = null;
    const handle = async (): Promise<void> => {
      while (waiting.length > 0 && !signal.aborted) await this.#handle(waiting.splice(0, AT_ONCE), receiver, options);
      handling = null;
    };
    const receive = async (): Promise<void> => {
      for await (const message of fetched) {
        inHand.add(message);
        waiting.push(message);
        handling ??= handle();
      }
    };
    try {
      const receiving = receive();
      if (!this.#unacknowledgeable.has(keyOf(options))) void this.#noteAllowed(receiver, options);
      await receiving;
      await handling;
    } finally {
      abortQuietly(ended);
    }
  }

  async #handle(messages: readonly JsMsg[], receiver: Receiver, options: ConsumeOptions): Promise<void> {
    const { state, inHand } = receiver;
    const answers = await options.onMessages(messages.map(toMessage), state);
    messages.forEach((message, index) => {
      inHand.delete(message);
      reply(message, answers[index] ?? "again");
    });
    if (this.#unacknowledgeable.has(keyOf(options))) void this.#noteAllowed(receiver, options);
    await new Promise<void>(soon);
  }

  /** Says that messages can arrive, unless the server refuses what was sent just now. It answers in order. */
  async #noteAllowed({ connection, refusals, over }: Receiver, options: ConsumeOptions): Promise<void> {
    try {
      await connection.flush();
    } catch {
      return;
    }
    await new Promise<void>(soon);
    if (refusals.error !== null || over.aborted || options.signal.aborted) return;
    this.#unacknowledgeable.delete(keyOf(options));
    options.onReady();
  }

  /** Tells the server from time to time that petit still has messages, for example because its disk is full. */
  async #keepWorking(inHand: ReadonlySet<JsMsg>, over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      await sleep(this.#clock, WORKING_MS, over);
      if (over.aborted) return;
      for (const message of inHand) quietly(() => message.working());
    }
  }

  async deleteConsumer({ stream, consumer }: Pick<ConsumeOptions, "stream" | "consumer">): Promise<void> {
    const session = this.#link.session();
    try {
      await onSession(session, () => session.prepared.manager.consumers.delete(stream, consumer));
    } catch (error) {
      if (!(error instanceof TransportError) || error.fault !== "not_found") throw error;
    }
  }
}

/** What receives messages over one connection. */
type Receiver = {
  readonly consumer: Consumer;
  readonly state: StreamState;
  /** The messages that are neither acknowledged nor given back. */
  readonly inHand: Set<JsMsg>;
  readonly connection: NatsConnection;
  readonly refusals: Refusals;
  readonly over: AbortSignal;
};

const keyOf = ({ stream, consumer }: Pick<ConsumeOptions, "stream" | "consumer">): string => `${stream} ${consumer}`;

type NewConsumer = {
  readonly filter_subject: string;
  readonly ack_wait: number;
  readonly max_ack_pending: number;
  readonly first: FirstMessage;
};

/** Returns the first message that a consumer has not sent, or whose acknowledgement it has not. */
const firstOf = ({ delivered, ack_floor: floor, num_ack_pending: unacknowledged }: ConsumerInfo): FirstMessage => ({
  sequence: (unacknowledged > 0 ? floor : delivered).stream_seq + 1,
});

/**
 * Returns whether the server can change the subject of a consumer. Before 2.9.14 it does not notice new messages of the new subject until the
 * next heartbeat, never finds those of a new wildcard, or hangs.
 */
const canChangeSubject = ({ info }: NatsConnection): boolean => {
  const [major = 0, minor = 0, patch = 0] = (info?.version ?? "").split(/[.-]/).map(Number);
  return major > 2 || (major === 2 && (minor > 9 || (minor === 9 && patch >= 14)));
};

const startAt = (first: FirstMessage) =>
  "sequence" in first
    ? { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: first.sequence }
    : { deliver_policy: DeliverPolicy.StartTime, opt_start_time: new Date(first.storedAt).toISOString() };

const toMessage = (message: JsMsg): StreamMessage => ({
  sequence: message.seq,
  storedAt: Math.floor(message.info.timestampNanos / 1e6),
  subject: message.subject,
  publisherId: publisherIdOf(message),
  headers: toHeaders(message.headers),
  body: message.data,
});

const toHeaders = (headers: MsgHdrs | undefined): ReadonlyMap<string, string> => {
  const found = new Map<string, string>();
  for (const name of headers?.keys() ?? []) {
    const values = headers?.values(name) ?? [];
    const key = name.toLowerCase();
    found.set(key, [...(found.has(key) ? [found.get(key)] : []), ...values].join(", "));
  }
  return found;
};

const reply = (message: JsMsg, answer: MessageAnswer): void =>
  quietly(() => {
    if (answer === "stored") message.ack();
    else if (answer === "again") message.nak(AGAIN_MS);
    else message.nak();
  });

/** Ignores a closed connection. The server then sends the message again when its acknowledgement is overdue. */
const quietly = (action: () => void): void => {
  try {
    action();
  } catch {
    // The connection is closed.
  }
};
