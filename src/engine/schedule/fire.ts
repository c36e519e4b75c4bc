import type { JobId } from "../../domain/ids.ts";
import { resolveParams } from "../../domain/params/param.ts";
import { type CatchupDecision, judgeDue } from "../../domain/schedule/catchup.ts";
import { jitterMs } from "../../domain/schedule/jitter.ts";
import type { SkipReason } from "../../domain/schedule/occurrence.ts";
import type { ScheduleSpec } from "../../domain/schedule/schedule.ts";
import type { Log } from "../../lib/log.ts";
import type { StoredJob } from "../../store/jobs.ts";
import type { NewOccurrence } from "../../store/occurrences.ts";
import { outsideAction } from "../../store/people/audit-scope.ts";
import type { Store } from "../../store/store.ts";
import { bootId } from "../attempt/identity.ts";
import type { AddHooks, Commits, TransactionHooks } from "../commits.ts";
import { assertNoStorageFault, type InternalErrors } from "../internal-errors.ts";
import type { Notifier } from "../notify/notifier.ts";
import { replaceOldest } from "../run/replace.ts";
import type { Runs } from "../run/runs.ts";
import { admitScheduled } from "./admission.ts";
import type { Backlog, DueJob } from "./due-job.ts";

export type FireOptions = {
  readonly store: Store;
  readonly commits: Commits;
  readonly runs: Runs;
  readonly notifier: Notifier;
  readonly internalErrors: InternalErrors;
  readonly now: number;
  /** Returns whether the occurrences of a job are skipped. */
  readonly isPaused: (jobId: JobId) => boolean;
  /** Called when the outcome of the newest due occurrence of a job is stored. */
  readonly onDecided: (jobId: JobId, newest: { readonly hasFired: boolean }) => void;
  readonly log: Log;
};

type FireContext = Pick<FireOptions, "store" | "runs" | "notifier" | "now" | "isPaused" | "onDecided"> & {
  readonly addHooks: AddHooks;
  /** See `Identity`; 0 if there are none. */
  readonly unknownUntil: number;
};

/**
 * Decides about all due occurrences and accounts for them, in one transaction. Returns the jobs whose occurrences stay undecided because
 * of an error of petit itself, which does not affect the others. Throws if the database can't be written.
 */
export const fire = (dueJobs: readonly DueJob[], options: FireOptions): ReadonlySet<JobId> => {
  const { outage } = options.commits;
  try {
    // A person who pauses a job, say, is not the one who starts what was due before.
    const undecided = outsideAction(() => decide(dueJobs, options));
    outage.noteSuccess();
    return undecided;
  } catch (error) {
    if (!outage.noteFailure(error)) options.log.error({ err: error }, "cannot process due occurrences");
    throw error;
  }
};

const decide = (dueJobs: readonly DueJob[], options: FireOptions): ReadonlySet<JobId> => {
  const { commits, store, runs, notifier, log, internalErrors, now, isPaused, onDecided } = options;
  const undecided = new Set<JobId>();
  commits.commit((addHooks) => {
    const unknownUntil = store.identity.get().unknownUntil ?? 0;
    for (const due of dueJobs) {
      const { id: jobId } = due.stored.job;
      const added: TransactionHooks[] = [];
      try {
        const context = {
          store,
          runs,
          notifier,
          now,
          isPaused,
          onDecided,
          unknownUntil,
          addHooks: (hooks: TransactionHooks) => added.push(hooks),
        };
        store.transaction(() => decideJob(due, context));
        added.push({ onCommit: () => internalErrors.unblock({ jobId, runId: null }) });
        for (const hooks of added) addHooks(hooks);
      } catch (error) {
        for (const { onRollback } of added.toReversed()) onRollback?.();
        assertNoStorageFault(error);
        log.error({ err: error, job_id: jobId }, "cannot process due occurrences");
        internalErrors.block({ jobId, runId: null }, { error, now });
        undecided.add(jobId);
      }
    }
  });
  return undecided;
};

const decideJob = (due: DueJob, context: FireContext): void => {
  fireJob(due, context);
  const last = due.occurrences.at(-1);
  const { bootAt } = due.schedule;
  if (bootAt !== null && due.occurrences.includes(bootAt)) context.store.jobs.setBoot(due.stored.job.id, bootId());
  if (last !== undefined) context.store.jobs.advanceAccountedUntil(due.stored.job.id, last);
};

const fireJob = (due: DueJob, context: FireContext): void => {
  const { stored, occurrences, backlog } = due;
  const { schedule } = stored.job;
  if (schedule === null) return;
  const verdicts = verdictsOf(due, schedule, context);
  const unfired = occurrences.flatMap((scheduledFor, index) => {
    const verdict = verdicts[index];
    return verdict === undefined
      ? []
      : (account({ due, scheduledFor, jitter: schedule.jitterMs, verdict, context }) ?? []);
  });
  const hasFired = unfired.at(-1)?.scheduledFor !== occurrences.at(-1);
  if (occurrences.length > 0) context.addHooks({ onCommit: () => context.onDecided(stored.job.id, { hasFired }) });
  if (backlog !== undefined) recordPart({ stored, unfired, backlog }, context);
  else if (unfired.length > 0) context.notifier.missed(stored, record(stored, unfired, context));
};

const record = ({ job }: StoredJob, unfired: readonly NewOccurrence[], { store, now }: FireContext) =>
  store.occurrences.record(job.id, unfired, now);

type BacklogPart = {
  readonly stored: StoredJob;
  readonly unfired: readonly NewOccurrence[];
  readonly backlog: Backlog;
};

/** Records a part of a backlog. The last part sends one notification for the whole backlog. */
const recordPart = (
  { stored, unfired, backlog }: BacklogPart,
  { store, now, notifier, addHooks }: FireContext,
): void => {
  const { recorded, isLast } = backlog;
  const added = store.occurrences.record(stored.job.id, unfired, now, { earlier: recorded, isLast });
  if (isLast) notifier.missed(stored, [...recorded, ...added]);
  const onCommit = (): void => {
    if (isLast) recorded.length = 0;
    else recorded.push(...added);
  };
  addHooks({ onCommit });
};

type DueDecision = CatchupDecision | { readonly kind: "skip"; readonly reason: SkipReason };

/**
 * Neither catch-up nor a pause takes notice of an occurrence on an excepted date, which is skipped, nor of one that may have started in
 * the database that was replaced. Catch-up takes no notice of one for a boot, which is never late.
 */
const verdictsOf = (due: DueJob, schedule: ScheduleSpec, context: FireContext): readonly DueDecision[] => {
  const { occurrences } = due;
  const { id: jobId, enabled } = due.stored.job;
  if (!enabled) return occurrences.map(() => ({ kind: "skip", reason: "disabled" }));
  const { excludes, bootAt } = due.schedule;
  const settled = occurrences.map((at): DueDecision | null => {
    if (excludes(at)) return { kind: "skip", reason: "excluded" };
    const startsAt = at === bootAt ? at : at + jitterMs(jobId, at, schedule.jitterMs);
    if (startsAt <= context.unknownUntil) return RESTORED;
    if (at === bootAt) return context.isPaused(jobId) ? PAUSED : AT_BOOT;
    return null;
  });
  const starts = occurrences.filter((_, index) => settled[index] === null);
  const remaining = verdictsOfStarts({ ...due, occurrences: starts }, schedule, context).values();
  return settled.map((each) => each ?? remaining.next().value ?? RESTORED);
};

const AT_BOOT = { kind: "fire", trigger: "schedule" } as const;

const RESTORED = { kind: "miss", reason: "restored" } as const;

const verdictsOfStarts = (
  { stored: { job }, occurrences, wasDown, backlog }: DueJob,
  schedule: ScheduleSpec,
  { now, isPaused: isJobPaused }: FireContext,
): readonly DueDecision[] => {
  const isPaused = isJobPaused(job.id);
  if (backlog?.isPaused ?? isPaused) return occurrences.map(() => PAUSED);
  const rules = { policy: schedule.catchup, windowMs: schedule.catchupWindowMs, wasDown, newer: backlog?.newer };
  // Lateness is measured from the start time, which includes jitter.
  const starts = occurrences.map((at) => at + jitterMs(job.id, at, schedule.jitterMs));
  const verdicts = judgeDue(starts, now, rules);
  // If petit was paused after the backlog was found, nothing of it starts.
  return isPaused ? verdicts.map((verdict) => (verdict.kind === "fire" ? PAUSED : verdict)) : verdicts;
};

const PAUSED = { kind: "skip", reason: "paused" } as const;

type AccountOptions = {
  readonly due: DueJob;
  readonly scheduledFor: number;
  /** Maximum jitter of the schedule, in ms. */
  readonly jitter: number;
  readonly verdict: DueDecision;
  readonly context: FireContext;
};

/**
 * Starts a run for an occurrence, or returns the ledger entry of an occurrence that starts none. Null if nothing is
 * to be recorded.
 */
const account = ({ due, scheduledFor, jitter, verdict, context }: AccountOptions): NewOccurrence | null => {
  const { store, runs } = context;
  const { job } = due.stored;
  // After the clock was set back, an instant may already be decided. Only a missed occurrence may still fire.
  const known = verdict.kind === "fire" ? store.occurrences.find(job.id, scheduledFor) : null;
  if (known !== null && known.outcome !== "missed") return null;
  const delayMs = jitterMs(job.id, scheduledFor, jitter);
  const decision = verdict.kind === "fire" ? admitScheduled(job, runs.admissionState(job)) : verdict;
  if (decision.kind === "skip" || decision.kind === "miss") {
    const outcome = decision.kind === "skip" ? "skipped" : "missed";
    return { scheduledFor, outcome, reason: decision.reason, jitterMs: delayMs };
  }
  if (decision.kind === "replace") replaceOldest(job, context);
  const trigger = verdict.kind === "fire" ? verdict.trigger : "schedule";
  start({ due, scheduledFor, delayMs, trigger, waits: decision.kind !== "start", context });
  return null;
};

type ScheduledStart = {
  readonly due: DueJob;
  readonly scheduledFor: number;
  readonly delayMs: number;
  readonly trigger: "schedule" | "catchup";
  readonly waits: boolean;
  readonly context: FireContext;
};

const start = ({ due, scheduledFor, delayMs, trigger, waits, context }: ScheduledStart): void => {
  const { job, versionId } = due.stored;
  const params = resolveParams(job.params, {});
  context.addHooks(
    context.runs.create({
      job,
      versionId,
      status: waits ? "pending" : "running",
      trigger,
      // Always valid: a job file with a schedule must give every param a default.
      params: "values" in params ? params.values : {},
      scheduledFor,
      intervalStart: due.schedule.previousStart(scheduledFor),
      ledger: { jitterMs: delayMs },
      retry: null,
      idempotency: null,
    }),
  );
};
