import { randomUUID } from "node:crypto";
import { type JetStreamManager, RetentionPolicy, StorageType } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { LinkFault } from "../domain/workers/link.ts";
import { type Clock, sleep } from "../lib/clock.ts";
import { errorMessage } from "../lib/error-message.ts";
import { faultOf, type NatsAccess, type OpenOptions, prepareConnect } from "./connect.ts";
import { findLaterEpoch } from "./scheduler-lease.ts";
import { jetStreamOf } from "./streams.ts";
import { ALL_REQUESTS, controlSubject, SCHEDULER_INBOX, workerInbox } from "./subjects.ts";
import { subscribe } from "./subscribe.ts";

/** Why something can't be used. */
type Problem = { readonly fault: LinkFault; readonly detail: string };

export type ConnectionFacts = {
  readonly server: string;
  /** Version of nats-server. */
  readonly version: string;
  readonly isEncrypted: boolean;
  readonly roundTripMs: number;
};

/** What the account uses of JetStream, and may use; null means unlimited. */
export type JetStreamFacts = {
  readonly streams: number;
  readonly bytes: number;
  readonly maxBytes: number | null;
  readonly maxStreams: number | null;
};

export type SchedulerInspection = {
  readonly connection: ConnectionFacts | Problem;
  /** Null without a connection. */
  readonly jetStream: JetStreamFacts | Problem | null;
  /** What the server does not allow, of what the scheduler needs. */
  readonly refused: readonly string[];
  /** How far the server's clock is ahead of this one; null if unknown. */
  readonly clockDifferenceMs: number | null;
};

/** Connects as a scheduler would, and looks at what it may do. Changes nothing that lasts. Throws `invalid_request`. */
export const inspectAsScheduler = async (access: NatsAccess, clock: Clock): Promise<SchedulerInspection> => {
  const opened = await open(access, { name: "petit doctor", inboxPrefix: SCHEDULER_INBOX });
  if ("problem" in opened) return { connection: opened.problem, jetStream: null, refused: [], clockDifferenceMs: null };
  const { connection } = opened;
  try {
    const { manager } = await jetStreamOf(connection);
    const jetStream = await jetStreamFacts(manager).catch(toProblem);
    const hasJetStream = !("fault" in jetStream);
    const refused = [
      ...(await refusedSubscription(connection, ALL_REQUESTS)),
      ...(await refusedRequest(connection, controlSubject("_"))),
    ];
    const trial = hasJetStream ? await tryStream(manager, clock) : null;
    return {
      connection: await connectionFacts(connection),
      jetStream,
      refused: [...refused, ...(trial?.refused ?? [])],
      clockDifferenceMs: trial?.clockDifferenceMs ?? null,
    };
  } finally {
    await connection.close();
  }
};

export type WorkerInspection = Pick<SchedulerInspection, "connection" | "refused">;

/** Connects as a worker would, and looks at what it may do. Throws `invalid_request`. */
export const inspectAsWorker = async (access: NatsAccess, name: string): Promise<WorkerInspection> => {
  const opened = await open(access, { name: `petit doctor ${name}`, inboxPrefix: workerInbox(name) });
  if ("problem" in opened) return { connection: opened.problem, refused: [] };
  const { connection } = opened;
  try {
    return {
      connection: await connectionFacts(connection),
      refused: await refusedSubscription(connection, controlSubject(name)),
    };
  } finally {
    await connection.close();
  }
};

const open = async (
  access: NatsAccess,
  options: OpenOptions,
): Promise<{ readonly connection: NatsConnection } | { readonly problem: Problem }> => {
  const connect = prepareConnect(access);
  try {
    return { connection: await connect(options) };
  } catch (error) {
    return { problem: toProblem(error) };
  }
};

const toProblem = (error: unknown): Problem => ({ fault: faultOf(error), detail: errorMessage(error) });

const connectionFacts = async (connection: NatsConnection): Promise<ConnectionFacts> => ({
  server: connection.getServer(),
  version: connection.info?.version ?? "unknown",
  isEncrypted: connection.info?.tls_required === true || connection.info?.tls_available === true,
  roundTripMs: await connection.rtt(),
});

const jetStreamFacts = async (manager: JetStreamManager): Promise<JetStreamFacts> => {
  const { streams, storage, limits } = await manager.getAccountInfo();
  return {
    streams,
    bytes: storage,
    maxBytes: limits.max_storage < 0 ? null : limits.max_storage,
    maxStreams: limits.max_streams < 0 ? null : limits.max_streams,
  };
};

const refusedSubscription = async (connection: NatsConnection, subject: string): Promise<readonly string[]> => {
  try {
    await subscribe(connection, subject, () => {});
    return [];
  } catch (error) {
    return [errorMessage(error)];
  }
};

/** Sends a request that nobody receives. */
const refusedRequest = async (connection: NatsConnection, subject: string): Promise<readonly string[]> => {
  try {
    await connection.request(subject, undefined, { timeout: 1_000 });
    return [];
  } catch (error) {
    return faultOf(error) === "permissions" ? [errorMessage(error)] : [];
  }
};

/** Creates a stream in memory and deletes it. The server says when it created it, by its clock. */
const tryStream = async (
  { streams }: JetStreamManager,
  clock: Clock,
): Promise<Pick<SchedulerInspection, "refused" | "clockDifferenceMs">> => {
  const name = `petit_doctor_${randomUUID()}`;
  const before = clock.now();
  try {
    const { created } = await streams.add({
      name,
      subjects: [`petit.doctor.${name}`],
      retention: RetentionPolicy.Workqueue,
      storage: StorageType.Memory,
    });
    const middle = (before + clock.now()) / 2;
    await streams.delete(name);
    return { refused: [], clockDifferenceMs: Math.round(Date.parse(created) - middle) };
  } catch (error) {
    return { refused: [errorMessage(error)], clockDifferenceMs: null };
  }
};

/** How long a start waits for the answer, in ms. */
const ANSWER_MS = 3_000;

/**
 * Asks NATS who has a later epoch of a database. Returns null if nobody has, or if NATS does not answer: then that is noticed when it does.
 */
export const findSuccessor = async (
  access: NatsAccess,
  own: { readonly token: string; readonly epoch: number },
  clock: Clock,
): Promise<string | null> => {
  const over = new AbortController();
  try {
    return await Promise.race([ask(access, own, over.signal), sleep(clock, ANSWER_MS, over.signal).then(() => null)]);
  } catch {
    return null;
  } finally {
    over.abort("over");
  }
};

const ask = async (
  access: NatsAccess,
  own: { readonly token: string; readonly epoch: number },
  signal: AbortSignal,
): Promise<string | null> => {
  const connection = await prepareConnect(access)({ name: "petit", inboxPrefix: SCHEDULER_INBOX });
  const close = (): void => void connection.close().catch(() => {});
  if (signal.aborted) close();
  signal.addEventListener("abort", close, { once: true });
  return await findLaterEpoch(await jetStreamOf(connection), own);
};
