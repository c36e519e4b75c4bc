import type { SqlDatabase } from "../runtime/runtime.ts";
import { type ArtifactStore, createArtifactStore } from "./artifacts.ts";
import { type AttentionMarkStore, createAttentionMarkStore } from "./attention-marks.ts";
import type { StoreContext } from "./context.ts";
import { createStatements } from "./database/statements.ts";
import { createTransactions, type Durability, type Write } from "./database/transaction.ts";
import { createDeliveryStore, type DeliveryStore } from "./deliveries.ts";
import { createDurationStore, type DurationStore } from "./durations.ts";
import { createEventStore, createPendingEvents, type EventStore } from "./events.ts";
import { createExpectationStore, type ExpectationStore } from "./expectations.ts";
import { createIdentityStore, type IdentityStore } from "./identity.ts";
import { createJobFileStore, type JobFileStore } from "./job-files.ts";
import { createJobRepositoryStore, type JobRepositoryStore } from "./job-repository.ts";
import { createJobStore, type JobStore } from "./jobs.ts";
import { createNotificationStore, type NotificationStore } from "./notifications.ts";
import { createOccurrenceStore, type OccurrenceStore } from "./occurrences.ts";
import { createOutputStore, type OutputStore } from "./output.ts";

import { type AccessStore, createAccessStore } from "./people/access.ts";
import { type AuditStore, createAuditStore, createPendingAudit } from "./people/audit.ts";

import { createProviderSessionStore, type ProviderSessionStore } from "./people/provider-sessions.ts";

import { createSessionStore, type SessionStore } from "./people/sessions.ts";
import { createTokenStore, type TokenStore } from "./people/tokens.ts";
import { createReviewStore, type ReviewStore } from "./reviews.ts";
import { type BackfillStore, createBackfillStore } from "./runs/backfills.ts";
import { createRunStore, type RunStore } from "./runs/runs.ts";
import { createSchedulerStore, type SchedulerStore } from "./scheduler.ts";
import { createMessageConsumerStore, type MessageConsumerStore } from "./triggers/message-consumers.ts";
import { createSeenFileStore, type SeenFileStore } from "./triggers/seen-files.ts";
import { createVersionStore, type VersionStore } from "./versions/versions.ts";
import { createNoteStore, type NoteStore } from "./workers/notes.ts";
import { createOfferStore, type OfferStore } from "./workers/offers.ts";
import { createReceivedStore, type ReceivedStore } from "./workers/received.ts";
import { createWorkerStore, type WorkerStore } from "./workers/workers.ts";

/**
 * Everything that petit stores, in one SQLite file. Every write is one transaction, which is on disk when the method
 * returns unless its comment says otherwise. A status transition whose row is not in the expected status throws. `now` and
 * all times are ms since the Unix epoch. Writes throw `storage_failed` if the database cannot be written.
 */
export interface Store extends Disposable {
  readonly jobs: JobStore;
  readonly versions: VersionStore;
  readonly jobRepository: JobRepositoryStore;
  readonly jobFiles: JobFileStore;
  readonly runs: RunStore;
  readonly durations: DurationStore;
  readonly reviews: ReviewStore;
  readonly output: OutputStore;
  readonly artifacts: ArtifactStore;
  readonly occurrences: OccurrenceStore;
  readonly expectations: ExpectationStore;
  readonly deliveries: DeliveryStore;
  readonly seenFiles: SeenFileStore;
  readonly messageConsumers: MessageConsumerStore;
  readonly backfills: BackfillStore;
  readonly notifications: NotificationStore;
  readonly attentionMarks: AttentionMarkStore;
  readonly scheduler: SchedulerStore;
  readonly sessions: SessionStore;
  readonly providerSessions: ProviderSessionStore;
  readonly tokens: TokenStore;
  readonly access: AccessStore;
  readonly audit: AuditStore;
  readonly identity: IdentityStore;
  readonly workers: WorkerStore;
  readonly offers: OfferStore;
  readonly notes: NoteStore;
  readonly received: ReceivedStore;
  readonly events: EventStore;
  /** Runs all writes of `work` in one transaction. If `work` throws, they are undone. A nested call is undone on its own. */
  transaction<T>(work: () => T): T;
  /** Calls `listener` with the number of the newest event after each durable commit of events. Returns a function that ends that. */
  onDurable(listener: DurableListener): () => void;
  /** Throws `storage_failed` if the database cannot be written. */
  probe(now: number): void;
  /**
   * Makes a write that meets the lock of another process fail within a few ms from now on, so that its caller can wait
   * without blocking. Before this call, while petit starts, a write waits up to 5 s.
   */
  stopBlocking(): void;
  /** Returns the size in bytes of the database and its write-ahead log. */
  sizeBytes(): number;
  /** Returns the version of the SQLite library. */
  sqliteVersion(): string;
}

type DurableListener = (newestEvent: number) => void;

type StoreOptions = {
  readonly sizeBytes: () => number;
  /** Throws `storage_failed` if the database file was removed or replaced. */
  readonly assertInPlace: () => void;
  /** The folder of the commits of job files. */
  readonly commitsDir: string;
  /** Returns the pid of the process that has locked the database, or null if it is unknown. */
  readonly findLockingProcess: () => number | null;
};

/**
 * How long a write waits for the lock of another process while petit serves, in ms. The wait blocks the only thread, so it
 * covers no more than the commit of a well-behaved writer. Callers wait for longer locks without blocking.
 */
const SERVING_BUSY_TIMEOUT_MS = 5;

/** Creates the store over an open database whose schema is up to date. */
export const createStore = (
  db: SqlDatabase,
  { sizeBytes, assertInPlace, findLockingProcess, commitsDir }: StoreOptions,
): Store => {
  const sql = createStatements(db);
  const events = createPendingEvents(sql);
  const durable = createDurableListeners(events);
  const audit = createPendingAudit(sql);
  const transaction = createTransactions(db, {
    assertInPlace,
    findLockingProcess,
    beforeCommit: (durability) => {
      if (durability === "durable") audit.storeAction();
    },
    afterCommit: (durability) => {
      durable.note(durability);
      events.emit();
      audit.emit();
    },
    afterRollback: () => {
      events.clear();
      audit.clear();
    },
    mark: () => {
      const [undoEvents, undoAudit] = [events.mark(), audit.mark()];
      return () => {
        undoEvents();
        undoAudit();
      };
    },
  });
  const write: Write =
    (durability, work) =>
    (...args) =>
      transaction.run(durability, () => work(...args));
  const context: StoreContext = { sql, write, commitsDir, recordEvent: events.record };
  return {
    jobs: createJobStore(context),
    versions: createVersionStore(context),
    jobFiles: createJobFileStore(context),
    jobRepository: createJobRepositoryStore(context),
    runs: createRunStore(context),
    durations: createDurationStore(context),
    reviews: createReviewStore(context),
    output: createOutputStore(context),
    artifacts: createArtifactStore(context),
    occurrences: createOccurrenceStore(context),
    expectations: createExpectationStore(context),
    deliveries: createDeliveryStore(context),
    seenFiles: createSeenFileStore(context),
    messageConsumers: createMessageConsumerStore(context),
    backfills: createBackfillStore(context),
    notifications: createNotificationStore(context),
    attentionMarks: createAttentionMarkStore(context),
    scheduler: createSchedulerStore(context),
    sessions: createSessionStore(context),
    providerSessions: createProviderSessionStore(context),
    tokens: createTokenStore(context),
    access: createAccessStore(context),
    audit: createAuditStore(context, audit),
    identity: createIdentityStore(context),
    workers: createWorkerStore(context),
    offers: createOfferStore(context),
    notes: createNoteStore(context),
    received: createReceivedStore(context),
    events: createEventStore(context, events),
    transaction: (work) => transaction.nest(work),
    onDurable: durable.add,
    probe: write("durable", (now) =>
      sql.updateOne("UPDATE scheduler SET probed_at = $now", { now }, "probe the database"),
    ),
    stopBlocking: () => db.exec(`PRAGMA busy_timeout = ${SERVING_BUSY_TIMEOUT_MS}`),
    sizeBytes,
    sqliteVersion: () => String(sql.get("SELECT sqlite_version() AS version")?.version ?? ""),
    [Symbol.dispose]: () => db.close(),
  };
};

/** Tells listeners how far the stored events reach. A relaxed commit becomes durable with the next durable one. */
const createDurableListeners = (events: { readonly newestSeq: number | null }) => {
  const listeners = new Set<DurableListener>();
  let newest: number | null = null;
  return {
    add: (listener: DurableListener): (() => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    note: (durability: Durability): void => {
      newest = events.newestSeq ?? newest;
      if (durability !== "durable" || newest === null) return;
      for (const listener of listeners) listener(newest);
      newest = null;
    },
  };
};
