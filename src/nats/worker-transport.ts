import type { Msg, NatsConnection } from "@nats-io/transport-node";
import { TransportError } from "../domain/workers/link.ts";
import type { RequestKind } from "../engine/workers/transport.ts";
import type { Clock } from "../lib/clock.ts";
import { decodeFrame, encodeFrame, type Frame } from "../lib/wire/frame.ts";
import type { ReceivedOffer, RequestMessage, WorkerReceiver, WorkerTransport } from "../worker/transport.ts";
import { type NatsAccess, prepareConnect } from "./connect.ts";
import { onSession } from "./faults.ts";
import { Link, maxPayloadOf } from "./link.ts";
import { chunkBytesFor, putObject, readObject } from "./objects.ts";
import { OfferQueue } from "./offer-queue.ts";
import { type JetStream, jetStreamOf } from "./streams.ts";
import {
  artifactBucket,
  controlSubject,
  requestSubject,
  SCHEDULER_INBOX,
  SCRIPT_BUCKET,
  workerInbox,
} from "./subjects.ts";
import { subscribe } from "./subscribe.ts";

export type WorkerTransportOptions = {
  readonly access: NatsAccess;
  /** The name of the worker. */
  readonly name: string;
  readonly clock: Clock;
  /** See `LinkOptions`. */
  readonly silenceMs?: number;
};

/** Returns a worker's connection to NATS, not started. Throws `invalid_request` if a file of the access can't be used. */
export const workerTransport = (options: WorkerTransportOptions): WorkerTransport => new NatsWorker(options);

class NatsWorker implements WorkerTransport {
  readonly #link: Link<JetStream>;
  readonly #name: string;
  readonly #queues = new Map<string, OfferQueue>();
  readonly #clock: Clock;
  readonly #stop = new AbortController();
  #receiver: WorkerReceiver | null = null;

  constructor({ access, name, clock, silenceMs }: WorkerTransportOptions) {
    const connect = prepareConnect(access);
    this.#name = name;
    this.#clock = clock;
    this.#link = new Link({
      clock,
      connect: () => connect({ name: `petit worker ${name}`, inboxPrefix: workerInbox(name) }),
      prepare: (connection) => this.#prepare(connection),
      onState: (state) => this.#receiver?.onState(state),
      ...(silenceMs !== undefined && { silenceMs }),
    });
  }

  get state() {
    return this.#link.state;
  }

  get maxMessageBytes(): number {
    return this.#link.isConnected ? maxPayloadOf(this.#link.session().connection) : Number.POSITIVE_INFINITY;
  }

  start(receiver: WorkerReceiver): void {
    this.#receiver = receiver;
    this.#link.start();
  }

  async #prepare(connection: NatsConnection): Promise<JetStream> {
    await subscribe(connection, controlSubject(this.#name), (message) => this.#receive(connection, message));
    return jetStreamOf(connection);
  }

  #receive(connection: NatsConnection, message: Msg): void {
    const frame = decodeFrame(message.data);
    if (frame === null || this.#receiver === null || !isFromScheduler(message)) return;
    void this.#receiver.onControl(frame).then((answer) => {
      if (!connection.isClosed()) message.respond(encodeFrame(answer));
    });
  }

  async request(kind: RequestKind, { header, body, timeoutMs }: RequestMessage): Promise<Frame> {
    const session = this.#link.session();
    const { connection } = session;
    const answer = await onSession(session, () =>
      connection.request(requestSubject(this.#name, kind), encodeFrame(header, body), { timeout: timeoutMs }),
    );
    const frame = decodeFrame(answer.data);
    if (frame === null) throw new TransportError("refused", "the answer is not a message of petit");
    return frame;
  }

  nextOffer(set: string, signal: AbortSignal): Promise<ReceivedOffer | null> {
    const known = this.#queues.get(set);
    const queue = known ?? new OfferQueue({ set, link: this.#link, clock: this.#clock, stop: this.#stop.signal });
    this.#queues.set(set, queue);
    return queue.next(signal);
  }

  async getScript(sha256: string): Promise<Uint8Array> {
    const session = this.#link.session();
    return onSession(session, async () => {
      const content = await readObject(session.prepared, { bucket: SCRIPT_BUCKET, name: sha256 });
      return new Uint8Array(await new Response(content).arrayBuffer());
    });
  }

  async putArtifact(object: string, content: ReadableStream<Uint8Array>): Promise<void> {
    const session = this.#link.session();
    const bucket = artifactBucket(this.#name);
    const chunkBytes = chunkBytesFor(maxPayloadOf(session.connection));
    await onSession(session, () => putObject(session.prepared, { bucket, name: object, content, chunkBytes }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort("stopped");
    await this.#link[Symbol.asyncDispose]();
  }
}

/** Only the scheduler may subscribe to its inbox. */
const isFromScheduler = ({ reply, headers }: Msg): boolean =>
  headers === undefined && reply?.startsWith(`${SCHEDULER_INBOX}.`) === true;
