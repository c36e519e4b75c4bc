import type { Msg, NatsConnection } from "@nats-io/transport-node";
import { TransportError } from "../domain/workers/link.ts";
import type {
  OfferMessage,
  PublishedOffer,
  SchedulerReceiver,
  SchedulerTransport,
} from "../engine/workers/transport.ts";
import type { Clock } from "../lib/clock.ts";
import { decodeFrame, encodeFrame, type Frame } from "../lib/wire/frame.ts";
import { type NatsAccess, prepareConnect } from "./connect.ts";
import { onSession } from "./faults.ts";
import { encodeOffer } from "./large-offer.ts";
import { Link, type Session } from "./link.ts";
import { deleteObject, hasObject, type ObjectPlace, openBucket, putObject, readObject } from "./objects.ts";
import { type JetStream, jetStreamOf, openOfferStream, openSet } from "./streams.ts";
import {
  ALL_REQUESTS,
  artifactBucket,
  controlSubject,
  offerSubject,
  parseRequestSubject,
  SCHEDULER_INBOX,
  SCRIPT_BUCKET,
  workerInbox,
} from "./subjects.ts";
import { subscribe } from "./subscribe.ts";

export type SchedulerTransportOptions = {
  readonly access: NatsAccess;
  readonly clock: Clock;
  /** See `LinkOptions`. */
  readonly silenceMs?: number;
};

/** Returns the scheduler's connection to NATS, not started. Throws `invalid_request` if a file of the access can't be used. */
export const schedulerTransport = (options: SchedulerTransportOptions): SchedulerTransport =>
  new NatsScheduler(options);

class NatsScheduler implements SchedulerTransport {
  readonly #link: Link<JetStream>;
  readonly #clock: Clock;
  #receiver: SchedulerReceiver | null = null;
  /** The label sets and the workers whose queues and stores must exist. They are created again if NATS loses them. */
  readonly #sets = new Set<string>();
  readonly #workers = new Set<string>();

  constructor({ access, clock, silenceMs }: SchedulerTransportOptions) {
    const connect = prepareConnect(access);
    this.#clock = clock;
    this.#link = new Link({
      clock,
      connect: () => connect({ name: "petit", inboxPrefix: SCHEDULER_INBOX }),
      prepare: (connection) => this.#prepare(connection),
      onState: (state) => this.#receiver?.onState(state),
      ...(silenceMs !== undefined && { silenceMs }),
    });
  }

  get state() {
    return this.#link.state;
  }

  start(receiver: SchedulerReceiver): void {
    this.#receiver = receiver;
    this.#link.start();
  }

  async #prepare(connection: NatsConnection): Promise<JetStream> {
    const jetStream = await jetStreamOf(connection);
    await openOfferStream(jetStream.manager);
    await openBucket(jetStream, SCRIPT_BUCKET);
    await Promise.all([...this.#sets].map((set) => openSet(jetStream.manager, set)));
    await Promise.all([...this.#workers].map((worker) => openBucket(jetStream, artifactBucket(worker))));
    await subscribe(connection, ALL_REQUESTS, (message) => this.#receive(connection, message));
    return jetStream;
  }

  #receive(connection: NatsConnection, message: Msg): void {
    const sender = parseRequestSubject(message.subject);
    const frame = decodeFrame(message.data);
    if (sender === null || frame === null || this.#receiver === null || !isFrom(sender.worker, message)) return;
    void this.#receiver.onRequest({ ...sender, frame }).then((answer) => {
      if (answer !== null && !connection.isClosed()) message.respond(encodeFrame(answer));
    });
  }

  async publishOffer({ set, id, keys = "", ...offer }: OfferMessage): Promise<PublishedOffer> {
    const session = this.#link.session();
    await this.openSets([set]);
    const { max_payload = DEFAULT_PAYLOAD_BYTES } = session.connection.info ?? {};
    const { message, stored } = encodeOffer(offer, max_payload);
    if (stored !== null) await this.putScript(stored.name, stored.content);
    const publish = async (): Promise<PublishedOffer> => {
      const { client } = session.prepared;
      const { seq } = await onSession(session, () =>
        client.publish(offerSubject(set), message, { msgID: `${id}:${keys}` }),
      );
      return { sequence: seq, stored: stored?.name ?? null };
    };
    try {
      return await publish();
    } catch (error) {
      if (!(error instanceof TransportError) || error.fault !== "not_found") throw error;
      // Somebody deleted the stream.
      await this.#reopen(session);
      return await publish();
    }
  }

  #reopen(session: Session<JetStream>): Promise<void> {
    const { manager } = session.prepared;
    return onSession(session, async () => {
      await openOfferStream(manager);
      await Promise.all([...this.#sets].map((set) => openSet(manager, set)));
    });
  }

  async openSets(sets: readonly string[]): Promise<void> {
    const added = sets.filter((set) => !this.#sets.has(set));
    if (added.length === 0) return;
    const session = this.#link.session();
    await onSession(session, () => Promise.all(added.map((set) => openSet(session.prepared.manager, set))));
    for (const set of added) this.#sets.add(set);
  }

  async control(worker: string, header: object, timeoutMs: number): Promise<Frame> {
    const session = this.#link.session();
    const { connection } = session;
    const answer = await onSession(session, () =>
      connection.request(controlSubject(worker), encodeFrame(header), { timeout: timeoutMs }),
    );
    const frame = decodeFrame(answer.data);
    if (frame === null) throw new TransportError("refused", `the answer of ${worker} is not a message of petit`);
    return frame;
  }

  async putScript(sha256: string, content: Uint8Array): Promise<void> {
    const session = this.#link.session();
    const place = { bucket: SCRIPT_BUCKET, name: sha256 };
    await onSession(session, async () => {
      if (await hasObject(session.prepared, place, this.#clock.now())) return;
      await putObject(session.prepared, { ...place, content: new Blob([content.slice()]).stream() });
    });
  }

  async deleteScript(sha256: string): Promise<void> {
    const session = this.#link.session();
    await onSession(session, () => deleteObject(session.prepared, { bucket: SCRIPT_BUCKET, name: sha256 }));
  }

  async openArtifacts(worker: string): Promise<void> {
    if (this.#workers.has(worker)) return;
    const session = this.#link.session();
    await onSession(session, () => openBucket(session.prepared, artifactBucket(worker)));
    this.#workers.add(worker);
  }

  getArtifact(worker: string, object: string): Promise<ReadableStream<Uint8Array>> {
    return this.#onArtifact(worker, object, readObject);
  }

  deleteArtifact(worker: string, object: string): Promise<void> {
    return this.#onArtifact(worker, object, deleteObject);
  }

  #onArtifact<T>(
    worker: string,
    name: string,
    action: (jetStream: JetStream, place: ObjectPlace) => Promise<T>,
  ): Promise<T> {
    const session = this.#link.session();
    return onSession(session, () => action(session.prepared, { bucket: artifactBucket(worker), name }));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#link[Symbol.asyncDispose]();
  }
}

/** NATS's own default, for a server that does not report its limit. */
const DEFAULT_PAYLOAD_BYTES = 2 ** 20;

/**
 * The server checks who may send to a subject. It does not check the reply subject, and JetStream can deliver a message to any subject.
 * Therefore the scheduler answers only to the sender's own inbox. Otherwise a worker could make it write to the subjects of another one.
 */
const isFrom = (worker: string, { reply, headers }: Msg): boolean =>
  headers === undefined && reply?.startsWith(`${workerInbox(worker)}.`) === true;
