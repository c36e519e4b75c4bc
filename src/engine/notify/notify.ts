import { createHash } from "node:crypto";
import { PetitError } from "../../domain/errors.ts";
import type { Job } from "../../domain/job.ts";
import { eventOfEnd, type NotifyEvent, type NotifyTarget } from "../../domain/notification.ts";
import type { Run } from "../../domain/run.ts";
import { uuidv7 } from "../../lib/uuid.ts";
import type { StoredJob } from "../../store/jobs.ts";
import type { NewOccurrence } from "../../store/occurrences.ts";
import { warnOfMissing } from "./check.ts";
import { Courier, type CourierOptions, type DeliveryNews } from "./dispatcher.ts";
import { type Notice, noticeOfEnd, noticeOfMissed, noticeOfStart } from "./message.ts";

/** What waits in one channel at most; beyond that the oldest is given up. */
export const MAX_WAITING = 1_000;

type Subject = Pick<StoredJob, "job" | "versionId"> & { readonly run: Run | null };

/**
 * Tells those whom a job's `notify` names. `started`, `ended` and `missed` are called within the transaction of what
 * they tell, and queue it there; the courier sends it later. A fault in here never undoes what happened.
 */
export class Notify implements Disposable {
  readonly #options: CourierOptions;
  readonly #courier: Courier;
  readonly #listeners = new Set<(news: DeliveryNews) => void>();

  constructor(options: CourierOptions) {
    this.#options = options;
    this.#courier = new Courier(options, (news) => this.#hear(news));
  }

  /** The answer ends it. */
  onDelivery(listener: (news: DeliveryNews) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #hear(news: DeliveryNews): void {
    for (const listener of [...this.#listeners]) listener(news);
  }

  /** Takes up what an earlier petit left. */
  start(jobs: Iterable<StoredJob>): void {
    this.check(jobs);
    this.#courier.start();
  }

  /** Warns of secrets that aren't there; not where one run is all that is asked for. */
  check(jobs: Iterable<StoredJob>): void {
    if (this.#options.followSchedules === false) return;
    for (const { job } of jobs) warnOfMissing(job, this.#options);
  }

  /** When petit stops: a moment for what can be delivered at once. */
  drain(signal: AbortSignal): Promise<void> {
    return this.#courier.drain(signal);
  }

  [Symbol.dispose](): void {
    this.#courier[Symbol.dispose]();
  }

  started(job: Job, run: Run): void {
    const subject = { job, run, versionId: run.versionId };
    this.#tell(subject, {
      eventFor: ({ on }) => (on.includes("started") ? "started" : null),
      noticeOf: (_event, now) => noticeOfStart(job, run, now),
    });
  }

  /** Answers the run. */
  ended(job: Job, run: Run): Run {
    const { store } = this.#options;
    const subject = { job, run, versionId: run.versionId };
    this.#tell(subject, {
      eventFor: ({ on }) => eventOfEnd(run.status, on, () => store.notifications.didPreviousFail(run)),
      noticeOf: (event, now) => noticeOfEnd(event, job, run, { store, now }),
    });
    return run;
  }

  /** All that was missed in one go is told at once; of occurrences that came to something else nothing is. */
  missed(stored: StoredJob, occurrences: readonly NewOccurrence[]): void {
    const missed = occurrences.filter(({ outcome }) => outcome === "missed");
    if (missed.length === 0) return;
    this.#tell(
      { ...stored, run: null },
      {
        eventFor: ({ on }) => (on.includes("missed") ? "missed" : null),
        noticeOf: (_event, now) => noticeOfMissed(stored.job, missed, now),
      },
    );
  }

  #tell(subject: Subject, { eventFor, noticeOf }: News): void {
    const targets = subject.job.notify ?? [];
    if (targets.length === 0) return;
    const { store, log, clock } = this.#options;
    const now = clock.now();
    // The clock of a run may differ from the wall clock by now.
    const happenedAt = subject.run?.endedAt ?? subject.run?.startedAt ?? now;
    try {
      store.transaction(() => {
        for (const [place, target] of targets.entries()) {
          const event = eventFor(target);
          if (event !== null) this.#queue({ subject, place, target, event, now, notice: noticeOf(event, happenedAt) });
        }
      });
    } catch (error) {
      if (error instanceof PetitError && error.code === "storage_failed") throw error;
      log.error({ err: error, job_id: subject.job.id, run_id: subject.run?.id }, "a notification can't be queued");
    }
  }

  #queue({ subject, place, target, event, now, notice }: Queued): void {
    const { store, log } = this.#options;
    const { job, run, versionId } = subject;
    const channel = channelOf(job, target);
    const id = uuidv7(now);
    const about = { versionId, jobId: job.id, target: place, event, runId: run?.id ?? null };
    store.notifications.queue({ id, channel, ...about, notice: JSON.stringify(notice) }, now);
    const dropped = store.notifications.giveUpExcess(channel, MAX_WAITING, now);
    if (dropped > 0) {
      log.error({ job_id: job.id, dropped }, `too many notifications wait at notify[${place}]`);
      this.#hear({ type: target.type, outcome: "given_up", times: dropped });
    }
    this.#courier.look(channel);
  }
}

type News = {
  /** Null where it is nothing to that target. */
  readonly eventFor: (target: NotifyTarget) => NotifyEvent | null;
  readonly noticeOf: (event: NotifyEvent, now: number) => Notice;
};

type Queued = {
  readonly subject: Subject;
  readonly place: number;
  readonly target: NotifyTarget;
  readonly event: NotifyEvent;
  readonly now: number;
  readonly notice: Notice;
};

/** Of one job to one place, whatever else its entry says: a correction of the URL begins a new channel. */
const channelOf = (job: Job, { type, url }: NotifyTarget): string =>
  createHash("sha256")
    .update(JSON.stringify([job.id, type, url]))
    .digest("hex")
    .slice(0, 32);
