import { setImmediate } from "node:timers/promises";
import {
  type Backfill,
  type BackfillOccurrence,
  isChosen,
  MAX_BACKFILL_OCCURRENCES,
} from "../../domain/backfill/backfill.ts";
import { type FoundOccurrences, MAX_COUNTED, occurrencesIn } from "../../domain/backfill/occurrences.ts";
import { type BackfillRange, parseRange } from "../../domain/backfill/range.ts";
import { PetitError } from "../../domain/errors.ts";
import type { JobId } from "../../domain/ids.ts";
import type { Job } from "../../domain/job.ts";
import { resolveParams } from "../../domain/params/param.ts";
import { backfillNotFound, invalidParams, refuse } from "../../domain/refusal.ts";
import type { ParamValues, Run } from "../../domain/run.ts";
import { REBOOT } from "../../domain/schedule/boot.ts";
import { compileSchedule, type Schedule } from "../../domain/schedule/schedule.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import { uuidv7 } from "../../lib/uuid.ts";
import type { StoredJob } from "../../store/jobs.ts";
import { noteAction } from "../../store/people/audit-scope.ts";
import type { Store } from "../../store/store.ts";
import type { AddHooks, Commits } from "../commits.ts";
import type { InternalErrors } from "../internal-errors.ts";
import type { Runs } from "../run/runs.ts";
import type { Jobs } from "../schedule/jobs.ts";
import type { BackfillChange, BackfillPlan, BackfillRequest } from "./request.ts";

/** How many ended backfills of a job are kept. */
const MAX_KEPT = 1_000;

/** How many runs one transaction creates. */
const BATCH = 20;

export type BackfillsOptions = {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly commits: Commits;
  readonly jobs: Jobs;
  readonly runs: Runs;
  readonly internalErrors: InternalErrors;
  /** The zone of schedules that name none. */
  readonly timezone: string;
  readonly isPaused: (jobId: JobId) => boolean;
  /** Returns the first occurrence of a job that its schedule has not decided about yet, or null. */
  readonly undecidedFrom: (jobId: JobId) => number | null;
  /** Called when a run for an occurrence of a job is stored. */
  readonly onMade: (jobId: JobId) => void;
  /** Throws `not_running` before the start and while petit stops. */
  readonly assertRunning: () => void;
  readonly isRunning: () => boolean;
};

/**
 * Makes the runs of backfills: only as many as may run at once, so that a large one has few pending runs. An occurrence is taken in the
 * transaction that stores its run, so each gets one run, whenever petit is killed.
 */
export class Backfills {
  readonly #options: BackfillsOptions;
  /** The backfills that may have room for more runs. */
  readonly #due = new Set<string>();
  #isFilling = false;

  constructor(options: BackfillsOptions) {
    this.#options = options;
  }

  /** Continues what the previous process left. */
  start(): void {
    for (const { id, status } of this.#options.store.backfills.listUnended()) {
      if (status === "cancelled") this.#cancelRuns(id, null);
      else this.#fill(id);
    }
  }

  /** A run has ended: its backfill may have room for another one. */
  noteEnd({ backfillId }: Pick<Run, "backfillId">): void {
    if (backfillId !== null) this.#fill(backfillId);
  }

  /** The jobs have changed, or one was resumed. */
  checkAll(): void {
    for (const { id, status } of this.#options.store.backfills.listUnended()) if (status === "running") this.#fill(id);
  }

  /** Returns what a backfill would do. Rejects as `create`. */
  async plan(request: BackfillRequest): Promise<BackfillPlan> {
    return this.#choose(request, await this.#find(request));
  }

  /**
   * Stores a backfill and begins it. Rejects with `not_found`, `invalid_request` (the range or the params) and `conflict` (the job has no
   * schedule, or there is nothing to run).
   */
  async create(request: BackfillRequest): Promise<Backfill> {
    const { commits } = this.#options;
    const found = await this.#find(request);
    return await commits.retryWhileLocked(() =>
      commits.enqueue((addHooks) => this.#add(request, this.#choose(request, found), addHooks)),
    );
  }

  #add(request: BackfillRequest, plan: BackfillPlan, addHooks: AddHooks): Backfill {
    const { store, clock, assertRunning } = this.#options;
    assertRunning();
    const now = clock.now();
    const { from, to, jobId } = plan;
    store.backfills.deleteOldest(jobId, MAX_KEPT);
    const backfill = store.backfills.add({
      id: uuidv7(now),
      jobId,
      from,
      to,
      existing: request.existing,
      parallel: request.parallel,
      params: request.params,
      newestFirst: request.newestFirst,
      createdAt: now,
      createdBy: request.by,
      occurrences: plan.occurrences,
    });
    noteAction({ target: backfill.id, jobId });
    // The first runs are there when the request is answered.
    if (this.#makeRuns(backfill.id, addHooks)) addHooks({ onCommit: () => this.#fill(backfill.id) });
    return backfill;
  }

  /** Finds the occurrences of the range, without blocking for long. */
  async #find(request: BackfillRequest): Promise<Found> {
    const { jobs, clock, assertRunning, undecidedFrom } = this.#options;
    assertRunning();
    const { job } = jobs.mustFind(request.jobId);
    const schedule = this.#scheduleOf(job);
    mustResolve(job, request.params);
    const now = clock.now();
    const range = parseRange(request, { now, zone: schedule.timezone });
    if ("problem" in range) throw invalidField(range.field, range.problem);
    const { from } = range;
    // The schedule itself decides about an occurrence that jitter delays.
    const to = Math.min(range.to, now, (undecidedFrom(job.id) ?? Number.MAX_SAFE_INTEGER) - 1);
    if (from > now) throw invalidField("from", `'${request.from}' is still to come; a backfill is for the past`);
    const { occurrences, count } = await searched(occurrencesIn(schedule, { from, to }));
    if (count > MAX_BACKFILL_OCCURRENCES)
      throw refuse({
        reason: "too_many_occurrences",
        jobId: job.id,
        count,
        max: MAX_BACKFILL_OCCURRENCES,
        isCountCut: count === MAX_COUNTED,
        lastFit: occurrences.at(-1)?.scheduledFor ?? to,
      });
    return { jobId: job.id, timezone: schedule.timezone, range: { from, to: Math.max(from, to) }, occurrences };
  }

  #scheduleOf(job: Job): Schedule {
    const { timezone } = this.#options;
    const timed = job.schedule?.expressions.filter((text) => text.trim().toLowerCase() !== REBOOT) ?? [];
    if (job.schedule === null || timed.length === 0) throw refuse({ reason: "no_schedule", jobId: job.id });
    return compileSchedule({ ...job.schedule, expressions: timed }, timezone);
  }

  /** Decides which of the occurrences get a run. Throws if none does. */
  #choose({ existing, newestFirst }: BackfillRequest, found: Found): BackfillPlan {
    const { store, jobs } = this.#options;
    const { range, timezone, occurrences } = found;
    // It may have been renamed since.
    const jobId = jobs.currentId(found.jobId);
    const statuses = store.runs.listNewestStatuses(jobId, range);
    const fired = store.occurrences.listFired(jobId, range);
    const waiting = store.backfills.listWaiting(jobId, range);
    const chosen = occurrences.filter(({ scheduledFor: at }) => {
      const newest = statuses.get(at) ?? null;
      if (existing !== "all" && waiting.has(at)) return false;
      return isChosen(existing, { newest, hasRun: newest !== null || fired.has(at) });
    });
    if (chosen.length === 0)
      throw refuse({ reason: "nothing_to_backfill", jobId, occurrences: occurrences.length, existing });
    return { jobId, timezone, ...range, occurrences: newestFirst ? chosen.toReversed() : chosen };
  }

  /**
   * Pauses, resumes or cancels a backfill for `by`, within the current transaction. Does nothing if that is done already. Throws `not_found`
   * and `conflict` (it has ended).
   */
  change(backfillId: string, change: BackfillChange, { by, addHooks }: ChangeContext): Backfill {
    const { store, clock } = this.#options;
    const backfill = store.backfills.find(backfillId);
    if (backfill === null) throw backfillNotFound(backfillId);
    const { status } = backfill;
    noteAction({ jobId: backfill.jobId });
    if (status !== "running" && status !== "paused") {
      if (change === "cancel" && status === "cancelled") return backfill;
      throw refuse({ reason: "backfill_ended", backfillId, status });
    }
    if (change === "resume") addHooks({ onCommit: () => this.#fill(backfillId) });
    if (change === "cancel") addHooks({ onSettled: () => this.#cancelRuns(backfillId, by) });
    return store.backfills[change](backfillId, { now: clock.now(), by }) ?? backfill;
  }

  /** Cancels the unfinished runs of a cancelled backfill. After a crash in between, the next process does it. */
  #cancelRuns(backfillId: string, by: string | null): void {
    const { store, runs, commits, log } = this.#options;
    for (const runId of store.backfills.listUnfinishedRuns(backfillId))
      commits
        .retryUntilStored(() => runs.cancel(runId, by))
        .catch((error: unknown) => log.error({ err: error, run_id: runId }, "cannot cancel a run of a backfill"));
  }

  /** Makes runs of a backfill while there is room for them. */
  #fill(backfillId: string): void {
    this.#due.add(backfillId);
    if (!this.#isFilling) void this.#fillAll();
  }

  async #fillAll(): Promise<void> {
    this.#isFilling = true;
    try {
      for (const backfillId of this.#due) {
        this.#due.delete(backfillId);
        await this.#fillOne(backfillId);
      }
    } finally {
      this.#isFilling = false;
    }
  }

  async #fillOne(backfillId: string): Promise<void> {
    const { commits, store, log, internalErrors, clock } = this.#options;
    try {
      for (let hasMore = true; hasMore; )
        hasMore = await commits.enqueueUntilStored((addHooks) => this.#makeRuns(backfillId, addHooks));
      const jobId = store.backfills.find(backfillId)?.jobId;
      if (jobId !== undefined) internalErrors.unblock({ jobId, runId: null });
    } catch (error) {
      if (!this.#options.isRunning()) return;
      log.error({ err: error, backfill_id: backfillId }, "cannot make runs of a backfill");
      const jobId = store.backfills.find(backfillId)?.jobId;
      if (jobId !== undefined) internalErrors.block({ jobId, runId: null }, { error, now: clock.now() });
    }
  }

  /** Makes a few runs within the current transaction. Returns true if there is room for more of them. */
  #makeRuns(backfillId: string, addHooks: AddHooks): boolean {
    const { store, jobs, clock, isPaused, isRunning } = this.#options;
    const backfill = store.backfills.find(backfillId);
    if (backfill === null || backfill.status !== "running" || !isRunning()) return false;
    const now = clock.now();
    const stored = jobs.find(backfill.jobId);
    if (stored === null) {
      store.backfills.cancel(backfillId, { now, reason: "job_gone" });
      return false;
    }
    if (isPaused(stored.job.id)) return false;
    const params = resolveParams(stored.job.params, backfill.params);
    if ("problems" in params) {
      store.backfills.pause(backfillId, { now, reason: "invalid_params" });
      return false;
    }
    const room = backfill.parallel - store.backfills.listUnfinishedRuns(backfillId).length;
    let made = 0;
    for (let taken = 0; made < room && taken < BATCH; taken++) {
      const occurrence = store.backfills.takeNext(backfillId);
      if (occurrence === null) return false;
      if (this.#isStillChosen(backfill, occurrence)) {
        made++;
        this.#makeRun({ backfill, stored, occurrence, params: params.values }, addHooks);
      } else store.backfills.leaveOut(backfillId, now);
    }
    return made < room;
  }

  /** Another run of an occurrence may have been made since the backfill was created: by a retry, or another backfill. */
  #isStillChosen({ existing, jobId }: Backfill, { scheduledFor }: BackfillOccurrence): boolean {
    const newest = this.#options.store.runs.findNewestFor(jobId, scheduledFor);
    return isChosen(existing, { newest: newest?.status ?? null, hasRun: newest !== null });
  }

  #makeRun({ backfill, stored, occurrence, params }: NewBackfillRun, addHooks: AddHooks): void {
    const { runs, store, onMade } = this.#options;
    const { job, versionId } = stored;
    const { scheduledFor, intervalStart } = occurrence;
    const earlier = store.runs.findNewestFor(job.id, scheduledFor);
    addHooks(
      runs.create({
        job,
        versionId,
        // The limiter starts it after all others.
        status: "pending",
        trigger: "backfill",
        params,
        scheduledFor,
        intervalStart,
        ledger: null,
        retry: earlier === null ? null : { of: earlier.id, reused: [] },
        idempotency: null,
        backfill: { id: backfill.id },
        triggeredBy: backfill.createdBy,
      }),
    );
    addHooks({ onCommit: () => onMade(job.id) });
  }
}

type ChangeContext = { readonly by: string | null; readonly addHooks: AddHooks };

/** The occurrences of a range. */
type Found = Pick<BackfillPlan, "jobId" | "timezone" | "occurrences"> & { readonly range: BackfillRange };

type NewBackfillRun = {
  readonly backfill: Backfill;
  readonly stored: StoredJob;
  readonly occurrence: BackfillOccurrence;
  readonly params: ParamValues;
};

const searched = async (steps: Iterator<void, FoundOccurrences>): Promise<FoundOccurrences> => {
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done) return step.value;
    await setImmediate();
  }
};

const mustResolve = (job: Job, given: Readonly<Record<string, string>>): void => {
  const resolved = resolveParams(job.params, given);
  if ("problems" in resolved) throw invalidParams(resolved.problems);
};

const invalidField = (name: string, problem: string): PetitError =>
  new PetitError("invalid_request", `body field '${name}': ${problem}`, {
    details: { reason: "invalid_value", in: "body", name, problem },
  });
