import type { Msg, NatsConnection } from "@nats-io/transport-node";
import { TransportError } from "../domain/workers/link.ts";
import type { FailureAnswer } from "../domain/workers/protocol.ts";
import type { MessageSource } from "../engine/deliveries/messages/message-source.ts";
import type {
  OfferMessage,
  PublishedOffer,
  RequestKind,
  SchedulerIdentity,
  SchedulerReceiver,
  SchedulerTransport,
} from "../engine/workers/transport.ts";
import { abortQuietly } from "../lib/abort.ts";
import { type Clock, sleep } from "../lib/clock.ts";
import { decodeFrame, encodeFrame, type Frame } from "../lib/wire/frame.ts";
import { faultOf, type NatsAccess, prepareConnect } from "./connect.ts";
import { onSession, toTransportError } from "./faults.ts";
import { Intake } from "./intake.ts";
import { splitOffer } from "./large-offer.ts";
import { Link, type LinkSession, maxPayloadOf } from "./link.ts";
import {
  chunkBytesFor,
  deleteObject,
  hasObject,
  type ObjectName,
  openBucket,
  putObject,
  readObject,
} from "./objects.ts";
import { AccountTaken, SchedulerLease } from "./scheduler-lease.ts";
import { StreamMessages } from "./stream-messages.ts";
import { checkOfferStream, type JetStream, jetStreamOf, lacksServers, openOfferStream, openSet } from "./streams.ts";
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
  /** On how many servers of a cluster streams and object stores are kept. 1 by default. */
  readonly replicas?: number;
  /** How often JetStream is checked, in ms. */
  readonly checkMs?: number;
  /** See `SchedulerLeaseOptions`. */
  readonly leaseMs?: number;
};

/** A request of a worker, and the connection on which it is answered. */
type ReceivedRequest = {
  readonly worker: string;
  readonly kind: RequestKind;
  readonly bytes: number;
  readonly message: Msg;
  readonly connection: NatsConnection;
};

const CHECK_MS = 5_000;

/** How long petit waits at its connection until JetStream stores something, in ms. */
const OPEN_MS = 4_000;

/** Returns the scheduler's connection to NATS, not started. Throws `invalid_request` if a file of the access can't be used. */
export const schedulerTransport = (
  options: SchedulerTransportOptions,
): SchedulerTransport & { /** The messages of streams. */ readonly messages: MessageSource } =>
  new NatsScheduler(options);

class NatsScheduler implements SchedulerTransport {
  readonly messages: MessageSource;
  readonly #link: Link<JetStream>;
  readonly #clock: Clock;
  readonly #intake = new Intake<ReceivedRequest>((request) => this.#answer(request));
  readonly #leaseMs: number | undefined;
  #lease: SchedulerLease | null = null;
  /** Resolved, and replaced, when the record of this scheduler should be repeated soon. */
  #advanced = Promise.withResolvers<void>();
  #stopFollowing: () => void = () => {};
  #receiver: SchedulerReceiver | null = null;
  /** The label sets and the workers whose queues and stores must exist. They are created again if NATS loses them. */
  readonly #sets = new Set<string>();
  readonly #workers = new Set<string>();
  readonly #replicas: number;
  readonly #checkMs: number;
  #problem: string | null = null;
  /** True if what must exist is on fewer servers than wanted. */
  #isDegraded = false;

  constructor({ access, clock, silenceMs, leaseMs, replicas = 1, checkMs = CHECK_MS }: SchedulerTransportOptions) {
    const connect = prepareConnect(access);
    this.#leaseMs = leaseMs;
    this.#clock = clock;
    this.#replicas = replicas;
    this.#checkMs = checkMs;
    this.#link = new Link({
      clock,
      connect: () => connect({ name: "petit", inboxPrefix: SCHEDULER_INBOX }),
      prepare: (connection) => this.#prepare(connection),
      onState: (state) => this.#receiver?.onState(state),
      ...(silenceMs !== undefined && { silenceMs }),
    });
    this.messages = new StreamMessages({ link: this.#link, clock });
  }

  get state() {
    return this.#link.state;
  }

  start(receiver: SchedulerReceiver, identity: SchedulerIdentity): void {
    this.#receiver = receiver;
    this.#lease = new SchedulerLease({
      clock: this.#clock,
      identity,
      ...(this.#leaseMs !== undefined && { leaseMs: this.#leaseMs }),
    });
    this.#stopFollowing = identity.onAdvance(() => this.#advanced.resolve());
    this.#link.start();
  }

  get problem(): string | null {
    return this.#problem;
  }

  async #prepare(connection: NatsConnection): Promise<JetStream> {
    const jetStream = await jetStreamOf(connection);
    // Requests of workers need no JetStream, so petit connects although it stores nothing, for example after the loss of a server.
    const opened = this.#acquire(jetStream).then(
      () => null,
      (error: unknown) => error,
    );
    const over = new AbortController();
    const late = sleep(this.#clock, OPEN_MS, over.signal).then(() => LATE);
    const error = await Promise.race([opened, late]);
    over.abort("over");
    if (error !== null && isFinal(error)) throw error;
    if (error !== null) this.#lease?.presume();
    await subscribe(connection, ALL_REQUESTS, (message) => this.#receive(connection, message));
    if (error === null) this.#problem = null;
    else this.#noteProblem(error);
    void this.#check(connection, jetStream);
    void this.#keepLease(connection, jetStream);
    return jetStream;
  }

  async #acquire(jetStream: JetStream): Promise<void> {
    await this.#replicated(async (replicas) => this.#lease?.acquire(jetStream, replicas));
    await this.#open(jetStream);
  }

  /** Creates what must exist. */
  async #open(jetStream: JetStream): Promise<void> {
    this.#isDegraded = false;
    await this.#replicated((replicas) => openOfferStream(jetStream.manager, replicas));
    await this.#openBucket(jetStream, SCRIPT_BUCKET);
    await Promise.all([...this.#sets].map((set) => openSet(jetStream.manager, set)));
    await Promise.all([...this.#workers].map((worker) => this.#openBucket(jetStream, artifactBucket(worker))));
    if (this.#isDegraded)
      throw new TransportError("refused", `there are too few NATS servers for --nats-replicas ${this.#replicas}`);
  }

  #openBucket(jetStream: JetStream, bucket: string): Promise<void> {
    return this.#replicated((replicas) => openBucket(jetStream, bucket, replicas));
  }

  /** Calls `open` with the wanted number of replicas. If there are too few servers for it, one has to do. */
  async #replicated(open: (replicas: number) => Promise<void>): Promise<void> {
    try {
      await open(this.#replicas);
    } catch (error) {
      if (!lacksServers(error) || this.#replicas === 1) throw error;
      this.#isDegraded = true;
      await open(1);
    }
  }

  /** Repeats the record of this scheduler while a connection lasts. Closes the connection if another scheduler has taken over. */
  async #keepLease(connection: NatsConnection, jetStream: JetStream): Promise<void> {
    const lease = this.#lease;
    const closed = new AbortController();
    void connection.closed().then(() => closed.abort("closed"));
    while (lease !== null && !closed.signal.aborted) {
      await sleep(this.#clock, MIN_RENEWAL_MS, closed.signal);
      const over = new AbortController();
      const later = sleep(this.#clock, lease.renewAfterMs, AbortSignal.any([closed.signal, over.signal]));
      await Promise.race([later, this.#advanced.promise]);
      abortQuietly(over);
      this.#advanced = Promise.withResolvers();
      if (closed.signal.aborted) return;
      try {
        await this.#replicated((replicas) => lease.renew(jetStream, replicas));
      } catch (error) {
        if (error instanceof AccountTaken) void connection.close().catch(() => {});
        else lease.presume();
      }
    }
  }

  /** Asks from time to time whether JetStream stores what petit sends, until the connection is closed. */
  async #check(connection: NatsConnection, jetStream: JetStream): Promise<void> {
    const closed = new AbortController();
    void connection.closed().then(() => closed.abort("closed"));
    while (!closed.signal.aborted) {
      await sleep(this.#clock, this.#checkMs, closed.signal);
      if (closed.signal.aborted) return;
      try {
        // After a problem, what did not exist may have to be created.
        await (this.#problem === null ? checkOfferStream(jetStream.manager) : this.#open(jetStream));
        if (!closed.signal.aborted) this.#noteProblem(null);
      } catch (error) {
        if (!closed.signal.aborted) this.#noteProblem(error);
      }
    }
  }

  #noteProblem(error: unknown): void {
    const problem = error === null ? null : toTransportError(error).message;
    const isNew = (problem === null) !== (this.#problem === null);
    this.#problem = problem;
    if (isNew) this.#receiver?.onProblem?.(problem);
  }

  #receive(connection: NatsConnection, message: Msg): void {
    const sender = parseRequestSubject(message.subject);
    if (sender === null || !isFrom(sender.worker, message)) return;
    this.#intake.add({ ...sender, bytes: message.data.length, message, connection });
  }

  #answer({ worker, kind, message, connection }: ReceivedRequest): void {
    const frame = connection.isClosed() ? null : decodeFrame(message.data);
    if (frame === null || this.#receiver === null) return;
    if (this.#lease?.isValid === false) {
      // JetStream may have lost the record, or another scheduler may have taken over during a suspension. The worker repeats its request.
      const failure: FailureAnswer = { failed: "unavailable" };
      message.respond(encodeFrame(failure));
      return;
    }
    void this.#receiver.onRequest({ worker, kind, frame }).then((answer) => {
      if (answer !== null && !connection.isClosed()) message.respond(encodeFrame(answer));
    });
  }

  async publishOffer({ set, id, keys = "", ...offer }: OfferMessage): Promise<PublishedOffer> {
    const session = this.#link.session();
    await this.openSets([set]);
    const { message, stored } = splitOffer(offer, maxPayloadOf(session.connection));
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

  #reopen(session: LinkSession<JetStream>): Promise<void> {
    const { manager } = session.prepared;
    return onSession(session, async () => {
      await this.#replicated((replicas) => openOfferStream(manager, replicas));
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
    const script = { bucket: SCRIPT_BUCKET, name: sha256 };
    await onSession(session, async () => {
      if (await hasObject(session.prepared, script, this.#clock.now())) return;
      const chunkBytes = chunkBytesFor(maxPayloadOf(session.connection));
      await putObject(session.prepared, { ...script, content: new Blob([content.slice()]).stream(), chunkBytes });
    });
  }

  async deleteScript(sha256: string): Promise<void> {
    const session = this.#link.session();
    await onSession(session, () => deleteObject(session.prepared, { bucket: SCRIPT_BUCKET, name: sha256 }));
  }

  async openArtifacts(worker: string): Promise<void> {
    if (this.#workers.has(worker)) return;
    const session = this.#link.session();
    await onSession(session, () => this.#openBucket(session.prepared, artifactBucket(worker)));
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
    action: (jetStream: JetStream, object: ObjectName) => Promise<T>,
  ): Promise<T> {
    const session = this.#link.session();
    return onSession(session, () => action(session.prepared, { bucket: artifactBucket(worker), name }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopFollowing();
    if (this.#link.state.status === "connected") await this.#release();
    await this.#link[Symbol.asyncDispose]();
  }

  async #release(): Promise<void> {
    const over = new AbortController();
    const released = this.#lease?.release(this.#link.session().prepared).catch(() => {
      // The next scheduler waits.
    });
    await Promise.race([released, sleep(this.#clock, RELEASE_MS, over.signal)]);
    abortQuietly(over);
  }
}

const LATE = new TransportError("timeout", "JetStream does not answer; a server that keeps its streams may be away");

/** Returns whether petit can't work with this server or account at all. */
const isFinal = (error: unknown): boolean => {
  const fault = faultOf(error);
  return fault === "taken" || fault === "permissions" || fault === "no_jetstream" || fault === "credentials";
};

/** The least time between two records of this scheduler, in ms. */
const MIN_RENEWAL_MS = 50;

/** How long a stop waits for NATS. */
const RELEASE_MS = 500;

/**
 * The server checks who may send to a subject. It does not check the reply subject, and JetStream can deliver a message to any subject.
 * Therefore the scheduler answers only to the sender's own inbox. Otherwise a worker could make it write to the subjects of another one.
 */
const isFrom = (worker: string, { reply, headers }: Msg): boolean =>
  headers === undefined && reply?.startsWith(`${workerInbox(worker)}.`) === true;
