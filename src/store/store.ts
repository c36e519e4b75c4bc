import type { Upstream } from "../domain/dependency.ts";
import type { Event, EventType } from "../domain/event.ts";
import type { JobId, RunId, TaskId } from "../domain/ids.ts";
import type { Job } from "../domain/job.ts";
import type { EndingReason, ParamValues, Run, RunOutcome, RunStatus, Trigger } from "../domain/run.ts";
import type { MissReason, Occurrence, SkipReason } from "../domain/schedule/occurrence.ts";
import type { Attempt, AttemptOutcome, Outputs, ProcessIdentity, TaskOutcome, TaskRun } from "../domain/task-run.ts";
import type { LineFilter, LineReads } from "./lines.ts";
import type { Deliveries } from "./notifications.ts";
import type { Retention } from "./retention.ts";
import type { WindowReads } from "./windows.ts";

/**
 * All that petit remembers, in one SQLite file. Every verb is one transaction that is on disk when the verb returns
 * (the exceptions say so); a transition whose row is not in the expected status throws. `now` and all times are ms since
 * the epoch. Errors: `storage_failed` where the database can't be written.
 */
export interface Store extends WindowReads, LineReads, Deliveries, Retention, Disposable {
  /** Makes one transaction of all verbs that `work` calls; a throw undoes them all. Nests: an inner one is undone alone. */
  transaction<T>(work: () => T): T;
  /** `listener` is told of the events of each transaction, in order, after its commit. The answer ends that. */
  onEvents(listener: (events: readonly Event[]) => void): () => void;

  /** Stores the definitions; jobs that are not among them are marked as removed. Answers what each is stored as, by id. */
  saveJobs(jobs: readonly Job[], now: number): ReadonlyMap<JobId, StoredJob>;
  /** Stores the definitions for runs to be made of; which jobs there are, and what is due, stays as it is. */
  saveDefinitions(jobs: readonly Job[], now: number): ReadonlyMap<JobId, StoredJob>;
  /** The last good definition of every job that is not removed, by id. */
  listJobs(): ReadonlyMap<JobId, StoredJob>;
  /** The definition that a run started with. */
  definition(versionId: number): Job;

  /** Stores a run with its tasks and, for an occurrence, the row of the ledger. A run by an idempotency key is stored with it. */
  startRun(input: NewRun): Run;
  /** `pending` → `running`. */
  beginRun(runId: RunId, now: number): Run;
  /** Remembers that the run is to end; the first reason stays. */
  requestEnd(runId: RunId, ending: EndingReason): Run;
  /** Remembers that an attempt of the run was lost. */
  markLost(runId: RunId): void;
  /** To a final status; from `pending` or `running`. */
  finishRun(runId: RunId, outcome: RunOutcome, now: number): Run;
  findRun(runId: RunId): Run | null;
  /** Newest first. `before` is exclusive; an unknown one throws `not_found`. */
  listRuns(filter: RunFilter): readonly Run[];
  /** Every run that is not final, oldest first. */
  unfinishedRuns(): readonly Run[];
  /** What the gates of other jobs look at. */
  upstream(jobId: JobId): Upstream;
  /** The newest run of each job that has one. */
  newestRuns(): ReadonlyMap<JobId, Run>;
  newestRun(jobId: JobId): Run | null;
  findIdempotent(key: string, now: number): { readonly runId: RunId; readonly request: string } | null;

  /** To a final status, from `pending` or `running`. */
  finishTask(run: RunKey, taskId: TaskId, end: { readonly outcome: TaskOutcome; readonly now: number }): void;
  /** In the order of the definition. */
  listTaskRuns(runId: RunId): readonly TaskRun[];

  /** A new attempt, without a process yet; its task is `running` from the first one on. */
  startAttempt(run: RunKey, taskId: TaskId, now: number): Attempt;
  /** Not on disk at once: a power cut, which ends the process as well, may undo it. */
  recordProcess(attemptId: number, identity: ProcessIdentity): void;
  /** To a final status, from `running`; with `retryAt`, the task waits for its next attempt. */
  finishAttempt(
    attemptId: number,
    outcome: AttemptOutcome,
    options: { readonly now: number; readonly retryAt: number | null },
  ): void;
  /** By task, in the order of the definition, then by number. */
  listAttempts(runId: RunId): readonly Attempt[];

  /** Adds what an attempt wrote, and how far its spool files are stored. Answers each chunk's `seq`. Not on disk at once; in order. */
  appendOutput(attempt: AttemptKey, chunks: readonly NewChunk[], offsets: SpoolOffsets): readonly number[];
  /** How far an attempt's spool files are stored. */
  spoolOffsets(attemptId: number): SpoolOffsets;
  /** What is stored of an attempt's output, in order, without the bytes. */
  outputExtents(attempt: AttemptKey): readonly OutputExtent[];
  /**
   * Deletes the chunks of an attempt that begin at `seqs`, the marker before included, and stores `marker`. Its `seq` is
   * free then, and not below the newest line that is deleted: numbers of a run's lines are never used again.
   */
  dropOutput(attempt: AttemptKey, seqs: readonly number[], marker: OutputMarker): void;
  /** Chunks in the order in which they were seen, from the one that holds line `fromSeq` on. */
  readOutput(query: OutputQuery): readonly OutputChunk[];

  /**
   * Records what became of occurrences that no run was stored for; those that came to the same are one event. An
   * occurrence that is in the ledger already stays as it is. Answers the others. For a part of a whole, the events are
   * emitted with the last part.
   */
  recordOccurrences(
    jobId: JobId,
    occurrences: readonly NewOccurrence[],
    now: number,
    part?: { readonly earlier: readonly NewOccurrence[]; readonly isLast: boolean },
  ): readonly NewOccurrence[];
  /** Everything due at or before `until` is now in the ledger. It doesn't go back. */
  accountUntil(jobId: JobId, until: number): void;
  /** The clock was set back to `now`: what comes after that is to be looked at again, of every job. */
  accountBackTo(now: number): void;
  findOccurrence(jobId: JobId, scheduledFor: number): Occurrence | null;
  /** Newest first; `before` is exclusive. */
  listOccurrences(jobId: JobId, filter: { readonly limit: number; readonly before?: number }): readonly Occurrence[];

  isPaused(): boolean;
  setPaused(paused: boolean, now: number): void;
  /** An event that no other verb tells of. */
  tell(event: {
    readonly type: EventType;
    readonly now: number;
    readonly status?: string;
    readonly reason?: string;
  }): void;
  /** Events after `seq`, oldest first. */
  eventsAfter(seq: number, limit: number): readonly Event[];
  /** 0 where there was none yet. */
  newestEventSeq(): number;

  /** Whom to name when somebody else finds the database locked; null when nobody holds it any more. */
  setHolder(holder: string | null): void;

  /** Throws `storage_failed` where nothing can be written. */
  probe(now: number): void;
  /**
   * From now on a write that meets the lock of another process fails within a few ms, and its caller waits without
   * blocking. Until then, while petit starts, a write waits up to 5 s.
   */
  stopBlocking(): void;
  /** Bytes of the database, its write-ahead log included. */
  sizeBytes(): number;
  /** Of the library that reads and writes it. */
  sqliteVersion(): string;
}

export type StoredJob = {
  readonly job: Job;
  readonly versionId: number;
  /** When the database first heard of it. */
  readonly firstSeenAt: number;
  /** Every occurrence due at or before this is in the ledger. */
  readonly accountedUntil: number;
};

export type NewRun = {
  readonly id: RunId;
  readonly job: Job;
  readonly versionId: number;
  readonly status: "pending" | "running";
  readonly trigger: Trigger;
  readonly params: ParamValues;
  readonly now: number;
  /** The occurrence it runs for; a retry keeps that of the run before. */
  readonly scheduledFor: number | null;
  /** With it, the occurrence goes into the ledger as `fired`; throws `conflict` where it was fired or skipped before. */
  readonly ledger: { readonly jitterMs: number } | null;
  readonly retry: { readonly of: RunId; readonly reused: readonly ReusedTask[] } | null;
  readonly idempotency: { readonly key: string; readonly request: string } | null;
};

/** A task that a retry takes over from the run before. */
export type ReusedTask = { readonly taskId: TaskId; readonly outputs: Outputs };

export type RunFilter = {
  readonly jobId?: JobId;
  readonly status?: RunStatus;
  readonly before?: RunId;
  readonly limit: number;
};

export const STREAMS = ["stdout", "stderr"] as const;
export type Stream = (typeof STREAMS)[number];

/**
 * Lines that were seen at the same time: whole lines, each ended by `\n` but for the last one of an attempt's stream
 * (or a piece of a line that exceeds the bound of a chunk). The bytes are exact.
 */
export type NewChunk = {
  readonly stream: Stream;
  /** When they were seen, ms since the epoch. */
  readonly at: number;
  readonly bytes: Uint8Array;
  /** Lines in it, at least 1. */
  readonly lines: number;
};

export type RunKey = Pick<Run, "id" | "jobId">;

export type AttemptKey = Pick<Attempt, "id" | "runId" | "taskId" | "attempt">;

/** Bytes from the start of each of an attempt's spool files. */
export type SpoolOffsets = { readonly stdout: number; readonly stderr: number };

/** A stored chunk without its bytes; `dropped` is 0 but for a marker. */
export type OutputExtent = {
  readonly seq: number;
  readonly lines: number;
  readonly stream: Stream;
  readonly bytes: number;
  readonly dropped: number;
};

/** The line that stands for what was dropped. */
export type OutputMarker = {
  readonly seq: number;
  readonly stream: Stream;
  readonly at: number;
  readonly text: string;
  readonly dropped: number;
};

export type OutputChunk = NewChunk & {
  /** Number of its first line in the run, from 1; the lines of a run have no gaps but for what was dropped. */
  readonly seq: number;
  readonly taskId: TaskId;
  readonly attempt: number;
};

export type OutputQuery = LineFilter & {
  readonly fromSeq: number;
  /** Chunks, at most. */
  readonly limit: number;
  /** Newest first, from the end: for a tail. */
  readonly reverse?: boolean;
};

/** Bounds of one step of a deletion; the next step does the rest. */
export type DeletionBounds = {
  /** Runs to look at, at most. */
  readonly limit: number;
  /** The step ends when this much time has passed. */
  readonly untilMs: number;
  /** Runs up to this number were looked at in an earlier step. Default: 0. */
  readonly after?: number;
  readonly clock: { monotonic(): number };
};

export type NewOccurrence = {
  readonly scheduledFor: number;
  readonly outcome: "skipped" | "missed";
  readonly reason: SkipReason | MissReason;
  readonly jitterMs: number;
};
