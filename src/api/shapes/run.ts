import { t } from "elysia";
import type { RunFailure } from "../../domain/attention.ts";
import type { RunId } from "../../domain/ids.ts";
import type { Links } from "../../domain/job.ts";
import type { WaitsFor } from "../../domain/limits/waits-for.ts";
import { ENDING_REASONS, isFinal, RUN_STATUSES, type Run, TRIGGERS } from "../../domain/run.ts";
import { ENDING_TEXT, RUN_STATUS_TEXT, TRIGGER_TEXT } from "../../domain/words/run.ts";
import type { WaitsForWorker } from "../../domain/workers/worker.ts";
import type { RunPage } from "../../store/runs/run-list.ts";
import { RunFailureBody, runFailureBody } from "./attention/run-failure.ts";
import { LinksBody } from "./definition/definition.ts";
import { WaitsForOrNull, waitsForBody } from "./limits/waits-for.ts";
import {
  ActorOrNull,
  Count,
  durationOrNull,
  exactly,
  instant,
  instantOrNull,
  integer,
  JobIdText,
  meanings,
  nullable,
  ReasonOrNull,
  RunIdText,
  TaskIdText,
  word,
} from "./schemas.ts";

/** What a run waits for: a limit, or workers. */
type AnyWait = WaitsFor | WaitsForWorker;

export const RunStatusWord = word(RUN_STATUSES, meanings(RUN_STATUS_TEXT));

const runFields = {
  id: RunIdText,
  job_id: JobIdText,
  status: RunStatusWord,
  reason: ReasonOrNull,
  error: nullable(t.String(), "What went wrong, as a sentence"),
  trigger: word(TRIGGERS, `How the run was started. ${meanings(TRIGGER_TEXT)}`),
  scheduled_for: instantOrNull("The occurrence that it runs for; null for a manual run"),
  params: t.Record(t.String(), t.String(), { description: "Values of the params, including defaults" }),
  retry_of: nullable(RunIdText, "The run that this one retries"),
  parent: nullable(
    exactly({
      run_id: RunIdText,
      task_id: TaskIdText,
      item: nullable(integer({ minimum: 0 }), "Position of the item, from 0; null if the task has no items"),
    }),
    "The task of another run that started it, which may have been deleted since; null if none did",
  ),
  triggered_by: ActorOrNull,
  cancelled_by: ActorOrNull,
  created_at: instant("When it was created"),
  started_at: instantOrNull("When it started"),
  ended_at: instantOrNull("When it ended"),
  duration_ms: durationOrNull,
  late_at: instantOrNull("When it became late, unfinished for longer than `warn_after` of its job; null if it did not"),
  warnings: integer({ minimum: 0, description: "Number of tasks that failed in a way that the job allows" }),
  outputs: t.Record(t.String(), t.String(), {
    description: "Values that the job declares as `outputs`; empty until it has completed",
  }),
  waits_for: WaitsForOrNull,
};

const FailureOrNull = nullable(RunFailureBody, "Why it failed or was interrupted; null if neither");

const EXAMPLE = {
  id: "019b76da-a800-7c3e-8f2b-5d1c9a7e4f60",
  job_id: "hello_world",
  status: "completed",
  reason: null,
  error: null,
  trigger: "manual",
  scheduled_for: null,
  params: {},
  retry_of: null,
  parent: null,
  triggered_by: "ada",
  cancelled_by: null,
  created_at: 1767225600000,
  started_at: 1767225600001,
  ended_at: 1767225600042,
  duration_ms: 41,
  late_at: null,
  warnings: 0,
  outputs: { rows: "42" },
  waits_for: null,
};

export const RunBody = exactly(
  { ...runFields, failure: t.Optional(FailureOrNull) },
  {
    title: "Run",
    description: "One execution of a job",
    examples: [EXAMPLE],
  },
);

export const RunDetail = exactly(
  {
    ...runFields,
    failure: FailureOrNull,
    ending: nullable(
      word(ENDING_REASONS),
      `Why petit ends or ended the run before its tasks did. ${meanings(ENDING_TEXT)}`,
    ),
    can_cancel: t.Boolean({ description: "True if the run can be cancelled" }),
    can_retry: t.Boolean({
      description: "True if a retry would rerun something; limits and gates may still refuse it",
    }),
    retried_by: t.Array(RunIdText, { description: "The runs that retry it, oldest first" }),
    links: LinksBody,
  },
  {
    title: "RunDetail",
    description: "One execution of a job, with the actions that are possible",
    examples: [
      {
        ...EXAMPLE,
        failure: null,
        ending: null,
        can_cancel: false,
        can_retry: false,
        retried_by: [],
        links: { runbook: "https://example.com/runbook" },
      },
    ],
  },
);

export const RunList = exactly(
  {
    runs: t.Array(RunBody, { description: "Runs, newest first" }),
    count: Count,
    next: nullable(RunIdText, "The `before` that lists older runs; null if there are none"),
  },
  { title: "RunList" },
);

/** Encodes a run. `waitsFor` is what an unfinished run waits for. */
export const runBody = (run: Run, waitsFor: AnyWait | null = null): typeof RunBody.static => ({
  id: run.id,
  job_id: run.jobId,
  status: run.status,
  reason: run.reason,
  error: run.error,
  trigger: run.trigger,
  scheduled_for: run.scheduledFor,
  params: run.params,
  retry_of: run.retryOf,
  parent: run.parent === null ? null : { run_id: run.parent.runId, task_id: run.parent.taskId, item: run.parent.item },
  triggered_by: run.triggeredBy,
  cancelled_by: run.cancelledBy,
  created_at: run.createdAt,
  started_at: run.startedAt,
  ended_at: run.endedAt,
  duration_ms: durationMs(run.startedAt, run.endedAt),
  late_at: run.lateAt,
  warnings: run.warnings,
  outputs: run.outputs,
  waits_for: waitsForBody(waitsFor),
});

/** Returns why a run failed or was interrupted, or null. */
type DescribeFailure = (run: Run) => RunFailure | null;

type RunOptions = {
  readonly failure: RunFailure | null;
  readonly canRetry: boolean;
  readonly retriedBy: readonly RunId[];
  /** The links of the job as it is now, or as it was if it is removed. */
  readonly links: Links;
  readonly waitsFor: AnyWait | null;
};

export const runDetail = (
  run: Run,
  { failure, canRetry, retriedBy, links, waitsFor }: RunOptions,
): typeof RunDetail.static => ({
  ...runBody(run, waitsFor),
  failure: failure === null ? null : runFailureBody(failure),
  ending: run.ending,
  can_cancel: !isFinal(run.status),
  can_retry: canRetry,
  retried_by: [...retriedBy],
  links: { ...links },
});

type RunListOptions = {
  /** If given, each run says why it failed. */
  readonly describe: DescribeFailure | null;
  readonly waitsFor: (run: Run) => AnyWait | null;
};

/** Encodes a page of runs. */
export const runList = (page: RunPage, { describe, waitsFor }: RunListOptions): typeof RunList.static => ({
  runs: page.runs.map((run) => {
    const body = runBody(run, isFinal(run.status) ? null : waitsFor(run));
    if (describe === null) return body;
    const failure = describe(run);
    return { ...body, failure: failure === null ? null : runFailureBody(failure) };
  }),
  count: page.runs.length,
  next: page.next,
});

/** Returns the time between two instants in ms, at least 0, or null if one is null. */
export const durationMs = (startedAt: number | null, endedAt: number | null): number | null =>
  startedAt === null || endedAt === null ? null : Math.max(0, endedAt - startedAt);
