import { JetStreamApiError, StorageType } from "@nats-io/jetstream";
import type { SchedulerIdentity } from "../engine/workers/transport.ts";
import type { Clock } from "../lib/clock.ts";
import type { JetStream } from "./streams.ts";
import { SCHEDULER_STREAM, SCHEDULER_SUBJECT } from "./subjects.ts";

/** Another scheduler uses the account. */
export class AccountTaken extends Error {
  override readonly name = "AccountTaken";

  constructor(owner: string) {
    super(
      `${owner} uses this NATS account; stop that petit, or give this one an account of its own. Meanwhile it runs local tasks only`,
    );
  }
}

/** How long an owner may be silent before another scheduler takes its place, in ms. */
const LEASE_MS = 10_000;
/** The same for a scheduler that has seen the owner alive: a restart of the owner must not lose its place. */
const STANDBY_LEASES = 6;
/** The owner repeats its record this often within a lease, and acts for this part of it after the last confirmed record. */
const RENEWALS_IN_LEASE = 5;
const VALID_PART = 0.8;

/** Which scheduler uses the account, as it is stored in NATS. */
type OwnerRecord = {
  /** The name of the database at its incarnation. */
  readonly token: string;
  /** Random, of the process. */
  readonly session: string;
  /** Identifies the lock of the database on its machine: only one process has it. Empty for a database in memory. */
  readonly file: string;
  readonly boot: string;
  /** Grows with each restore of the database. 0 in a record of an older petit. */
  readonly epoch: number;
  /** For people. */
  readonly name: string;
  /** The number of the newest event of the database. */
  readonly position: number;
  /** True if the process has stopped. */
  readonly released: boolean;
};

type Found = { readonly record: OwnerRecord; readonly seq: number };

/** What was last seen of an owner. 0 if there was none. */
type Observation = { readonly seq: number; readonly at: number };

export type SchedulerLeaseOptions = {
  readonly clock: Clock;
  readonly identity: SchedulerIdentity;
  readonly leaseMs?: number;
};

/**
 * Makes sure that one scheduler at a time uses a NATS account. The owner writes a record to a stream, again and again; each write names the
 * number of the one before, so that of two writers one fails. No clocks are compared: a scheduler takes over when it has seen no new record
 * for the length of a lease, by its own clock. The owner stops acting before that. A scheduler takes over at once from its own
 * predecessor, which has ended, because only one process can have the lock of a database.
 */
export class SchedulerLease {
  readonly #options: SchedulerLeaseOptions;
  readonly #leaseMs: number;
  /** The number of the last own record. */
  #seq = 0;
  /** When the last confirmed record was sent, by the clock that counts suspensions, or when JetStream did not answer. */
  #confirmedAt: number | null = null;
  /** Who had the account when this scheduler was refused last; null once it has the account. */
  #refusedFor: string | null = null;
  #observed: Observation | null = null;
  /** True if another scheduler was alive while this one waited. */
  #hasSeenOwner = false;
  /** True from the first own record until another scheduler is found. */
  #isOwner = false;
  /** True once this process has begun a new incarnation of its database. */
  #isRenewed = false;

  constructor(options: SchedulerLeaseOptions) {
    this.#options = options;
    this.#leaseMs = options.leaseMs ?? LEASE_MS;
  }

  /** True while no other scheduler can have taken over. */
  get isValid(): boolean {
    const { clock } = this.#options;
    return this.#confirmedAt !== null && clock.elapsed() - this.#confirmedAt < this.#leaseMs * VALID_PART;
  }

  get renewAfterMs(): number {
    return this.#leaseMs / RENEWALS_IN_LEASE;
  }

  /** Takes the account. Throws AccountTaken while another scheduler has it, and the errors of JetStream. */
  async acquire(jetStream: JetStream, replicas: number): Promise<void> {
    const { identity } = this.#options;
    this.#confirmedAt = null;
    await openStream(jetStream, replicas);
    const found = await read(jetStream);
    if (found !== null && isLaterEpoch(found.record, { token: identity.token(), epoch: identity.epoch() })) {
      identity.onSuperseded(found.record.name);
      throw new AccountTaken(found.record.name);
    }
    if (!this.#mayTake(found)) {
      this.#isOwner = false;
      this.#refusedFor = found?.record.name ?? "another petit";
      throw new AccountTaken(this.#refusedFor);
    }
    if (found !== null && !this.#isRenewed && this.#isOutdated(found.record)) {
      this.#isRenewed = true;
      identity.onOutdated();
    }
    await this.#write(jetStream, { after: found?.seq ?? 0 });
  }

  /** Repeats the record. Throws AccountTaken if another scheduler has taken the account, and the errors of JetStream. */
  async renew(jetStream: JetStream, replicas: number): Promise<void> {
    try {
      await this.#write(jetStream, { after: this.#seq });
    } catch (error) {
      if (!isOutOfSequence(error) && !isMissing(error)) throw error;
      // NATS lost its data, or the answer to an earlier record was lost.
      await this.acquire(jetStream, replicas);
    }
  }

  /**
   * Goes on while JetStream stores nothing, since no other scheduler can take over then either. Throws AccountTaken if another one had the
   * account before.
   */
  presume(): void {
    if (this.#refusedFor !== null) throw new AccountTaken(this.#refusedFor);
    this.#confirmedAt = this.#options.clock.elapsed();
  }

  /** Lets another scheduler take over at once. */
  async release(jetStream: JetStream): Promise<void> {
    if (!this.isValid) return;
    this.#confirmedAt = null;
    await this.#write(jetStream, { after: this.#seq, released: true });
    this.#confirmedAt = null;
  }

  #mayTake(found: Found | null): boolean {
    const { clock } = this.#options;
    const [seq, at] = [found?.seq ?? 0, clock.elapsed()];
    if (found === null ? this.#isOwner : this.#isOwn(found.record)) return true;
    // The owner has an earlier epoch of this database, and stops when it sees the record.
    const { identity } = this.#options;
    const own = { token: identity.token(), epoch: identity.epoch() };
    if (found !== null && isLaterEpoch(own, found.record)) return true;
    const before = this.#observed;
    if (before?.seq !== seq) {
      // Another scheduler has written since, so it was alive.
      if (before !== null || this.#isOwner) this.#hasSeenOwner = true;
      this.#observed = { seq, at };
    }
    if (!this.#hasSeenOwner && (found === null || found.record.released)) return true;
    if (before?.seq !== seq) return false;
    return at - before.at >= this.#leaseMs * (this.#hasSeenOwner ? STANDBY_LEASES : 1);
  }

  /** Returns whether the database is older than what NATS knows of it. */
  #isOutdated({ token, position }: OwnerRecord): boolean {
    const { identity } = this.#options;
    const own = identity.token();
    if (token === own) return position > identity.position();
    // NATS knows another incarnation. The own one is a later one only if it has just begun.
    return databaseOf(token) === databaseOf(own) && (own === databaseOf(own) || identity.previousSession !== null);
  }

  /** Returns whether a record is of this process, or of an earlier one with the same database, which has ended. */
  #isOwn({ session, file, boot }: OwnerRecord): boolean {
    const { identity } = this.#options;
    if (session === identity.session) return true;
    const isSameFile = file !== "" && file === identity.file;
    // A process that had the account has lost it to a later one.
    return isSameFile && this.#seq === 0 && (boot === identity.boot || session === identity.previousSession);
  }

  async #write(
    { client }: JetStream,
    { after, released = false }: { readonly after: number; readonly released?: boolean },
  ): Promise<void> {
    const { clock, identity } = this.#options;
    const { session, file, boot, name } = identity;
    const record: OwnerRecord = {
      ...{ token: identity.token(), session, file, boot, name },
      epoch: identity.epoch(),
      position: identity.position(),
      released,
    };
    const sentAt = clock.elapsed();
    const { seq } = await client.publish(SCHEDULER_SUBJECT, JSON.stringify(record), {
      expect: { lastSubjectSequence: after },
    });
    this.#seq = seq;
    this.#confirmedAt = sentAt;
    this.#isOwner = true;
    this.#refusedFor = null;
    this.#hasSeenOwner = false;
    this.#observed = null;
  }
}

/** The record is in memory, so that a full disk of NATS does not matter. After a restart of NATS, its owner writes it again. */
const openStream = async ({ manager }: JetStream, replicas: number): Promise<void> => {
  const config = { subjects: [SCHEDULER_SUBJECT], max_msgs_per_subject: 1, storage: StorageType.Memory };
  try {
    await manager.streams.add({ ...config, name: SCHEDULER_STREAM, num_replicas: replicas });
  } catch (error) {
    // It has another number of replicas.
    if (!(error instanceof JetStreamApiError && error.code === 10058)) throw error;
  }
};

const read = async ({ manager }: JetStream): Promise<Found | null> => {
  const message = await manager.streams.getMessage(SCHEDULER_STREAM, { last_by_subj: SCHEDULER_SUBJECT });
  return message === null ? null : { record: toRecord(message.json()), seq: message.seq };
};

const toRecord = (value: unknown): OwnerRecord => {
  const fields =
    typeof value === "object" && value !== null ? new Map<string, unknown>(Object.entries(value)) : new Map();
  const text = (name: string): string => {
    const field: unknown = fields.get(name);
    return typeof field === "string" ? field : "";
  };
  const position: unknown = fields.get("position");
  const epoch: unknown = fields.get("epoch");
  return {
    ...{ token: text("token"), session: text("session"), file: text("file"), boot: text("boot"), name: text("name") },
    epoch: typeof epoch === "number" ? epoch : 0,
    position: typeof position === "number" ? position : 0,
    released: fields.get("released") === true,
  };
};

type OwnEpoch = Pick<OwnerRecord, "token" | "epoch">;

/** Returns whether a record is that of a later epoch of the same database. */
const isLaterEpoch = (record: OwnEpoch, own: OwnEpoch): boolean =>
  databaseOf(record.token) === databaseOf(own.token) && record.epoch > own.epoch;

/**
 * Returns who has a later epoch of a database, as far as the account knows; null if nobody has. Throws what NATS throws.
 */
export const findLaterEpoch = async (jetStream: JetStream, own: OwnEpoch): Promise<string | null> => {
  const found = await read(jetStream);
  return found !== null && isLaterEpoch(found.record, own) ? found.record.name : null;
};

/** Returns the name of a database without its incarnation. */
const databaseOf = (token: string): string => token.split(".", 1)[0] ?? "";

/** "wrong last sequence": another record is newer. */
const isOutOfSequence = (error: unknown): boolean =>
  error instanceof JetStreamApiError && (error.code === 10071 || error.code === 10164);

/** There is no such stream. */
const isMissing = (error: unknown): boolean =>
  (error instanceof Error && error.name === "JetStreamNotEnabled") ||
  (error instanceof JetStreamApiError && error.status === 404) ||
  (error instanceof Error && "code" in error && (error.code === 503 || error.code === 404));
