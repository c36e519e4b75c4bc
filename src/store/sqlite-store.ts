import type { Event } from "../domain/event.ts";
import type { Run } from "../domain/run.ts";
import type { SqlDatabase } from "../runtime/runtime.ts";
import * as attempts from "./attempts.ts";
import { type Statements, statements } from "./database/statements.ts";
import { type Durability, transactions } from "./database/transaction.ts";
import { eventsAfter, insertEvent, type NewEvent, newestEventSeq } from "./events.ts";
import { findKey, insertKey } from "./idempotency.ts";
import * as jobs from "./jobs.ts";
import * as lines from "./lines.ts";
import * as logs from "./logs.ts";
import * as notifications from "./notifications.ts";
import * as occurrences from "./occurrences.ts";
import * as recentRuns from "./recent-runs.ts";
import * as retention from "./retention.ts";
import * as runs from "./runs.ts";
import * as scheduler from "./scheduler.ts";
import type { NewRun, Store } from "./store.ts";
import * as taskRuns from "./task-runs.ts";
import * as windows from "./windows.ts";

export type SqliteStoreOptions = {
  readonly sizeBytes: () => number;
  /** Throws `storage_failed` where what is written can't be found again. */
  readonly assertThere: () => void;
  /** Names the process that has locked the database; null where it can't be found out. */
  readonly lockOwner: () => string | null;
};

/**
 * How long a write waits for the lock of another process once petit serves, in ms. The wait blocks the only thread, so it
 * covers no more than the commit of a well-behaved writer; longer locks are waited for without blocking.
 */
const SERVING_BUSY_TIMEOUT_MS = 5;

/** The store over an open database whose schema is up to date. */
export const sqliteStore = (db: SqlDatabase, options: SqliteStoreOptions): Store => {
  const sql = statements(db);
  const listeners = new Set<(events: readonly Event[]) => void>();
  let told: Event[] = [];
  const afterCommit = (): void => {
    const events = told;
    told = [];
    if (events.length > 0) for (const listener of [...listeners]) listener(events);
  };
  const transaction = transactions(db, {
    assertThere: options.assertThere,
    lockOwner: options.lockOwner,
    afterCommit,
    afterRollback: () => {
      told = [];
    },
    mark: () => {
      const before = told.length;
      return () => {
        told.length = before;
      };
    },
  });
  const tell = (event: NewEvent): void => {
    told.push(insertEvent(sql, event));
  };
  const write =
    <Args extends readonly unknown[], T>(durability: Durability, verb: (...args: Args) => T) =>
    (...args: Args): T =>
      transaction.run(durability, () => verb(...args));

  const store: Omit<Store, keyof Disposable> = {
    transaction: (work) => transaction.nest(work),
    onEvents: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },

    saveJobs: write("durable", (list, now) => jobs.saveJobs(sql, list, now)),
    saveDefinitions: write("durable", (list, now) => jobs.saveDefinitions(sql, list, now)),
    listJobs: () => jobs.listJobs(sql),
    definition: (versionId) => jobs.definition(sql, versionId),

    startRun: write("durable", (input) => startRun(sql, input, tell)),
    beginRun: write("durable", (runId, now) => {
      const run = runs.beginRun(sql, runId, now);
      tell(runEvent("run.started", run, now));
      return run;
    }),
    requestEnd: write("durable", (runId, ending) => runs.requestEnd(sql, runId, ending)),
    markLost: write("durable", (runId) => runs.markLost(sql, runId)),
    finishRun: write("durable", (runId, outcome, now) => {
      const run = runs.finishRun(sql, runId, outcome, now);
      tell(runEvent("run.finished", run, now));
      return run;
    }),
    findRun: (runId) => runs.findRun(sql, runId),
    listRuns: (filter) => runs.listRuns(sql, filter),
    unfinishedRuns: () => runs.unfinishedRuns(sql),
    upstream: (jobId) => runs.upstream(sql, jobId),
    newestRuns: () => runs.newestRuns(sql),
    newestRun: (jobId) => runs.newestRun(sql, jobId),
    findIdempotent: (key, now) => findKey(sql, key, now),

    finishTask: write("durable", (run, taskId, { outcome, now }) => {
      taskRuns.finishTask(sql, { runId: run.id, taskId, outcome, now });
      const { status, reason } = outcome;
      tell({ type: "task.finished", now, jobId: run.jobId, runId: run.id, taskId, status, reason });
    }),
    listTaskRuns: (runId) => taskRuns.listTaskRuns(sql, runId),

    startAttempt: write("durable", (run, taskId, now) => {
      const attempt = taskRuns.beginAttempt(sql, run.id, taskId, now);
      if (attempt === 1) {
        tell({ type: "task.started", now, jobId: run.jobId, runId: run.id, taskId, status: "running" });
      }
      return attempts.insertAttempt(sql, { runId: run.id, taskId, attempt, now });
    }),
    recordProcess: write("relaxed", (attemptId, identity) => attempts.recordProcess(sql, attemptId, identity)),
    finishAttempt: write("durable", (attemptId, outcome, { now, retryAt }) => {
      attempts.finishAttempt(sql, attemptId, outcome, now);
      if (retryAt === null) return;
      const { runId, taskId } = attempts.ownerOf(sql, attemptId);
      taskRuns.scheduleRetry(sql, runId, taskId, retryAt);
    }),
    listAttempts: (runId) => attempts.listAttempts(sql, runId),

    appendOutput: write("relaxed", (attempt, chunks, offsets) => {
      attempts.setSpoolOffsets(sql, attempt.id, offsets);
      return logs.insertChunks(sql, attempt, chunks);
    }),
    spoolOffsets: (attemptId) => attempts.spoolOffsets(sql, attemptId),
    outputExtents: (attempt) => logs.outputExtents(sql, attempt),
    dropOutput: write("relaxed", (attempt, seqs, marker) => logs.dropChunks(sql, attempt, { seqs, marker })),
    readOutput: (query) => logs.readOutput(sql, query),
    newestLine: (runId) => lines.newestLine(sql, runId),
    countLines: (query) => lines.countLines(sql, query),
    lineAt: (query) => lines.lineAt(sql, query),

    recordOccurrences: write("durable", (jobId, list, now, part = { earlier: [], isLast: true }) => {
      const added = occurrences.insertUnfired(sql, jobId, list, now);
      for (const { outcome, reason, times } of occurrences.alike(part.isLast ? [...part.earlier, ...added] : []))
        tell({ type: "occurrence", now, jobId, status: outcome, reason, times });
      return added;
    }),
    accountUntil: write("relaxed", (jobId, until) => jobs.accountUntil(sql, jobId, until)),
    accountBackTo: write("relaxed", (now) => jobs.accountBackTo(sql, now)),
    findOccurrence: (jobId, scheduledFor) => occurrences.findOccurrence(sql, jobId, scheduledFor),
    listOccurrences: (jobId, filter) => occurrences.listOccurrences(sql, jobId, filter),

    endedSpans: (query) => windows.endedSpans(sql, query),
    nthEndAfter: (after, count) => windows.nthEndAfter(sql, after, count),
    estimateEnded: (after, until) => windows.estimateEnded(sql, after, until),
    nthUnfired: (from, to, count) => windows.nthUnfired(sql, from, to, count),
    unfiredSpans: (from, to) => windows.unfiredSpans(sql, from, to),
    countEnded: (from) => windows.countEnded(sql, from),
    countOccurrences: (from, to) => windows.countOccurrences(sql, from, to),
    recentRuns: (limit) => recentRuns.recentRuns(sql, limit),
    retriesOf: (runId) => recentRuns.retriesOf(sql, runId),

    nthNewestRun: (jobId, before, count) => retention.nthNewestRun(sql, jobId, before, count),
    countUnfinished: (jobId, from, to) => retention.countUnfinished(sql, jobId, from, to),
    lastRunEndedBy: (at) => retention.lastRunEndedBy(sql, at),
    deleteRuns: write("relaxed", (jobId, limits, bounds) => retention.deleteRuns(sql, jobId, limits, bounds)),
    finishDeletions: write("relaxed", (bounds) => retention.finishDeletions(sql, bounds)),
    nthNewestOccurrence: (jobId, count) => retention.nthNewestOccurrence(sql, jobId, count),
    deleteOccurrences: write("relaxed", (jobId, upTo, limit) => retention.deleteOccurrences(sql, jobId, upTo, limit)),
    deleteVersions: write("relaxed", (after, limit) => jobs.deleteVersions(sql, after, limit)),
    deleteEvents: write("relaxed", (keep, limit) => retention.deleteEvents(sql, keep, limit)),

    queueDelivery: write("durable", (delivery, now) => notifications.insertDelivery(sql, delivery, now)),
    waitingChannels: () => notifications.waitingChannels(sql),
    nextDelivery: (channel) => notifications.nextDelivery(sql, channel),
    postponeDelivery: write("relaxed", (id, postponement) => notifications.postponeDelivery(sql, id, postponement)),
    endDelivery: write("relaxed", (id, end, now) => notifications.endDelivery(sql, id, end, now)),
    dropDeliveries: write("relaxed", (channel, keep, now) => notifications.dropDeliveries(sql, channel, keep, now)),
    deleteDeliveries: write("relaxed", (before, limit) => notifications.deleteDeliveries(sql, before, limit)),
    listDeliveries: (filter) => notifications.listDeliveries(sql, filter),
    waitingDeliveries: () => notifications.waitingDeliveries(sql),
    wasBroken: (run) => notifications.wasBroken(sql, run),

    isPaused: () => scheduler.isPaused(sql),
    setPaused: write("durable", (paused, now) => {
      scheduler.setPaused(sql, paused);
      tell({ type: paused ? "scheduler.paused" : "scheduler.resumed", now, status: paused ? "paused" : "running" });
    }),
    tell: write("relaxed", tell),
    eventsAfter: (seq, limit) => eventsAfter(sql, seq, limit),
    newestEventSeq: () => newestEventSeq(sql),

    setHolder: write("relaxed", (holder) => scheduler.setHolder(sql, holder)),
    probe: write("durable", (now) => scheduler.probe(sql, now)),
    stopBlocking: () => db.exec(`PRAGMA busy_timeout = ${SERVING_BUSY_TIMEOUT_MS}`),
    sizeBytes: options.sizeBytes,
    sqliteVersion: () => String(sql.get("SELECT sqlite_version() AS version")?.version ?? ""),
  };
  return Object.assign(store, { [Symbol.dispose]: () => db.close() });
};

const startRun = (sql: Statements, input: NewRun, tell: (event: NewEvent) => void): Run => {
  const { id: runId, job, now } = input;
  const { seq, run } = runs.insertRun(sql, input);
  taskRuns.insertTaskRuns(sql, { run: seq, job, reused: input.retry?.reused ?? [], now });
  if (input.ledger !== null && input.scheduledFor !== null) {
    const { scheduledFor } = input;
    occurrences.insertFired(sql, { jobId: job.id, scheduledFor, jitterMs: input.ledger.jitterMs, runId, now });
    tell({ type: "occurrence", now, jobId: job.id, runId, status: "fired" });
  }
  if (input.idempotency !== null) insertKey(sql, { ...input.idempotency, runId, now });
  if (run.status === "running") tell(runEvent("run.started", run, now));
  return run;
};

const runEvent = (type: "run.started" | "run.finished", run: Run, now: number): NewEvent => ({
  type,
  now,
  jobId: run.jobId,
  runId: run.id,
  status: run.status,
  reason: run.reason,
});
