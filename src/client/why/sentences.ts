import { parseJobId } from "../../domain/ids.ts";
import { isFinal } from "../../domain/run.ts";
import { AT_NEXT_BOOT, NO_BOOT_YET, startsAtBoot } from "../../domain/schedule/boot.ts";
import { jitterMs } from "../../domain/schedule/jitter.ts";
import { blockerText } from "../../domain/words/blocker.ts";
import { deliverySubject, deliveryText } from "../../domain/words/deliveries/delivery.ts";
import { triggerText } from "../../domain/words/deliveries/trigger.ts";
import { durationText, relativeText, roughText } from "../../domain/words/duration.ts";
import { expectedText, staleSinceText } from "../../domain/words/inbox/expectation.ts";
import { notRunText } from "../../domain/words/inbox/unfired.ts";
import { decisionText } from "../../domain/words/people/decision.ts";
import { RUN_STATUS_VERBS } from "../../domain/words/run.ts";
import { type RunFact, timeFacts } from "../../domain/words/run-facts.ts";
import { shownStatusOf, waitedForText } from "../../domain/words/waiting-for.ts";
import { waitsForText } from "../../domain/words/waits-for.ts";
import { assertNever } from "../../lib/never.ts";
import { pluralize } from "../../lib/text.ts";
import { findBlockers } from "./blockers.ts";
import type { OccurrenceFacts, RunFacts } from "./facts.ts";
import type { JobFacts } from "./job-facts.ts";
import { explainOccurrence } from "./occurrence.ts";

/** The current time (ms since the Unix epoch), and how instants are displayed. */
export type TimeContext = { readonly now: number; readonly atText: (at: number) => string };

/** Returns why the job ran last, and the outcome. */
export const lastRunText = (
  facts: Pick<JobFacts, "lastRun" | "workerWaits" | "decisions"> & { readonly job: Pick<JobFacts["job"], "id"> },
  time: TimeContext,
): string => {
  const { lastRun, job } = facts;
  if (lastRun === null) return `${job.id} has never run`;
  const at = lastRun.started_at ?? lastRun.created_at;
  return `${relativeText(at - time.now)}, at ${time.atText(at)}: ${causeOf(lastRun, time)}; ${outcomeOf({ ...lastRun, waits: waitText(lastRun, facts) }, time)}${decidedText(facts)}`;
};

/** Returns who decided about the approvals of the run, as clauses to follow; the error of the run says it of the task that it is about. */
const decidedText = ({ lastRun, decisions }: Pick<JobFacts, "lastRun" | "decisions">): string =>
  decisions
    .filter(({ taskId }) => lastRun?.error == null || lastRun.failure?.task_id !== taskId)
    .map((decision) => `; ${decisionText(decision)}`)
    .join("");

const causeOf = (
  { trigger, scheduled_for, retry_of, triggered_by, parent, delivery, backfill }: RunFacts,
  { atText }: TimeContext,
): string => {
  const dueText = scheduled_for === null ? "" : ` at ${atText(scheduled_for)}`;
  switch (trigger) {
    case "schedule":
      return `it was due${dueText}`;
    case "catchup":
      return `catch-up ran it, because petit was down or asleep when it was due${dueText}`;
    case "manual":
      return `it was triggered by hand${triggered_by ? ` (by ${triggered_by})` : ""}`;
    case "retry":
      return `it was a retry of run ${retry_of}${triggered_by ? ` (by ${triggered_by})` : ""}`;
    case "job":
      return `a run of another job started it${parent === null ? "" : ` (task '${parent.task_id}' of run ${parent.run_id})`}`;
    case "webhook":
    case "files":
    case "run":
    case "nats":
      return `${TRIGGER_CAUSE[trigger]}${delivery === null ? "" : ` (delivery ${delivery.id}${triggered_by ? `, by ${triggered_by}` : ""})`}`;
    case "backfill": {
      const again = retry_of === null ? "" : `, again after run ${retry_of}`;
      const by = triggered_by ? ` of ${triggered_by}` : "";
      return `backfill ${backfill?.id}${by} made it for what was due${dueText}${again}`;
    }
    default:
      return assertNever(trigger);
  }
};

const TRIGGER_CAUSE = {
  webhook: "a webhook started it",
  files: "a new file started it",
  run: "the end of a run of another job started it",
  nats: "a message of NATS started it",
} as const;

/** Returns what an unfinished run waits for, as a clause: `waits for …`, or `task 'x' waits for …`. Null if it waits for nothing. */
const waitText = (run: RunFacts, { workerWaits: [first, ...others] }: Pick<JobFacts, "workerWaits">): string | null => {
  const { waits_for } = run;
  if (first === undefined) {
    if (waits_for !== null) return `waits for ${waitsForText(waits_for)}`;
    const waitedFor = waitedForText(run);
    return waitedFor === null ? null : `waits for ${waitedFor}`;
  }
  const more = others.length === 0 ? "" : ` (and ${pluralize(others.length, "more task")})`;
  return `task '${first.taskId}'${more} waits for ${waitsForText(first.waitsFor)}`;
};

type ExplainedRun = RunFacts & { readonly waits: string | null };

const outcomeOf = (run: ExplainedRun, time: TimeContext): string =>
  [resultOf(run, time), ...timeFacts(run).flatMap((fact) => timeText(fact, run, time))].join("; ");

/** Returns a time as a clause, such as `it is late since …`, unless the result says it. */
const timeText = ({ phrase, value }: RunFact, { ended_at }: RunFacts, { atText }: TimeContext): readonly string[] =>
  phrase === undefined || !("at" in value) || value.at === null
    ? []
    : [`it ${ended_at === null ? "is" : "was"} ${phrase} ${atText(value.at)}`];

const resultOf = ({ waits, ...run }: ExplainedRun, { now }: TimeContext): string => {
  if (run.status === "pending") return `it ${waits ?? RUN_STATUS_VERBS.pending} (run ${run.id})`;
  if (!isFinal(run.status))
    return waits !== null && shownStatusOf(run) === "waiting"
      ? `it ${waits}; it started ${roughText(now - (run.started_at ?? now))} ago (run ${run.id})`
      : `it has been running for ${roughText(now - (run.started_at ?? now))}${waits === null ? "" : `, and now ${waits}`} (run ${run.id})`;
  const reason = run.error ?? run.reason;
  const by = run.status === "cancelled" && run.cancelled_by ? ` by ${run.cancelled_by}` : "";
  return `it ${RUN_STATUS_VERBS[run.status]}${by} after ${durationText(run.duration_ms ?? 0)}${reason === null ? "" : `, ${reason}`} (run ${run.id})`;
};

/** Returns when the schedule runs the job next, or why it does not. */
export const nextRunText = ({ job, upcoming, occurrences }: JobFacts, { now, atText }: TimeContext): string => {
  const [next, ...later] = upcoming;
  if (job.gone) return "never: no job file defines the job any more";
  if (!job.scheduled) return "only when triggered: the job has no schedule";
  if (!job.enabled) return "only when triggered: the job is disabled";
  const firstBoot = occurrences.length === 0 && next === undefined ? `: ${NO_BOOT_YET}` : "";
  const atBoot = startsAtBoot(job.schedule ?? []) ? `${AT_NEXT_BOOT}${firstBoot}` : null;
  if (next === undefined) return atBoot ?? "only when triggered: the schedule has ended";
  const more = later.length === 0 ? "" : `, then ${later.map(atText).join(", ")}`;
  const boot = atBoot === null ? "" : `, and ${atBoot}`;
  return `${startText(job, next, { now, atText })}${more}${boot}`;
};

/** Returns when the run of an occurrence starts, which jitter delays. */
const startText = ({ id, jitter_ms }: JobFacts["job"], due: number, { now, atText }: TimeContext): string => {
  const jobId = parseJobId(id);
  const start = due + (jobId === null ? 0 : jitterMs(jobId, due, jitter_ms ?? 0));
  const at = atText(Math.max(start, due));
  if (start <= now) return `now: it has been due since ${atText(due)}`;
  return `${relativeText(start - now)}, at ${at}${start === due ? "" : `, by jitter; due at ${atText(due)}`}`;
};

/** Returns the outcomes of the latest occurrences, newest first. Consecutive occurrences with the same outcome share a line. */
export const historyTexts = (facts: JobFacts, { atText }: TimeContext): readonly string[] =>
  groupEqual(facts.occurrences.map((occurrence) => ({ occurrence, text: explainOccurrence(occurrence, facts) }))).map(
    (group) => {
      const [newest, oldest] = [group[0], group.at(-1)];
      if (newest === undefined || oldest === undefined) return "";
      const from = atText(oldest.occurrence.scheduled_for);
      if (group.length === 1) return `${from}  ${newest.text}`;
      const until = atText(newest.occurrence.scheduled_for);
      return `${from}  and ${group.length - 1} more until ${until}: ${newest.text}`;
    },
  );

/** Returns what became of the latest deliveries, newest first. Consecutive ones with the same outcome and without a run share a line. */
export const deliveryTexts = (
  { deliveries }: Pick<JobFacts, "deliveries">,
  { atText }: TimeContext,
): readonly string[] => {
  const groups: JobFacts["deliveries"][number][][] = [];
  for (const each of deliveries) {
    const group = groups.at(-1);
    const isLike = group?.[0] !== undefined && group[0].run_id === null && each.run_id === null;
    if (isLike && group[0]?.event_type === each.event_type && deliveryText(group[0]) === deliveryText(each))
      group.push(each);
    else groups.push([each]);
  }
  return groups.flatMap((group) => {
    const [newest, oldest] = [group[0], group.at(-1)];
    if (newest === undefined || oldest === undefined) return [];
    const run = newest.run_id === null ? "" : ` (run ${newest.run_id})`;
    const what =
      group.length === 1
        ? deliverySubject(newest)
        : `and ${group.length - 1} more until ${atText(newest.received_at)}: ${newest.event_type}`;
    return [`${atText(oldest.received_at)}  ${what}: ${deliveryText(newest)}${run}`];
  });
};

type ExplainedOccurrence = { readonly occurrence: OccurrenceFacts; readonly text: string };

const groupEqual = (all: readonly ExplainedOccurrence[]): readonly (readonly ExplainedOccurrence[])[] => {
  const groups: ExplainedOccurrence[][] = [];
  for (const each of all) {
    const group = groups.at(-1);
    if (group?.[0] !== undefined && groupKey(group[0]) === groupKey(each)) group.push(each);
    else groups.push([each]);
  }
  return groups;
};

/** Occurrences that fired belong together, although each has another run. */
const groupKey = ({ occurrence, text }: ExplainedOccurrence): string =>
  occurrence.outcome === "fired" ? "fired" : text;

/** Returns since when the job has not run as expected, and why; null if it has. An older petit does not say it. */
export const unfiredSentence = ({ job }: JobFacts, { atText }: TimeContext): string | null =>
  job.not_run_as_expected == null ? null : notRunText(job.not_run_as_expected, atText);

/** Returns what starts the job beside its schedule and people. An older petit does not say it. */
export const triggerTexts = ({
  job: { triggers = [] },
}: {
  readonly job: Partial<Pick<JobFacts["job"], "triggers">>;
}): readonly string[] => [...new Set(triggers.map(triggerText))];

/** Returns what is expected of the job, and whether it is stale; null if nothing is. An older petit does not say it. */
export const expectationSentence = ({ job }: JobFacts, { atText }: TimeContext): string | null => {
  if (job.expectation == null) return null;
  const stale = staleSinceText(job.expectation, atText);
  return stale === null ? expectedText(job.expectation, atText) : `stale ${stale}`;
};

/** Returns what prevents or affects the job's next run, one sentence each, with the way to change it. */
export const blockerTexts = (facts: JobFacts, { now, atText }: TimeContext): readonly string[] => {
  return findBlockers(facts, now)
    .map((blocker) => blockerText(blocker, atText))
    .map(({ what, remedy }) => (remedy === null ? what : `${what}; ${remedy}`));
};
