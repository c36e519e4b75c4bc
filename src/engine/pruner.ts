import type { OldRuns } from "../domain/attention.ts";
import type { JobId, RunId } from "../domain/ids.ts";
import type { Job } from "../domain/job.ts";
import { type DefaultRule, NO_RETENTION, type RetentionRule, retentionRule } from "../domain/limits/retention.ts";
import { MAX_DUE } from "../domain/schedule/due.ts";
import { type Clock, sleep } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { DeletionBounds, RunLimits } from "../store/runs/deletion.ts";
import type { Store } from "../store/store.ts";
import type { RetentionSettings } from "./options.ts";

/** Delay before a round of pruning, in ms. Runs that end meanwhile share the round. */
const ROUND_DELAY_MS = 1_000;

/** Interval between full rounds, in ms: runs also expire in jobs that no longer run. */
const FULL_ROUND_MS = 3_600_000;

/** Maximum duration of a step, and the pause after it, in ms. Pruning uses about a quarter of the time. */
const STEP_MS = 4;
const REST_MS = 12;

/** Maximum of runs that one step examines, and of rows that it deletes from other tables. */
const STEP_ROWS = 200;

/** Maximum of runs that one step counts, which takes about half a ms. */
const COUNTED_ROWS = 20_000;

/** Number of stored events, from which clients can resume. */
const MAX_EVENTS = 20_000;

/** About how many runs of a job are counted that the default rule would delete. */
const OFFERED_ROWS = 5_000;

const DAY_MS = 86_400_000;

/** How long the event of a delivery is kept, and how many of a job; whichever is less. */
const EVENT_DAYS = 30;
const MAX_STORED_EVENTS = 1_000;

/** How long a token is kept after it was revoked or has expired, as long as the audit log names it. */
const TOKEN_DAYS = 400;

/** How many uses of a job's versions are kept, and how many of them of versions that no run refers to. */
const USES = { all: 1_000, unused: 50 };

export type PrunerOptions = {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /**
   * All jobs whose limits are known. Without schedules these are only the loaded jobs: a one-off trigger must not
   * prune others.
   */
  readonly jobIds: () => Iterable<JobId>;
  /** Returns the current definition; null if the job was removed. */
  readonly findJob: (jobId: JobId) => Job | null;
  /** Limits of jobs that set none, and of removed jobs. */
  readonly settings: RetentionSettings;
  /** How long the audit log is kept, in days. Missing: for ever. */
  readonly auditDays?: number;
  /** If false, definitions are stored only for runs, and one that no run refers to yet must stay. Default true. */
  readonly followSchedules?: boolean;
  /** Called when runs of a job were deleted. */
  readonly onDeleted: (jobId: JobId) => void;
  /** Called with deleted runs that had artifacts, so that their files are deleted, too. */
  readonly onArtifactsUnlisted: (runIds: readonly RunId[]) => void;
  /** Repeats a step until the database accepts it. */
  readonly retryUntilStored: (step: () => boolean) => Promise<boolean>;
  /** Stops pruning when aborted, also within a round. */
  readonly signal: AbortSignal;
};

/**
 * Deletes runs beyond the retention limits of their job, and other old rows, in small steps. A run is deleted first and its
 * output in later steps; after a crash the next round continues those.
 */
export class Pruner {
  readonly #options: PrunerOptions;
  readonly #bounds: DeletionBounds;
  readonly #byDefault: DefaultRule;
  /** Whether somebody has chosen what to keep. */
  readonly #isChosen: boolean;
  #offer: OldRuns | null = null;
  #waiting = new Set<JobId>();
  #isFull = false;
  #isRunning = false;
  #lastFullRound = Number.NEGATIVE_INFINITY;
  #lastRest = Number.NEGATIVE_INFINITY;

  constructor(options: PrunerOptions) {
    this.#options = options;
    this.#bounds = { limit: STEP_ROWS, untilMs: STEP_MS, clock: options.clock };
    const { runs, days, byDefault } = options.settings;
    const stored = options.store.scheduler.findDefaultRule();
    this.#byDefault = byDefault ?? stored;
    this.#isChosen = this.#byDefault === "recent" || runs !== null || days !== null;
  }

  /** What the default rule would delete, if the database keeps all runs and nobody has chosen that; null if nothing. */
  get offer(): OldRuns | null {
    return this.#offer;
  }

  /** Schedules pruning of a job, or of all jobs if the last full round was more than an hour ago. */
  enqueue(jobId: JobId): void {
    this.#waiting.add(jobId);
    if (this.#options.clock.monotonic() - this.#lastFullRound >= FULL_ROUND_MS) this.enqueueAll();
    else this.#start();
  }

  /** Schedules a full round. */
  enqueueAll(): void {
    this.#lastFullRound = this.#options.clock.monotonic();
    this.#isFull = true;
    for (const jobId of this.#options.jobIds()) this.#waiting.add(jobId);
    this.#start();
  }

  #start(): void {
    if (!this.#isRunning) void this.#run();
  }

  async #run(): Promise<void> {
    const { clock, log, signal } = this.#options;
    this.#isRunning = true;
    try {
      while ((this.#waiting.size > 0 || this.#isFull) && !signal.aborted) {
        await sleep(clock, ROUND_DELAY_MS, signal);
        await this.#round();
      }
    } catch (error) {
      // The next round tries again.
      if (!signal.aborted) log.warn({ err: error }, "cannot delete old runs");
    } finally {
      this.#isRunning = false;
    }
  }

  async #round(): Promise<void> {
    const { store } = this.#options;
    const [jobIds, isFull] = [[...this.#waiting], this.#isFull];
    this.#waiting = new Set();
    this.#isFull = false;
    await this.#inSteps(() => store.runs.continueDeletions(this.#bounds));
    for (const jobId of jobIds) {
      await this.#deleteRuns(jobId, isFull);
      if (isFull) await this.#deleteOccurrences(jobId);
      if (isFull) await this.#deleteDeliveries(jobId);
      if (isFull) await this.#inSteps(() => store.versions.deleteOldUses(jobId, USES, STEP_ROWS) > 0);
    }
    if (isFull && this.#options.followSchedules !== false) await this.#deleteVersions();
    if (isFull) await this.#inSteps(() => this.#deleteTokens() > 0);
    if (isFull) await this.#deleteAudit();
    if (isFull && !this.#isChosen) this.#offer = await this.#countOffer();
    await this.#inSteps(() => store.events.deleteOldest(MAX_EVENTS, STEP_ROWS) > 0);
  }

  /** Repeats `step` until it returns false. */
  async #inSteps(step: () => boolean): Promise<void> {
    for (let hasMore = true; hasMore; ) {
      hasMore = !this.#options.signal.aborted && (await this.#options.retryUntilStored(step));
      await this.#rest();
    }
  }

  /** Pauses if the last pause was longer ago than one step. Examining many jobs takes long, too. */
  async #rest(): Promise<void> {
    const { clock, signal } = this.#options;
    if (clock.monotonic() - this.#lastRest < STEP_MS) return;
    await sleep(clock, REST_MS, signal);
    this.#lastRest = clock.monotonic();
  }

  /** In a full round, examines all runs that may be expired. Otherwise stops at the first step that deletes nothing. */
  async #deleteRuns(jobId: JobId, isFull: boolean): Promise<void> {
    const { store, onDeleted, onArtifactsUnlisted } = this.#options;
    const limits = await this.#limitsOf(jobId);
    if (limits === null) return;
    let after: number | null = 0;
    let isChanged = false;
    await this.#inSteps(() => {
      const step = store.runs.deleteExpired(jobId, limits, { ...this.#bounds, after: after ?? 0 });
      const { runs, next } = step;
      if (step.withArtifacts.length > 0) onArtifactsUnlisted(step.withArtifacts);
      isChanged ||= runs > 0;
      after = next;
      return next !== null && (runs > 0 || isFull);
    });
    await this.#inSteps(() => store.runs.continueDeletions(this.#bounds));
    if (isChanged) onDeleted(jobId);
  }

  async #limitsOf(jobId: JobId): Promise<RunLimits | null> {
    const { findJob, settings } = this.#options;
    const own = findJob(jobId)?.retention ?? null;
    return await this.#limitsBy(jobId, retentionRule({ own, settings, byDefault: this.#byDefault }));
  }

  async #countOffer(): Promise<OldRuns | null> {
    const { store, jobIds, findJob, clock } = this.#options;
    let runs = 0;
    for (const jobId of jobIds()) {
      const own = findJob(jobId)?.retention ?? NO_RETENTION;
      if (own.runs !== null || own.days !== null) continue;
      const rule = retentionRule({ own: null, settings: NO_RETENTION, byDefault: "recent" });
      const limits = await this.#limitsBy(jobId, rule);
      if (limits !== null && limits.upTo > 0) runs += store.runs.countExpired(jobId, limits, OFFERED_ROWS);
      await this.#rest();
    }
    return runs === 0 ? null : { runs, since: this.#offer?.since ?? clock.now() };
  }

  async #limitsBy(jobId: JobId, rule: RetentionRule | null): Promise<RunLimits | null> {
    const { store, clock } = this.#options;
    if (rule === null) return null;
    const { beyond, runs, days } = rule;
    const upTo = runs === null ? 0 : await this.#findExcess(jobId, runs);
    if (days === null || (beyond === "both" && upTo === 0)) return { beyond, upTo, age: null };
    const now = clock.now();
    const endedBy = now - days * DAY_MS;
    return { beyond, upTo, age: { endedBy, now, oldRun: store.runs.findLastSeqEndedBy(endedBy) } };
  }

  /** Returns the highest number of a run that has at least `keep` newer finished runs, or 0 if there is none. */
  async #findExcess(jobId: JobId, keep: number): Promise<number> {
    const { store } = this.#options;
    const newest = store.runs.findNthNewestSeq(jobId, Number.MAX_SAFE_INTEGER, 1) ?? 0;
    let unfinished = store.runs.countUnfinished(jobId, 0, newest);
    for (;;) {
      const oldestRetained = await this.#nthNewest(jobId, { from: newest, count: keep + unfinished });
      if (oldestRetained === null) return 0;
      // Unfinished runs are never deleted and don't count. If fewer were among these runs than assumed, count again.
      const among = store.runs.countUnfinished(jobId, oldestRetained, newest);
      if (among >= unfinished) return oldestRetained - 1;
      unfinished = among;
    }
  }

  /** Counts in the index of a job's runs, which does not contain their status. */
  async #nthNewest(
    jobId: JobId,
    { from, count }: { readonly from: number; readonly count: number },
  ): Promise<number | null> {
    let found: number | null = from + 1;
    for (let remaining = count; remaining > 0 && found !== null; remaining -= COUNTED_ROWS) {
      found = this.#options.store.runs.findNthNewestSeq(jobId, found, Math.min(remaining, COUNTED_ROWS));
      await this.#rest();
    }
    return found;
  }

  async #deleteVersions(): Promise<void> {
    let after: number | null = 0;
    await this.#inSteps(() => {
      after = this.#options.store.versions.deleteUnused(after ?? 0, STEP_ROWS);
      return after !== null;
    });
  }

  #deleteTokens(): number {
    const { store, clock } = this.#options;
    const now = clock.now();
    return store.tokens.deleteOld({ endedBy: now - TOKEN_DAYS * DAY_MS, now, limit: STEP_ROWS });
  }

  async #deleteAudit(): Promise<void> {
    const { store, clock, auditDays = null } = this.#options;
    if (auditDays === null) return;
    const before = clock.now() - auditDays * DAY_MS;
    await this.#inSteps(() => store.audit.deleteBefore(before, STEP_ROWS) > 0);
  }

  /** Deliveries are kept as long as occurrences, their events for a shorter time. */
  async #deleteDeliveries(jobId: JobId): Promise<void> {
    const { store, clock } = this.#options;
    if (!store.deliveries.hasAny(jobId)) return await this.#rest();
    const events = { before: clock.now() - EVENT_DAYS * DAY_MS, keep: MAX_STORED_EVENTS, limit: STEP_ROWS };
    await this.#inSteps(() => store.deliveries.deleteEvents(jobId, events) > 0);
    await this.#inSteps(() => store.deliveries.deleteOldest(jobId, MAX_DUE, STEP_ROWS) > 0);
  }

  async #deleteOccurrences(jobId: JobId): Promise<void> {
    const { store } = this.#options;
    const upTo = store.occurrences.findNthNewest(jobId, MAX_DUE);
    await this.#rest();
    if (upTo !== null) await this.#inSteps(() => store.occurrences.deleteOldest(jobId, upTo, STEP_ROWS) > 0);
  }
}
