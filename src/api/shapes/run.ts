import { type TSchema, t } from "elysia";
import type { RunFailure } from "../../domain/attention.ts";
import type { RunId } from "../../domain/ids.ts";
import type { Links } from "../../domain/job.ts";
import type { WaitingCode } from "../../domain/limits/waiting-for.ts";
import type { WaitsFor } from "../../domain/limits/waits-for.ts";
import {
  ENDING_REASONS,
  isFinal,
  type Recovery,
  RUN_FIELDS,
  RUN_STATUSES,
  type Run,
  type RunFields,
  type RunFieldTypes,
  runFields,
  TRIGGERS,
} from "../../domain/run.ts";
import type { TotalUsage } from "../../domain/usage.ts";
import { ENDING_TEXT, RUN_STATUS_TEXT, TRIGGER_TEXT } from "../../domain/words/run.ts";
import type { WaitsForWorker } from "../../domain/workers/worker.ts";
import { maskSecrets } from "../../jobfile/possible-secrets.ts";
import type { RunPage } from "../../store/runs/run-list.ts";
import type { JobVersion } from "../../store/versions/versions.ts";
import { RunFailureBody, runFailureBody } from "./attention/run-failure.ts";
import { LinksBody } from "./definition/definition.ts";
import { DIGEST_EXAMPLE, VersionName, versionName } from "./definition/version.ts";
import { TotalUsageBody, totalUsageBody } from "./limits/usage.ts";
import { WaitingForOrNull, WaitsForOrNull, waitsForBody } from "./limits/waits-for.ts";
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

/** What an unfinished run waits for. */
export type RunWait = {
  /** A limit, or workers; null for other things. */
  readonly waitsFor: WaitsFor | WaitsForWorker | null;
  /** Null while something of it executes. */
  readonly waitingFor: WaitingCode | null;
};

const NO_WAIT: RunWait = { waitsFor: null, waitingFor: null };

export const RunStatusWord = word(RUN_STATUSES, meanings(RUN_STATUS_TEXT));

/** A schema of values of a type. */
type SchemaOf<Value> = TSchema & { readonly static: Value };

const SCHEMAS: { readonly [Type in keyof RunFieldTypes]: (text: string) => SchemaOf<RunFieldTypes[Type]> } = {
  run: () => RunIdText,
  run_or_null: (text) => nullable(RunIdText, text),
  job: () => JobIdText,
  status: () => RunStatusWord,
  reason: () => ReasonOrNull,
  trigger: () => word(TRIGGERS, `How the run was started. ${meanings(TRIGGER_TEXT)}`),
  parent: () =>
    nullable(
      exactly({
        run_id: RunIdText,
        task_id: TaskIdText,
        item: nullable(integer({ minimum: 0 }), "Position of the item, from 0; null if the task has no items"),
      }),
      "The task of another run that started it, which may have been deleted since; null if none did",
    ),
  delivery: () =>
    nullable(
      exactly({ id: t.String({ description: "Its id" }) }),
      "The delivery that started it, or the run that it retries; null without an event",
    ),
  backfill: () =>
    nullable(
      exactly({ id: t.String({ description: "Its id" }) }),
      "The backfill that has made it; null for other runs",
    ),
  text_or_null: (text) => nullable(t.String(), text),
  person_or_null: () => ActorOrNull,
  time: instant,
  time_or_null: instantOrNull,
  duration_or_null: () => durationOrNull,
  count: (text) => integer({ minimum: 0, description: text }),
  values: (text) => t.Record(t.String(), t.String(), { description: text }),
};

type RunFieldSchemas = { readonly [Name in keyof RunFields]: SchemaOf<RunFields[Name]> };

const fields = {
  ...(Object.fromEntries(
    Object.entries(RUN_FIELDS).map(([name, field]) => [name, SCHEMAS[field.type]("text" in field ? field.text : "")]),
  ) as RunFieldSchemas),
  waits_for: WaitsForOrNull,
  waiting_for: WaitingForOrNull,
};

const UsageOrNull = nullable(
  TotalUsageBody,
  "What its attempts used, without those of the runs that it started; null if nothing was measured",
);

const FailureOrNull = nullable(RunFailureBody, "Why it failed or was interrupted; null if neither");

const EXAMPLE: RunFields & { readonly waits_for: null; readonly waiting_for: null } = {
  ...(Object.fromEntries(Object.keys(RUN_FIELDS).map((name) => [name, null])) as Record<keyof RunFields, null>),
  id: "019b76da-a800-7c3e-8f2b-5d1c9a7e4f60",
  job_id: "hello_world",
  status: "completed",
  trigger: "manual",
  params: {},
  triggered_by: "ada",
  created_at: 1767225600000,
  started_at: 1767225600001,
  ended_at: 1767225600042,
  duration_ms: 41,
  warnings: 0,
  outputs: { rows: "42" },
  waits_for: null,
  waiting_for: null,
};

export const RunBody = exactly(
  { ...fields, failure: t.Optional(FailureOrNull), usage: t.Optional(UsageOrNull) },
  {
    title: "Run",
    description: "One execution of a job",
    examples: [EXAMPLE],
  },
);

export const RecoveryBody = exactly({
  run_id: RunIdText,
  at: instant("When it ended"),
  other_params: t.Boolean({ description: "True if its params are not those of the failed run" }),
});

export const recoveryBody = ({ runId, at, hasOtherParams }: Recovery): typeof RecoveryBody.static => ({
  run_id: runId,
  at,
  other_params: hasOtherParams,
});

export const RunDetail = exactly(
  {
    ...fields,
    failure: FailureOrNull,
    usage: UsageOrNull,
    ending: nullable(
      word(ENDING_REASONS),
      `Why petit ends or ended the run before its tasks did. ${meanings(ENDING_TEXT)}`,
    ),
    can_cancel: t.Boolean({ description: "True if the run can be cancelled" }),
    can_retry: t.Boolean({
      description: "True if a retry would rerun something; limits and gates may still refuse it",
    }),
    retried_by: t.Array(RunIdText, { description: "The runs that retry it, oldest first" }),
    recovered_by: nullable(
      RecoveryBody,
      "Of a run that failed or was interrupted, the run with which the job recovered: the first to complete of those that were created later. " +
        "If its params are others, and a retry of this run completed, it is the retry. Null if there is none",
    ),
    links: LinksBody,
    version: VersionName,
  },
  {
    title: "RunDetail",
    description: "One execution of a job, with the actions that are possible",
    examples: [
      {
        ...EXAMPLE,
        failure: null,
        usage: { cpu_user_ms: 30, cpu_system_ms: 8, memory_peak_bytes: 503316480, memory_limit_bytes: 536870912 },
        ending: null,
        can_cancel: false,
        can_retry: false,
        retried_by: [],
        recovered_by: null,
        links: { runbook: "https://example.com/runbook" },
        version: { version: 7, digest: DIGEST_EXAMPLE },
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

/** Encodes a run. `wait` is what an unfinished run waits for. */
export const runBody = (run: Run, { waitsFor, waitingFor }: RunWait = NO_WAIT): typeof RunBody.static =>
  runFields(run, { waits_for: waitsForBody(waitsFor), waiting_for: waitingFor });

/** Returns why a run failed or was interrupted, or null. */
type DescribeFailure = (run: Run) => RunFailure | null;

type RunOptions = {
  readonly failure: RunFailure | null;
  readonly usage: TotalUsage | null;
  readonly canRetry: boolean;
  readonly retriedBy: readonly RunId[];
  readonly recovery: Recovery | null;
  /** The links of the job as it is now, or as it was if it is removed. */
  readonly links: Links;
  /** The version of the job that it runs. */
  readonly version: Pick<JobVersion, "number" | "digest">;
  /** Missing if it has ended. */
  readonly wait?: RunWait;
};

export const runDetail = (
  run: Run,
  { failure, usage, canRetry, retriedBy, recovery, links, version, wait }: RunOptions,
): typeof RunDetail.static => ({
  ...runBody(run, wait),
  failure: failure === null ? null : runFailureBody(failure),
  usage: totalUsageBody(usage),
  ending: run.ending,
  can_cancel: !isFinal(run.status),
  can_retry: canRetry,
  retried_by: [...retriedBy],
  recovered_by: recovery === null ? null : recoveryBody(recovery),
  links: maskSecrets({ ...links }, ".links"),
  version: versionName(version),
});

type RunListOptions = {
  /** If given, each run says why it failed. */
  readonly describe: DescribeFailure | null;
  /** If given, what the attempts of each run used. */
  readonly usage: ReadonlyMap<RunId, TotalUsage> | null;
  readonly waitOf: (run: Run) => RunWait;
};

/** Encodes a page of runs. */
export const runList = (page: RunPage, { describe, usage, waitOf }: RunListOptions): typeof RunList.static => ({
  runs: page.runs.map((run) => {
    const body = isFinal(run.status) ? runBody(run) : runBody(run, waitOf(run));
    if (describe === null && usage === null) return body;
    const failure = describe === null ? null : describe(run);
    return {
      ...body,
      ...(describe !== null && { failure: failure === null ? null : runFailureBody(failure) }),
      ...(usage !== null && { usage: totalUsageBody(usage.get(run.id) ?? null) }),
    };
  }),
  count: page.runs.length,
  next: page.next,
});
