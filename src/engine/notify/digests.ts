import { hasTags } from "../../domain/job.ts";
import { type Digest, digestPeriodMs, nextDigestAt, senderOf } from "../../domain/review/digest.ts";
import type { Review, ReviewQuery } from "../../domain/review/review.ts";
import { type Clock, sleep } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import type { Store } from "../../store/store.ts";
import type { JobView } from "../engine.ts";
import type { Notifier } from "./notifier.ts";
import type { NotifyTest } from "./send-tests.ts";

type DigestsOptions = {
  readonly digest: Digest;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** The zone of schedules that name none. */
  readonly timezone: string;
  /** Folder to which paths of the receivers are relative. */
  readonly folder: string;
  readonly notifier: Pick<Notifier, "digest" | "testDigest" | "warnOfMissingSecrets">;
  readonly review: (query: ReviewQuery) => Promise<Review>;
  readonly jobs: () => readonly JobView[];
  readonly retryUntilStored: (work: () => void) => Promise<void>;
  readonly signal: AbortSignal;
};

/** The clock is read again at least so often, because it can be stepped, and timers stand still while the machine sleeps. */
const MAX_SLEEP_MS = 30_000;

/** Delay after an error of petit itself, in ms. */
const ERROR_DELAY_MS = 60_000;

/** A stored end of a period that is further in the future than this comes from a wrong clock. */
const MAX_AHEAD_MS = 86_400_000;

/**
 * Sends the review of the time since the last digest, once for each occurrence. The end of that time is stored with the sendings, so that
 * a crash neither repeats nor loses one. For all that passed while petit was down there is one digest.
 */
export class Digests {
  readonly #options: DigestsOptions;

  constructor(options: DigestsOptions) {
    this.#options = options;
  }

  start(): void {
    const { digest, folder, notifier } = this.#options;
    notifier.warnOfMissingSecrets([{ job: senderOf(digest, { folder }) }]);
    void this.#run();
  }

  /** Sends what a digest would say now, for as long as there is between two, to its receivers as a test. Changes nothing. */
  async test(signal: AbortSignal): Promise<readonly NotifyTest[]> {
    const { digest, clock, timezone, folder, notifier } = this.#options;
    const now = clock.now();
    const review = await this.#review(now - digestPeriodMs(digest, timezone, now), now);
    return await notifier.testDigest(senderOf(digest, { folder }), { review, tag: digest.tag }, signal);
  }

  async #run(): Promise<void> {
    const { clock, log, signal } = this.#options;
    while (!signal.aborted) {
      try {
        const since = await this.#since();
        const dueAt = nextDigestAt(this.#options.digest, this.#options.timezone, since);
        if (dueAt === null) return;
        const now = clock.now();
        if (dueAt <= now) await this.#send(since, now);
        else await sleep(clock, Math.min(dueAt - now, MAX_SLEEP_MS), signal);
      } catch (error) {
        if (signal.aborted) return;
        log.error({ err: error }, "cannot make the digest");
        await sleep(clock, ERROR_DELAY_MS, signal);
      }
    }
  }

  /** Returns the end of the period of the last digest. The first period begins when petit first runs with a digest. */
  async #since(): Promise<number> {
    const { store, clock, retryUntilStored } = this.#options;
    const now = clock.now();
    const stored = store.scheduler.findDigestUntil();
    if (stored !== null && stored <= now + MAX_AHEAD_MS) return stored;
    await retryUntilStored(() => store.scheduler.setDigestUntil(stored, now));
    return now;
  }

  async #send(since: number, now: number): Promise<void> {
    const { digest, store, notifier, folder, retryUntilStored } = this.#options;
    const { tag } = digest;
    const review = await this.#review(since, now);
    const sender = senderOf(digest, { folder });
    await retryUntilStored(() =>
      store.transaction(() => {
        store.scheduler.setDigestUntil(since, now);
        notifier.digest({ job: sender, versionId: store.jobs.saveSender(sender, now) }, { review, tag });
      }),
    );
  }

  /** Returns the review of the jobs with the tag. */
  #review(from: number, to: number): Promise<Review> {
    const { digest, jobs } = this.#options;
    const { tag } = digest;
    const tagged = tag === null ? null : new Set(jobs().flatMap(({ job }) => (hasTags(job, [tag]) ? [job.id] : [])));
    return this.#options.review({ from, to, jobIds: tagged });
  }
}
