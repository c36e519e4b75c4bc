import type { Job } from "../../domain/job.ts";
import { resolveParams } from "../../domain/param.ts";
import { judgeDue, type Verdict } from "../../domain/schedule/catchup.ts";
import { jitterMs } from "../../domain/schedule/jitter.ts";
import type { SkipReason } from "../../domain/schedule/occurrence.ts";
import type { ScheduleSpec } from "../../domain/schedule/schedule.ts";
import type { Log } from "../../lib/log.ts";
import type { StoredJob } from "../../store/jobs.ts";
import type { NewOccurrence } from "../../store/occurrences.ts";
import type { Store } from "../../store/store.ts";
import type { Later } from "../commits.ts";
import type { Notify } from "../notify/notify.ts";
import type { EngineOptions } from "../options.ts";
import type { Runs } from "../run/runs.ts";
import { admitScheduled } from "./admission.ts";
import type { Backlog, DueJob } from "./due-job.ts";

export type FireOptions = {
  readonly store: Store;
  readonly runs: Runs;
  readonly notify: Notify;
  readonly now: number;
  readonly isPaused: boolean;
  readonly log: Log;
};

type Context = FireOptions & { readonly later: Later };

/** Decides about everything that is due and accounts for it, in one transaction. Logs and throws what goes wrong. */
export const fire = (dueJobs: readonly DueJob[], options: FireOptions): void => {
  const { outage } = options.runs.commits;
  try {
    decide(dueJobs, options);
    outage.noteSuccess();
  } catch (error) {
    if (!outage.noteFailure(error)) options.log.error({ err: error }, "what is due can't be decided");
    throw error;
  }
};

const decide = (dueJobs: readonly DueJob[], options: FireOptions): void =>
  options.runs.commits.now((later) => {
    for (const due of dueJobs) {
      fireJob(due, { ...options, later });
      const last = due.occurrences.at(-1);
      if (last !== undefined) options.store.jobs.advanceAccountedUntil(due.stored.job.id, last);
    }
  });

const fireJob = (due: DueJob, context: Context): void => {
  const { stored, occurrences, backlog } = due;
  const { schedule } = stored.job;
  if (schedule === null) return;
  const verdicts = verdictsOf(due, schedule, context);
  const unfired = occurrences.flatMap((scheduledFor, index) => {
    const verdict = verdicts[index];
    return verdict === undefined
      ? []
      : (account({ stored, scheduledFor, jitter: schedule.jitterMs, verdict, context }) ?? []);
  });
  if (backlog !== undefined) recordPart(stored, unfired, { ...context, backlog });
  else if (unfired.length > 0) context.notify.missed(stored, record(stored, unfired, context));
};

const record = ({ job }: StoredJob, unfired: readonly NewOccurrence[], { store, now }: Context) =>
  store.occurrences.record(job.id, unfired, now);

/** A backlog is told of when its last part is recorded: a day of seconds is one piece of news. */
const recordPart = (
  stored: StoredJob,
  unfired: readonly NewOccurrence[],
  context: Context & { readonly backlog: Backlog },
): void => {
  const { store, now, notify, later, backlog } = context;
  const { recorded, newer } = backlog;
  const isLast = newer === 0;
  const added = store.occurrences.record(stored.job.id, unfired, now, { earlier: recorded, isLast });
  if (isLast) notify.missed(stored, [...recorded, ...added]);
  const launch = (): void => {
    if (isLast) recorded.length = 0;
    else recorded.push(...added);
  };
  later({ launch, undo: () => {} });
};

type Decision = Verdict | { readonly kind: "skip"; readonly reason: SkipReason };

const verdictsOf = (
  { stored: { job }, occurrences, wasDown, backlog }: DueJob,
  schedule: ScheduleSpec,
  { now, isPaused }: Context,
): readonly Decision[] => {
  if (!job.enabled) return occurrences.map(() => ({ kind: "skip", reason: "disabled" }));
  if (backlog?.isPaused ?? isPaused) return occurrences.map(() => PAUSED);
  const rules = { policy: schedule.catchup, windowMs: schedule.catchupWindowMs, wasDown, newer: backlog?.newer };
  // Late is what comes after the time it was to start at.
  const starts = occurrences.map((at) => at + jitterMs(job.id, at, schedule.jitterMs));
  const verdicts = judgeDue(starts, now, rules);
  // A pause that came after the backlog was found lets nothing of it start.
  return isPaused ? verdicts.map((verdict) => (verdict.kind === "fire" ? PAUSED : verdict)) : verdicts;
};

const PAUSED = { kind: "skip", reason: "paused" } as const;

type Account = {
  readonly stored: StoredJob;
  readonly scheduledFor: number;
  /** Bound of the schedule's jitter, in ms. */
  readonly jitter: number;
  readonly verdict: Decision;
  readonly context: Context;
};

/** Starts a run for an occurrence; where none comes of it, answers what became of it. */
const account = ({ stored, scheduledFor, jitter, verdict, context }: Account): NewOccurrence | null => {
  const { store, runs } = context;
  const { job } = stored;
  // The clock was set back, and this instant has been decided about before; only what was missed may still fire.
  const known = verdict.kind === "fire" ? store.occurrences.find(job.id, scheduledFor) : null;
  if (known !== null && known.outcome !== "missed") return null;
  const delayMs = jitterMs(job.id, scheduledFor, jitter);
  const decision = verdict.kind === "fire" ? admitScheduled(job, runs.admissionState(job)) : verdict;
  if (decision.kind === "skip" || decision.kind === "miss") {
    const outcome = decision.kind === "skip" ? "skipped" : "missed";
    return { scheduledFor, outcome, reason: decision.reason, jitterMs: delayMs };
  }
  if (decision.kind === "replace") replace(job, context);
  const trigger = verdict.kind === "fire" ? verdict.trigger : "schedule";
  start({ stored, scheduledFor, delayMs, trigger, waits: decision.kind !== "start", context });
  return null;
};

type Start = {
  readonly stored: StoredJob;
  readonly scheduledFor: number;
  readonly delayMs: number;
  readonly trigger: "schedule" | "catchup";
  readonly waits: boolean;
  readonly context: Context;
};

const start = ({ stored, scheduledFor, delayMs, trigger, waits, context }: Start): void => {
  const { job, versionId } = stored;
  const params = resolveParams(job.params, {});
  context.later(
    context.runs.create({
      job,
      versionId,
      status: waits ? "pending" : "running",
      trigger,
      // A job that wants a param which has no default can't have a schedule: its file would not be valid.
      params: "values" in params ? params.values : {},
      scheduledFor,
      ledger: { jitterMs: delayMs },
      retry: null,
      idempotency: null,
    }),
  );
};

/**
 * Of what would go on, as many as stand in the way: the oldest. What runs of them is ended, what waits is dropped; the new
 * run starts when a place is free.
 */
const replace = (job: Job, { runs, store, later }: Context): void => {
  const running = runs.activeOf(job.id).filter(({ isEnding }) => !isEnding);
  const waiting = runs.waitingOf(job.id);
  const count = running.length + waiting.length + 1 - (job.maxConcurrency ?? Number.POSITIVE_INFINITY);
  for (const active of running.slice(0, Math.max(0, count))) {
    store.runs.requestEnd(active.run.id, "cancelled");
    later({ launch: () => active.end("cancelled", { all: false }), undo: () => {} });
  }
  for (const each of waiting.slice(0, Math.max(0, count - running.length))) later(runs.dropWaiting(each));
};

/** The clock was set back, perhaps while petit was down: what comes due once more is looked up in the ledger. */
export const lookAgain = ({ store, log }: Pick<EngineOptions, "store" | "log">, now: number): void => {
  try {
    store.jobs.rewindAccountedUntil(now);
  } catch (error) {
    log.error({ err: error }, "that the clock was set back can't be stored");
  }
};
