import { PetitError } from "../../domain/errors.ts";
import type { JobId, TaskId } from "../../domain/ids.ts";
import type { Expectation } from "../../domain/inbox/expectation.ts";
import type { Job } from "../../domain/job.ts";
import { eventOfEnd, type NotifyEvent, type NotifyTarget, type SendingEvent } from "../../domain/notification.ts";
import type { Review } from "../../domain/review/review.ts";
import type { Run } from "../../domain/run.ts";
import { uuidv7 } from "../../lib/uuid.ts";
import type { StoredJob } from "../../store/jobs.ts";
import type { NewOccurrence } from "../../store/occurrences.ts";
import { channelOf } from "../../store/renames.ts";
import type { EngineSettings } from "../options.ts";
import { Dispatcher, type DispatcherOptions, type SendingResult } from "./dispatcher.ts";
import {
  type AskedApproval,
  bodyOfApproval,
  bodyOfDigest,
  bodyOfDigestTest,
  bodyOfEnd,
  bodyOfLate,
  bodyOfMissed,
  bodyOfRecovered,
  bodyOfStale,
  bodyOfStart,
  encodeBody,
  type NotificationDraft,
} from "./notification-body.ts";
import { missingSecrets } from "./secret.ts";
import { type NotifyTest, sendTests, sendTestsOf } from "./send-tests.ts";

/** Maximum of waiting sendings per channel. Beyond it the oldest are given up. */
export const MAX_WAITING = 1_000;

type Asked = {
  readonly taskId: TaskId;
  readonly approval: () => AskedApproval;
};

type NotificationSubject = Pick<StoredJob, "job" | "versionId"> & { readonly run: Run | null };

type NotifierOptions = DispatcherOptions & {
  readonly settings: Pick<EngineSettings, "publicUrl">;
  /** Returns whether nobody is notified of the failure of a run. Called once within the transaction that stores its end. */
  readonly judgeEnd: (run: Run) => { readonly isQuiet: boolean };
  /** Returns the same of a run of the job that has become late. Called within the transaction that stores that. */
  readonly isQuietLate: (jobId: JobId) => boolean;
  /** Returns the same of missed occurrences of the job. Called within the transaction that stores them. */
  readonly isQuietMissed: (jobId: JobId) => boolean;
  /** Returns the same of a task of the job that began to wait for a person. */
  readonly isQuietApproval: (jobId: JobId, taskId: TaskId) => boolean;
  /** Returns what is expected of a job if it is stale, without what the current transaction changes; otherwise null. */
  readonly findStale: (jobId: JobId) => Expectation | null;
};

/**
 * Queues the notifications of a job's `notify`. Call its methods for events within the transaction that stores the
 * event: the sending is queued in it, and the dispatcher sends it later. Only a failure of the database rolls back the event.
 */
export class Notifier implements Disposable {
  readonly #options: NotifierOptions;
  readonly #dispatcher: Dispatcher;
  readonly #listeners = new Set<(result: SendingResult) => void>();

  constructor(options: NotifierOptions) {
    this.#options = options;
    this.#dispatcher = new Dispatcher(options, (result) => this.#emit(result));
  }

  /** Calls `listener` after every attempt to deliver. Returns a function that removes it. */
  onSending(listener: (result: SendingResult) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #emit(result: SendingResult): void {
    for (const listener of [...this.#listeners]) listener(result);
  }

  /** Starts to deliver, including the notifications that the previous process left. */
  start(jobs: Iterable<StoredJob>): void {
    this.warnOfMissingSecrets(jobs);
    this.#dispatcher.start();
  }

  /** Logs secrets that can't be read. Does nothing without schedules, when petit executes a single run. */
  warnOfMissingSecrets(jobs: Iterable<Pick<StoredJob, "job">>): void {
    if (this.#options.followSchedules === false) return;
    const { log, environment } = this.#options;
    const missing = missingSecrets(
      [...jobs].map(({ job }) => job),
      { environment },
    );
    for (const { jobId, message } of missing) log.warn(jobId === null ? {} : { job_id: jobId }, message);
  }

  /** Delivers what waits under the new id of a job that was renamed. */
  renamed(): void {
    this.#dispatcher.wakeNew();
  }

  /** Waits up to 2 s for notifications that can be delivered now. */
  drain(signal: AbortSignal): Promise<void> {
    return this.#dispatcher.drain(signal);
  }

  [Symbol.dispose](): void {
    this.#dispatcher[Symbol.dispose]();
  }

  /** Queues the notifications of a run that has started. */
  started(job: Job, run: Run): void {
    const subject = { job, run, versionId: run.versionId };
    this.#notifyTargets(subject, {
      eventFor: ({ on }) => (on.includes("started") ? "started" : null),
      bodyOf: (_event, now) => bodyOfStart(job, run, now),
    });
  }

  /** Queues the notifications of a run that has become late. */
  late(job: Job, run: Run): void {
    if (this.#options.isQuietLate(job.id)) return;
    const subject = { job, run, versionId: run.versionId };
    this.#notifyTargets(subject, {
      eventFor: ({ on }) => (on.includes("late") ? "late" : null),
      bodyOf: () => bodyOfLate(job, run),
    });
  }

  /** Queues the notifications of a job that has become stale. */
  stale({ job, versionId }: Pick<StoredJob, "job" | "versionId">, expectation: Expectation): void {
    this.#notifyTargets(
      { job, versionId, run: null },
      {
        eventFor: ({ on }) => (on.includes("stale") ? "stale" : null),
        bodyOf: (_event, now) => bodyOfStale(job, expectation, now),
      },
    );
  }

  /** Queues the notifications of a job that is no longer stale because its file was changed. `before` is how it was stale. */
  recovered({ job, versionId }: Pick<StoredJob, "job" | "versionId">, before: Expectation): void {
    this.#notifyTargets(
      { job, versionId, run: null },
      {
        eventFor: ({ on }) => (on.includes("recovery") ? "recovery" : null),
        bodyOf: (_event, now) => bodyOfRecovered(job, before, now),
      },
    );
  }

  /** Queues the notifications of a task that began to wait for a person. `approval` is called only if somebody is notified. */
  asked(job: Job, run: Run, { taskId, approval }: Asked): void {
    if (this.#options.isQuietApproval(job.id, taskId)) return;
    const subject = { job, run, versionId: run.versionId };
    this.#notifyTargets(subject, {
      eventFor: ({ on }) => (on.includes("approval") ? "approval" : null),
      bodyOf: () => bodyOfApproval(job, run, approval()),
    });
  }

  /** Queues the notifications of a run that has ended. A failure that is acknowledged or snoozed is not news. */
  ended(job: Job, run: Run): void {
    const { store } = this.#options;
    const { isQuiet } = this.#options.judgeEnd(run);
    if (isQuiet) return;
    const stale = this.#options.findStale(run.jobId);
    const subject = { job, run, versionId: run.versionId };
    this.#notifyTargets(subject, {
      eventFor: ({ on }) =>
        eventOfEnd(
          run.status,
          on,
          () => stale !== null || store.notifications.didPreviousFail(run),
          () => store.output.read({ runId: run.id, fromSeq: 1, limit: 1 }).length > 0,
        ),
      bodyOf: (event, now) => bodyOfEnd(event, job, run, { store, now, stale }),
    });
  }

  /** Queues one notification for all missed occurrences. Other occurrences are ignored. */
  missed(stored: StoredJob, occurrences: readonly NewOccurrence[]): void {
    const missed = occurrences.filter(({ outcome }) => outcome === "missed");
    if (missed.length === 0 || this.#options.isQuietMissed(stored.job.id)) return;
    this.#notifyTargets(
      { job: stored.job, versionId: stored.versionId, run: null },
      {
        eventFor: ({ on }) => (on.includes("missed") ? "missed" : null),
        bodyOf: (_event, now) => bodyOfMissed(stored.job, missed, now),
      },
    );
  }

  /** Queues a digest for each receiver of its sender, within the transaction that stores its period. */
  digest(sender: Pick<StoredJob, "job" | "versionId">, { review, tag }: DigestContent): void {
    const now = this.#options.clock.now();
    const notice = encodeBody(bodyOfDigest(sender.job, review, tag), this.#publicUrl);
    for (const [index, target] of (sender.job.notify ?? []).entries())
      this.#queueSending({ subject: { ...sender, run: null }, index, target, event: "digest", now, notice });
  }

  /**
   * Sends a test to each target of a job, and returns how each answered. A receiver that accepts it counts as working: what waits for
   * it is sent now, and what was given up no longer counts against petit's health.
   */
  async test(job: Job, signal: AbortSignal): Promise<readonly NotifyTest[]> {
    const { clock, runtime, environment } = this.#options;
    const tests = await sendTests(job, { clock, runtime, environment, publicUrl: this.#publicUrl, signal });
    this.#trustThose(job, tests);
    return tests;
  }

  /** The same for the receivers of a digest: they get what it would say. */
  async testDigest(sender: Job, { review, tag }: DigestContent, signal: AbortSignal): Promise<readonly NotifyTest[]> {
    const { clock, runtime, environment } = this.#options;
    const body = bodyOfDigestTest(sender, review, tag);
    const tests = await sendTestsOf(sender, body, { clock, runtime, environment, publicUrl: this.#publicUrl, signal });
    this.#trustThose(sender, tests);
    return tests;
  }

  #trustThose(job: Job, tests: readonly NotifyTest[]): void {
    for (const { target, isDelivered } of tests) if (isDelivered) this.#trust(channelOf(job.id, target));
  }

  #trust(channel: string): void {
    const { store, log, retryUntilStored } = this.#options;
    this.#dispatcher.retryNow(channel);
    retryUntilStored(() => store.notifications.acknowledge(channel)).catch((error: unknown) =>
      log.debug({ err: error }, "cannot store that a receiver works again"),
    );
  }

  #notifyTargets(subject: NotificationSubject, { eventFor, bodyOf }: NotificationEvent): void {
    const targets = subject.job.notify ?? [];
    if (targets.length === 0) return;
    const { store, log, clock } = this.#options;
    const now = clock.now();
    // The clock of a run may differ from the wall clock.
    const happenedAt = subject.run?.endedAt ?? subject.run?.startedAt ?? now;
    const notices = new Map<NotifyEvent, string>();
    const noticeOf = (event: NotifyEvent): string => {
      const notice = notices.get(event) ?? encodeBody(bodyOf(event, happenedAt), this.#publicUrl);
      notices.set(event, notice);
      return notice;
    };
    try {
      store.transaction(() => {
        for (const [index, target] of targets.entries()) {
          const event = eventFor(target);
          if (event !== null) this.#queueSending({ subject, index, target, event, now, notice: noticeOf(event) });
        }
      });
    } catch (error) {
      if (error instanceof PetitError && error.code === "storage_failed") throw error;
      log.error({ err: error, job_id: subject.job.id, run_id: subject.run?.id }, "cannot queue a notification");
    }
  }

  get #publicUrl(): string | null {
    return this.#options.settings.publicUrl ?? null;
  }

  #queueSending({ subject, index, target, event, now, notice }: SendingRequest): void {
    const { store, log } = this.#options;
    const { job, run, versionId } = subject;
    const channel = channelOf(job.id, target);
    const id = uuidv7(now);
    const about = { versionId, jobId: job.id, target: index, event, runId: run?.id ?? null };
    store.notifications.queue({ id, channel, ...about, notice }, now);
    const dropped = store.notifications.giveUpExcess(channel, MAX_WAITING, now);
    if (dropped > 0) {
      log.error(
        { job_id: job.id, dropped },
        `too many notifications are waiting for notify[${index}]; the oldest were given up`,
      );
      this.#emit({ type: target.type, outcome: "given_up", times: dropped });
    }
    this.#dispatcher.wake(channel, target);
  }
}

type DigestContent = { readonly review: Review; readonly tag: string | null };

type NotificationEvent = {
  /** Returns the event for a target, or null if the target does not want it. */
  readonly eventFor: (target: NotifyTarget) => NotifyEvent | null;
  readonly bodyOf: (event: NotifyEvent, now: number) => NotificationDraft;
};

type SendingRequest = {
  readonly subject: NotificationSubject;
  readonly index: number;
  readonly target: NotifyTarget;
  readonly event: SendingEvent;
  readonly now: number;
  /** The body as JSON. */
  readonly notice: string;
};
