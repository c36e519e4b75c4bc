import type { BackupPlan, BackupState, FailedBackup } from "../../domain/backup/state.ts";
import { nextBackupAt } from "../../domain/backup/time.ts";
import { BACKUP_ADVICE } from "../../domain/backup/words.ts";
import { type Clock, sleep } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import type { Copier } from "./copier.ts";

export type BackupsOptions = {
  readonly plan: BackupPlan;
  readonly copier: Copier;
  readonly clock: Clock;
  readonly log: Log;
  /** The zone of schedules that name none. */
  readonly timezone: string;
  readonly signal: AbortSignal;
};

/** The clock and the folder are read again at least so often: a person can make a backup, too. */
const MAX_SLEEP_MS = 30_000;

/** Delay after a backup that failed, in ms, unless the next one is due before. */
const RETRY_MS = 10 * 60_000;

/** Delay after one that another backup kept from starting, in ms. */
const BUSY_MS = 60_000;

/** A copy that is further in the future than this was made with a wrong clock. */
const MAX_AHEAD_MS = 60_000;

/**
 * Makes a backup at each occurrence. One that was missed while petit was down is made at the start, and so is the first one. After a
 * failure, petit tries again.
 */
export class Backups {
  readonly #options: BackupsOptions;
  #copies: readonly { readonly at: number; readonly bytes: number }[] = [];
  #failing: FailedBackup | null = null;
  #retryAt: number | null = null;
  #isRunning = false;

  constructor(options: BackupsOptions) {
    this.#options = options;
  }

  start(): void {
    void this.#run();
  }

  get state(): BackupState {
    const last = this.#last();
    return {
      plan: this.#options.plan,
      last,
      copies: this.#copies.length,
      nextAt: this.#nextAt(),
      isRunning: this.#isRunning,
      failing: this.#failing,
    };
  }

  async #run(): Promise<void> {
    const { clock, log, signal } = this.#options;
    while (!signal.aborted) {
      try {
        this.#look();
        const [now, nextAt] = [clock.now(), this.#nextAt()];
        if (nextAt !== null && nextAt <= now) await this.#make();
        else await sleep(clock, Math.min(nextAt === null ? MAX_SLEEP_MS : nextAt - now, MAX_SLEEP_MS), signal);
      } catch (error) {
        if (signal.aborted) return;
        log.error({ err: error }, "cannot make backups");
        await sleep(clock, RETRY_MS, signal);
      }
    }
  }

  /** Reads which copies there are. A new one ends a failure. */
  #look(): void {
    try {
      this.#copies = this.#options.copier.list();
    } catch {
      // The next backup says why the folder can't be read.
      this.#copies = [];
    }
    if (this.#failing !== null && (this.#last()?.at ?? 0) > this.#failing.since) this.#recovered();
  }

  /** Returns the newest copy that is not from the future. */
  #last(): { readonly at: number; readonly bytes: number } | null {
    const latest = this.#options.clock.now() + MAX_AHEAD_MS;
    return this.#copies.find(({ at }) => at <= latest) ?? null;
  }

  #nextAt(): number | null {
    const { plan, timezone, clock } = this.#options;
    // A time that is later than any retry was set before the clock was set back.
    if (this.#retryAt !== null) return this.#retryAt - clock.now() > RETRY_MS ? clock.now() : this.#retryAt;
    const last = this.#last();
    return last === null ? clock.now() : nextBackupAt(plan, timezone, last.at);
  }

  async #make(): Promise<void> {
    const { plan, copier, clock, log, signal } = this.#options;
    this.#isRunning = true;
    const startedAt = clock.now();
    const made = await copier.make(signal).finally(() => {
      this.#isRunning = false;
    });
    if (signal.aborted) return;
    if ("fault" in made) {
      const isBusy = made.fault === "busy";
      this.#retryAfter(isBusy ? BUSY_MS : RETRY_MS);
      if (isBusy) return;
      const { fault, error } = made;
      if (this.#failing === null)
        log.error(
          { folder: plan.folder, error, fault },
          `the backup failed; ${BACKUP_ADVICE[fault]}; petit tries again`,
        );
      this.#failing = { since: this.#failing?.since ?? startedAt, fault, error };
      return;
    }
    const { file, bytes, damaged, deleted } = made;
    this.#retryAt = null;
    if (damaged.length > 0)
      log.warn(
        { file, damaged: damaged.length, first: damaged[0] },
        "artifacts are missing or damaged, and not in the backup",
      );
    log.info({ file, bytes, deleted, durationMs: Math.max(0, clock.now() - startedAt) }, "made a backup");
    if (this.#failing !== null) this.#recovered();
    this.#look();
    // The clock was set meanwhile, or the copy is gone already. Another one at once would be no better.
    if ((this.#last()?.at ?? 0) < startedAt) this.#retryAfter(RETRY_MS);
  }

  /** Makes the next backup after a delay, or before if one is due. */
  #retryAfter(delayMs: number): void {
    const { plan, timezone, clock } = this.#options;
    const now = clock.now();
    const planned = nextBackupAt(plan, timezone, now) ?? Number.POSITIVE_INFINITY;
    this.#retryAt = Math.min(now + delayMs, planned);
  }

  #recovered(): void {
    this.#failing = null;
    this.#retryAt = null;
    this.#options.log.info({ folder: this.#options.plan.folder }, "backups work again");
  }
}
