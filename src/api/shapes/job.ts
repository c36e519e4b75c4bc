import { t } from "elysia";
import { BEFORE_DAYS, RECENT_DAYS } from "../../domain/durations/change.ts";
import type { JobId } from "../../domain/ids.ts";
import { type Expectation, expectedFrom } from "../../domain/inbox/expectation.ts";
import type { Job } from "../../domain/job.ts";
import type { WaitingCode } from "../../domain/limits/waiting-for.ts";
import type { Run } from "../../domain/run.ts";
import { durationMs } from "../../domain/run.ts";
import type { ExpectationFacts } from "../../domain/words/inbox/expectation.ts";
import type { JobView } from "../../engine/engine.ts";
import { maskText } from "../../jobfile/possible-secrets.ts";
import type { JobFields } from "../../jobfile/schema/job.ts";
import type { RecentRun } from "../../store/runs/timeline.ts";
import type { JobVersion } from "../../store/versions/versions.ts";
import { unfiredBody, unfiredFields } from "./attention/unfired.ts";
import { DEFINITION_EXAMPLE, definitionBody, definitionFields } from "./definition/definition.ts";
import type { SchemasOf } from "./definition/task.ts";
import { DIGEST_EXAMPLE, Digest } from "./definition/version.ts";
import { DurationChangeBody, durationChangeBody } from "./figures/durations.ts";
import { activityBody, WaitingCountsBody, WaitingForOrNull } from "./limits/waits-for.ts";
import { recentBody, recentFields } from "./recent-runs.ts";
import { RunStatusWord } from "./run.ts";
import {
  ActorOrNull,
  Count,
  durationOrNull,
  exactly,
  instant,
  instantOrNull,
  integer,
  JobIdText,
  nullable,
  RunIdText,
} from "./schemas.ts";

const LastRun = exactly(
  {
    id: RunIdText,
    status: RunStatusWord,
    started_at: instantOrNull("When the run started"),
    ended_at: instantOrNull("When the run ended"),
    duration_ms: durationOrNull,
    waiting_for: t.Optional(WaitingForOrNull),
  },
  { title: "LastRun", description: "The newest run of a job" },
);

const summaryFields = {
  id: JobIdText,
  name: t.String({ description: "Name of the job; its id if it has none" }),
  description: nullable(t.String(), "Description for people"),
  tags: t.Array(t.String(), { description: "Tags in the order of the job file" }),
  enabled: t.Boolean({ description: "False if the schedule is disabled; manual triggers still work" }),
  scheduled: t.Boolean({ description: "True if it has a schedule" }),
  schedule: nullable(t.Array(t.String()), "Expressions of the schedule; null without one"),
  timezone: nullable(
    t.String(),
    "Time zone of the schedule; null uses the `timezone` setting, or the zone of the system",
  ),
  next_run_at: instantOrNull(
    "Next occurrence; null if there is none. Also given while the job or the scheduler is paused",
  ),
  next_start_at: instantOrNull("When that occurrence starts a run: `next_run_at`, or later by jitter"),
  every_ms: t.Optional(
    integer({
      minimum: 1,
      description: "The longest of its next intervals, if none is longer than five minutes; missing otherwise",
    }),
  ),
  jitter_ms: nullable(integer({ minimum: 0 }), "Maximum random delay of an occurrence in ms; null without a schedule"),
  has_except: t.Boolean({ description: "True if the schedule excepts some dates" }),
  last_run: nullable(LastRun, "The newest run; null if there is none"),
  paused: t.Boolean({ description: "True if this job is paused; the scheduler as a whole may be paused as well" }),
  paused_at: instantOrNull("When the job was paused; null if it is not"),
  paused_by: ActorOrNull,
  not_run_as_expected: nullable(
    exactly({
      since: instant("When the first of these occurrences was due; of a pause without occurrences, when it began"),
      ...unfiredFields,
    }),
    "Why its last 3 occurrences or more started no run, or why it has not run for more than a day; null if it runs as expected",
  ),
  expectation: t.Optional(
    nullable(
      exactly({
        success_within_ms: integer({ minimum: 1, description: "The time of `expect`, in ms" }),
        last_success_at: instantOrNull("End of the last completed run, which may be deleted; null if none is known"),
        expected_from: instant("From when the time counts: `last_success_at`, or when petit first read `expect`"),
        stale_since: instantOrNull("When petit noticed that no run had completed in time; null if it is not stale"),
      }),
      "How it fares by its `expect`; null without one",
    ),
  ),
  gone: t.Boolean({
    description: "True if no job file defines the job any more: it can't run, but its runs can be read",
  }),
  gone_at: instantOrNull("When petit noticed that; null if the job is not gone, or if it is unknown"),
  formerly: t.Array(JobIdText, { description: "Ids that it had before, sorted; each of them still finds it" }),
  running: integer({ minimum: 0, description: "Number of running runs, also of those that only wait" }),
  pending: t.Optional(
    integer({ minimum: 0, description: "Number of runs that have not started, perhaps with the newest run" }),
  ),
  executing: t.Optional(integer({ minimum: 0, description: "Number of running runs that do more than wait" })),
  waiting: WaitingCountsBody,
  duration_change: t.Optional(
    nullable(
      DurationChangeBody,
      `How the durations of the last ${RECENT_DAYS} days differ from those of the ${BEFORE_DAYS} days before; null if they do not, or if it may be chance`,
    ),
  ),
  task_count: integer({ minimum: 1, description: "Number of tasks" }),
};

const SUMMARY_EXAMPLE = {
  id: "data_pipeline",
  name: "Data Pipeline",
  description: null,
  tags: ["nightly"],
  enabled: true,
  scheduled: true,
  schedule: ["0 0 2 * * *"],
  timezone: "Europe/Paris",
  next_run_at: 1767225600000,
  next_start_at: 1767225600000,
  jitter_ms: 0,
  has_except: false,
  last_run: null,
  paused: false,
  paused_at: null,
  paused_by: null,
  not_run_as_expected: null,
  expectation: null,
  gone: false,
  gone_at: null,
  formerly: ["data_import"],
  running: 0,
  pending: 0,
  executing: 0,
  waiting: {},
  duration_change: { recent_ms: 5200, before_ms: 4000, recent_runs: 7, before_runs: 28 },
  task_count: 1,
};

const versionFields = {
  version: nullable(
    integer({ minimum: 1 }),
    "Number of its definition, counted from 1 for each job; an earlier one that returns has its number again; null if unknown",
  ),
  digest: nullable(Digest, "Digest of its definition, by which its versions are found; null if unknown"),
  changed_at: instantOrNull("When petit first read this definition, or read it again after another one"),
};

const JobSummary = exactly(
  { ...summaryFields, ...recentFields },
  { title: "JobSummary", description: "A job", examples: [SUMMARY_EXAMPLE] },
);

export const JobList = exactly(
  { jobs: t.Array(JobSummary, { description: "Jobs by id" }), count: Count },
  { title: "JobList" },
);

/** The fields of a job whose name in the API is another one, because their value is. The last ones are those of its tasks. */
const RENAMED = {
  timeout: "timeout_ms",
  warn_after: "warn_after_ms",
  kill_grace: "kill_grace_ms",
  runs_on: "tasks",
  limits: "tasks",
  run_as: "tasks",
  leftovers: "tasks",
} as const satisfies { readonly [Field in keyof JobFields]?: string };

const gateFields = {
  hidden_gate_shut: t.Optional(
    t.Boolean({
      description: "Whether a gate on a job that you may not know of is shut; missing if no gate is on such a job",
    }),
  ),
};

export const JobDetail = exactly(
  { ...summaryFields, ...versionFields, ...gateFields, ...definitionFields } satisfies SchemasOf<
    JobFields,
    typeof RENAMED
  >,
  {
    title: "JobDetail",
    description: "A job with its definition",
    examples: [
      { ...SUMMARY_EXAMPLE, version: 7, digest: DIGEST_EXAMPLE, changed_at: 1767000000000, ...DEFINITION_EXAMPLE },
    ],
  },
);

/** Encodes jobs, with the newest runs of each if `recent` is given. */
export const jobList = (
  views: readonly JobView[],
  recent: ReadonlyMap<JobId, readonly RecentRun[]> | null = null,
): typeof JobList.static => ({
  jobs: views.map((view) =>
    recent === null
      ? jobSummary(view)
      : { ...jobSummary(view), ...recentBody(view.job, recent.get(view.job.id) ?? []) },
  ),
  count: views.length,
});

const jobSummary = (view: JobView) => {
  const {
    job,
    nextRunAt,
    nextStartAt,
    lastRun,
    lastWaitingFor = null,
    everyMs = null,
    durationChange = null,
    pause,
    unfired,
    expectation = null,
    formerIds,
    gone,
  } = view;
  return {
    id: job.id,
    name: job.name,
    description: job.description === null ? null : maskText(job.description),
    tags: [...(job.tags ?? [])],
    enabled: job.enabled,
    scheduled: job.schedule !== null,
    schedule: job.schedule === null ? null : [...job.schedule.expressions],
    timezone: job.schedule?.timezone ?? null,
    next_run_at: nextRunAt,
    next_start_at: nextStartAt,
    ...(everyMs !== null && { every_ms: everyMs }),
    jitter_ms: job.schedule?.jitterMs ?? null,
    has_except: job.schedule?.except !== undefined,
    last_run: lastRun === null ? null : lastRunBody(lastRun, lastWaitingFor),
    paused: pause !== null,
    paused_at: pause?.at ?? null,
    paused_by: pause?.by ?? null,
    not_run_as_expected: unfired === null ? null : { since: unfired.since, ...unfiredBody(unfired, { pause }) },
    expectation: expectation === null ? null : expectationBody(expectation),
    gone: gone !== null,
    gone_at: gone?.since ?? null,
    formerly: [...formerIds],
    duration_change: durationChange === null ? null : durationChangeBody(durationChange),
    ...activityBody(view),
    task_count: job.tasks.length,
  };
};

const expectationBody = (expectation: Expectation): ExpectationFacts => ({
  success_within_ms: expectation.withinMs,
  last_success_at: expectation.lastSuccessAt,
  expected_from: expectedFrom(expectation),
  stale_since: expectation.staleSince,
});

const lastRunBody = (run: Run, waitingFor: WaitingCode | null): typeof LastRun.static => ({
  id: run.id,
  status: run.status,
  started_at: run.startedAt,
  ended_at: run.endedAt,
  duration_ms: durationMs(run.startedAt, run.endedAt),
  ...(waitingFor !== null && { waiting_for: waitingFor }),
});

/** Encodes a job. `others` are all jobs, to find those with a gate on this one. */
export const jobDetail = (
  view: JobView,
  others: readonly Job[],
  current: JobVersion | null = null,
): typeof JobDetail.static => ({
  ...jobSummary(view),
  version: current?.number ?? null,
  digest: current?.digest ?? null,
  changed_at: current?.changedAt ?? null,
  ...(view.isHiddenGateShut !== undefined && { hidden_gate_shut: view.isHiddenGateShut }),
  ...definitionBody(view.job, others),
});
