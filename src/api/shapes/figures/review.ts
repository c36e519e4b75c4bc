import { type TSchema, t } from "elysia";
import { dateOf } from "../../../domain/durations/day.ts";
import type { JobId } from "../../../domain/ids.ts";
import { MAX_DUE_COUNTED, PERSON_ACTIONS, type Review, type ReviewPart } from "../../../domain/review/review.ts";
import { MISS_REASONS, SKIP_REASONS } from "../../../domain/schedule/occurrence.ts";
import { RecoveryBody, recoveryBody } from "../run.ts";
import {
  ActorOrNull,
  exactly,
  instant,
  integer,
  JobIdText,
  nullable,
  RunIdText,
  TaskIdText,
  word,
} from "../schemas.ts";
import { DurationChangeBody, durationChangeBody } from "./durations.ts";

const namedJob = {
  job_id: JobIdText,
  job_name: t.String({ description: "Name of the job; its id if no job file defines it" }),
} as const;

const many = integer({ minimum: 1, description: "How many" });

const partOf = <Item extends TSchema>(item: Item, description: string) =>
  exactly(
    {
      items: t.Array(item, {
        description: "The most important ones, or those of the page that `limit` and `offset` name",
      }),
      left_out: integer({ minimum: 0, description: "Number of those that follow" }),
    },
    { description },
  );

const FailedJobBody = exactly(
  {
    ...namedJob,
    failures: integer({
      minimum: 0,
      description: "Number of runs that failed or were interrupted in the period; 0 if all of them were earlier",
    }),
    streak: nullable(
      exactly({
        since: instant("When the first of them ended"),
        count: integer({ minimum: 1, description: "How many, also before the period; at most 20,000" }),
      }),
      "The runs in a row that had failed or were interrupted at the end of the period, or before the job recovered from earlier ones; otherwise null",
    ),
    last_run_id: RunIdText,
    last_at: instant("When it ended"),
    task_id: nullable(TaskIdText, "The task whose output has the line of `cause`; null if there is none"),
    cause: nullable(
      t.String(),
      "The line of its output that explains the failure, or else the last line, or else the error of the run; null if there is none",
    ),
    children: t.Array(
      exactly(
        { ...namedJob, failures: integer({ minimum: 0, description: "As of the job" }), last_run_id: RunIdText },
        { title: "FailedChildJob" },
      ),
      {
        description:
          "Jobs because of whose failed child runs it failed last, also as children of such children; the part has no items of their own",
      },
    ),
    recovery: nullable(
      RecoveryBody,
      "The run with which the job recovered, also after the period, as in `recovered_by` of the last failed run; null if there is none",
    ),
    gone: t.Boolean({ description: "True if no job file defines the job any more" }),
  },
  { title: "FailedJob" },
);

const StaleBody = exactly(
  {
    ...namedJob,
    since: instant("When petit noticed it"),
    success_within_ms: integer({ minimum: 1, description: "A run is expected to complete at least this often, in ms" }),
    last_success_at: nullable(instant("End of the last completed run"), "Null if none is known"),
  },
  { title: "StaleReviewedJob" },
);

const UnfiredBody = exactly(
  {
    ...namedJob,
    outcome: word(["skipped", "missed"], "What happened to them"),
    reason: word([...SKIP_REASONS, ...MISS_REASONS], "Why no run was started"),
    count: many,
    first_at: instant("When the first of them was due"),
    last_at: instant("When the last of them was due"),
  },
  { title: "UnfiredOccurrences" },
);

const SlowerBody = exactly(
  {
    ...namedJob,
    change: DurationChangeBody,
    days: t.Array(
      exactly({
        date: t.String({ description: "Date", examples: ["2026-03-08"] }),
        completed: integer({ minimum: 0, description: "Number of completed runs" }),
        p50_ms: nullable(integer({ minimum: 0 }), "Median duration in ms; null if none completed"),
        p95_ms: nullable(integer({ minimum: 0 }), "95th percentile of the durations in ms; null if none completed"),
      }),
      { description: "The days of the period before and of this one, at most the last 31" },
    ),
  },
  { title: "SlowerJob" },
);

const FlakyBody = exactly(
  {
    ...namedJob,
    task_id: TaskIdText,
    runs: integer({ minimum: 1, description: "Number of runs in which it completed only after a retry" }),
    last_run_id: RunIdText,
    last_at: instant("When the last of them ended"),
  },
  { title: "FlakyTask" },
);

const ActionBody = exactly(
  {
    actor: ActorOrNull,
    action: word(PERSON_ACTIONS, "What the person did"),
    job_id: nullable(JobIdText, "Null for the scheduler as a whole"),
    job_name: nullable(t.String(), "Name of the job; null for the scheduler as a whole"),
    count: many,
    last_at: instant("When it was last done; for a run, when that ended"),
  },
  { title: "PersonAction" },
);

const WaitBody = exactly(
  {
    ...namedJob,
    run_id: RunIdText,
    since: instant("When the run was created"),
    waited_ms: integer({
      minimum: 0,
      description: "How long it waited before it started, or has waited until now, in ms",
    }),
    queue: nullable(t.String(), "The queue of the job; null without one"),
    waiting: t.Boolean({ description: "True if it still waits" }),
  },
  { title: "Wait" },
);

const DueBody = exactly(
  {
    ...namedJob,
    next_at: instant("Next occurrence"),
    count: integer({
      minimum: 1,
      description: `Number of occurrences by the end of today, at most ${MAX_DUE_COUNTED}`,
    }),
  },
  { title: "DueToday" },
);

const runCount = integer({ minimum: 0, description: "Number of runs that ended so" });

export const ReviewBody = exactly(
  {
    from: instant("Start of the period"),
    to: instant("End of the period, exclusive"),
    timezone: t.String({ description: "Time zone of the days, and of today" }),
    jobs: integer({ minimum: 0, description: "Number of jobs that it is about" }),
    deleted: nullable(
      exactly({
        until: instant("All runs that ended since then are there"),
        jobs: integer({ minimum: 1, description: "Number of jobs of which earlier ones were deleted" }),
      }),
      "What retention has deleted of the period; null if all of its runs are there",
    ),
    runs: exactly(
      { completed: runCount, failed: runCount, cancelled: runCount, interrupted: runCount },
      {
        description:
          "Numbers of runs that ended in the period. Those of whole days include the runs that retention has deleted, of which those that were interrupted count as failed",
      },
    ),
    broken: partOf(
      FailedJobBody,
      "Jobs whose last run at the end of the period had failed or was interrupted, also if that was before the period, and that have not recovered since",
    ),
    stale: partOf(
      StaleBody,
      "Jobs that are stale since before the end of the period: no run has completed within the time of their `expect`. Those that are so for longest come first",
    ),
    recovered: partOf(
      FailedJobBody,
      "Other jobs with failed or interrupted runs, and those that recovered in the period from earlier ones",
    ),
    unfired: partOf(UnfiredBody, "Occurrences that started no run, by job and reason"),
    slower: partOf(SlowerBody, "Jobs whose runs took longer than in the period before, by more than chance"),
    flaky: partOf(FlakyBody, "Tasks that failed and completed after a retry"),
    people: partOf(ActionBody, "What people did"),
    waits: partOf(WaitBody, "Runs that waited for more than a minute, the longest waits first"),
    due: partOf(DueBody, "Jobs that are due by the end of today"),
  },
  { title: "Review", description: "What happened in a period" },
);

export const reviewBody = (review: Review): typeof ReviewBody.static => ({
  from: review.from,
  to: review.to,
  timezone: review.timezone,
  jobs: review.jobs,
  deleted: review.deleted === null ? null : { ...review.deleted },
  runs: { ...review.runs },
  broken: partBody(review.broken, failedJobBody),
  stale: partBody(review.stale, ({ since, withinMs, lastSuccessAt, ...job }) => ({
    ...namedJobBody(job),
    since,
    success_within_ms: withinMs,
    last_success_at: lastSuccessAt,
  })),
  recovered: partBody(review.recovered, failedJobBody),
  unfired: partBody(review.unfired, ({ outcome, reason, count, firstAt, lastAt, ...job }) => ({
    ...namedJobBody(job),
    outcome,
    reason,
    count,
    first_at: firstAt,
    last_at: lastAt,
  })),
  slower: partBody(review.slower, ({ change, days, ...job }) => ({
    ...namedJobBody(job),
    change: durationChangeBody(change),
    days: days.map(({ day, completed, p50Ms, p95Ms }) => ({
      date: dateOf(day),
      completed,
      p50_ms: p50Ms,
      p95_ms: p95Ms,
    })),
  })),
  flaky: partBody(review.flaky, ({ taskId, runs, lastRunId, lastAt, ...job }) => ({
    ...namedJobBody(job),
    task_id: taskId,
    runs,
    last_run_id: lastRunId,
    last_at: lastAt,
  })),
  people: partBody(review.people, ({ actor, action, jobId, jobName, count, lastAt }) => ({
    actor,
    action,
    job_id: jobId,
    job_name: jobName,
    count,
    last_at: lastAt,
  })),
  waits: partBody(review.waits, ({ runId, since, waitedMs, queue, isOver, ...job }) => ({
    ...namedJobBody(job),
    run_id: runId,
    since,
    waited_ms: waitedMs,
    queue,
    waiting: !isOver,
  })),
  due: partBody(review.due, ({ nextAt, count, ...job }) => ({ ...namedJobBody(job), next_at: nextAt, count })),
});

const failedJobBody = (job: Review["broken"]["items"][number]): typeof FailedJobBody.static => ({
  ...namedJobBody(job),
  failures: job.failures,
  streak: job.streak === null ? null : { since: job.streak.since, count: job.streak.count },
  last_run_id: job.lastRunId,
  last_at: job.lastAt,
  task_id: job.taskId,
  cause: job.cause,
  children: job.children.map(({ failures, lastRunId, ...child }) => ({
    ...namedJobBody(child),
    failures,
    last_run_id: lastRunId,
  })),
  recovery: job.recovery === null ? null : recoveryBody(job.recovery),
  gone: job.isGone,
});

const namedJobBody = ({ jobId, jobName }: { readonly jobId: JobId; readonly jobName: string }) => ({
  job_id: jobId,
  job_name: jobName,
});

const partBody = <Item, Body>({ items, leftOut }: ReviewPart<Item>, bodyOf: (item: Item) => Body) => ({
  items: items.map(bodyOf),
  left_out: leftOut,
});
