import { PetitError } from "../domain/errors.ts";
import type { InternalError } from "../domain/health.ts";
import type { JobId, RunId } from "../domain/ids.ts";
import type { Run } from "../domain/run.ts";
import { errorMessage } from "../lib/error-message.ts";
import { shorten } from "../lib/text.ts";

/** For how long an error that has ended its run counts against petit's health, in ms. */
const COUNTS_MS = 3_600_000;

const MAX_TEXT = 1_000;

type Subject = { readonly jobId: JobId; readonly runId: RunId | null };

/** An error at a run, or at the occurrences of a job. */
type JobError = InternalError & Subject;

/**
 * Remembers errors of petit itself: those because of which a run can't go on or occurrences can't start, as long as that lasts,
 * the last one of each job that has ended a task or a run, and the last one that nothing has handled.
 */
export class InternalErrors {
  readonly #blocking = new Map<string, JobError>();
  readonly #ended = new Map<JobId, JobError>();
  #unhandled: InternalError | null = null;

  /** Notes that a run, or the occurrences of a job, can't go on for now. */
  block(subject: Subject, { error, now }: { readonly error: unknown; readonly now: number }): void {
    const key = keyOf(subject);
    const since = this.#blocking.get(key)?.since ?? now;
    this.#blocking.set(key, { ...subject, since, error: internalErrorText(error) });
  }

  /** Notes that it goes on, or has ended. */
  unblock(subject: Subject): void {
    this.#blocking.delete(keyOf(subject));
  }

  /** Notes that a task or a run has ended because of an error. */
  note(subject: Subject, { error, now }: { readonly error: string; readonly now: number }): void {
    this.#ended.set(subject.jobId, { ...subject, since: now, error });
  }

  noteUnhandled(error: Error, now: number): void {
    this.#unhandled = { jobId: null, runId: null, since: now, error: internalErrorText(error) };
  }

  /** Call it when the end of a run is stored. */
  noteEnd({ id, jobId, status }: Run): void {
    this.#blocking.delete(id);
    if (status === "completed" && this.#ended.get(jobId)?.runId !== id) this.#ended.delete(jobId);
  }

  /** Call it when the history of a job was moved to another one. */
  rename(from: JobId, to: JobId): void {
    const error = this.#ended.get(from);
    this.#ended.delete(from);
    if (error !== undefined) this.#ended.set(to, { ...error, jobId: to });
    for (const [key, blocked] of [...this.#blocking]) {
      if (blocked.jobId !== from) continue;
      this.#blocking.delete(key);
      const subject = { ...blocked, jobId: to };
      this.#blocking.set(keyOf(subject), subject);
    }
  }

  /** What can't go on at the moment, and what may not: the last error that nothing has handled. */
  listUrgent(now: number): readonly InternalError[] {
    if (this.#unhandled !== null && this.#unhandled.since + COUNTS_MS < now) this.#unhandled = null;
    return [...this.#blocking.values(), ...(this.#unhandled === null ? [] : [this.#unhandled])];
  }

  /** What counts against petit's health. */
  list(now: number): readonly InternalError[] {
    for (const [jobId, { since }] of this.#ended) if (since + COUNTS_MS < now) this.#ended.delete(jobId);
    return [...this.listUrgent(now), ...this.#ended.values()];
  }
}

const keyOf = ({ jobId, runId }: Subject): string => runId ?? jobId;

/** Returns the sentence for an error of petit itself. */
export const internalErrorText = (error: unknown): string =>
  `internal error: ${shorten(errorMessage(error), MAX_TEXT)}`;

/** Throws an error that means that the database can't be written: the work is repeated when it can. */
export const assertNoStorageFault = (error: unknown): void => {
  if (error instanceof PetitError && error.code === "storage_failed") throw error;
};
