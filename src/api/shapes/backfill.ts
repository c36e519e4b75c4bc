import { t } from "elysia";
import {
  BACKFILL_REASONS,
  BACKFILL_STATUSES,
  type Backfill,
  EXISTING_RULES,
  MAX_BACKFILL_OCCURRENCES,
  PARALLEL,
} from "../../domain/backfill/backfill.ts";
import { BACKFILL_REASON_TEXT, BACKFILL_STATUS_TEXT, EXISTING_TEXT } from "../../domain/words/schedule/backfill.ts";
import type { BackfillPlan } from "../../engine/backfill/request.ts";
import {
  ActorOrNull,
  Count,
  exactly,
  instant,
  instantOrNull,
  integer,
  JobIdText,
  meanings,
  nullable,
  wholeNumber,
  word,
} from "./schemas.ts";

export const BackfillIdText = t.String({ description: "Id of a backfill" });

const ExistingWord = word(EXISTING_RULES, `Which occurrences that have a run get another. ${meanings(EXISTING_TEXT)}`);

const PARALLEL_TEXT = "How many of its runs are pending or running at once";

/** The first or the last instant of a range. */
const bound = (description: string) => t.Union([t.String(), integer({ minimum: 0 })], { description });

export const BackfillRequestBody = exactly(
  {
    job_id: JobIdText,
    from: bound(
      "The first day in the zone of the job, such as `2026-11-01`, or the first instant: a time, or ms since the Unix epoch",
    ),
    to: bound("The last day, all of it, or the last instant, which is included"),
    existing: t.Optional(ExistingWord),
    parallel: t.Optional(
      wholeNumber({ minimum: PARALLEL.min, maximum: PARALLEL.max, default: PARALLEL.default }, PARALLEL_TEXT),
    ),
    params: t.Optional(
      t.Record(t.String(), t.Union([t.String(), t.Number(), t.Boolean()]), {
        description: "Values of the job's params, by name; a number or a boolean is used as its JSON text",
      }),
    ),
    newest_first: t.Optional(t.Boolean({ description: "Begin with the newest occurrence" })),
    dry_run: t.Optional(t.Boolean({ description: "Only say what would run" })),
  },
  {
    title: "BackfillRequest",
    examples: [{ job_id: "hello_world", from: "2026-01-01", to: "2026-01-31", existing: "failed", parallel: 2 }],
  },
);

const fields = {
  id: BackfillIdText,
  job_id: JobIdText,
  status: word(BACKFILL_STATUSES, meanings(BACKFILL_STATUS_TEXT)),
  reason: nullable(
    word(BACKFILL_REASONS),
    `Why petit itself has paused or cancelled it; null otherwise. ${meanings(BACKFILL_REASON_TEXT)}`,
  ),
  from: instant("The start of the range, included"),
  to: instant("The end of the range, included"),
  existing: ExistingWord,
  parallel: integer({ minimum: PARALLEL.min, description: PARALLEL_TEXT }),
  params: t.Record(t.String(), t.String(), { description: "The given params, without defaults" }),
  newest_first: t.Boolean({ description: "True if it begins with the newest occurrence" }),
  runs: exactly(
    {
      total: integer({ minimum: 1, description: "How many runs it has in all" }),
      pending: integer({ minimum: 0, description: "Runs that have not started; most of them are not made yet" }),
      running: integer({ minimum: 0 }),
      completed: integer({ minimum: 0 }),
      failed: integer({ minimum: 0, description: "Failed and interrupted runs" }),
      cancelled: integer({ minimum: 0, description: "Cancelled runs, and those that it will not make any more" }),
    },
    { description: "Its runs by status" },
  ),
  created_at: instant("When it was created"),
  created_by: ActorOrNull,
  cancelled_by: ActorOrNull,
  ended_at: instantOrNull("When its last run ended; null if it has not ended"),
};

const EXAMPLE = {
  id: "019b76da-a800-7c3e-8f2b-5d1c9a7e4f60",
  job_id: "hello_world",
  status: "running",
  reason: null,
  from: 1764543600000,
  to: 1767221999999,
  existing: "skip",
  parallel: 2,
  params: {},
  newest_first: false,
  runs: { total: 31, pending: 18, running: 2, completed: 10, failed: 1, cancelled: 0 },
  created_at: 1767225600000,
  created_by: "ada",
  cancelled_by: null,
  ended_at: null,
} as const;

export const BackfillBody = exactly(fields, {
  title: "Backfill",
  description: "Runs for occurrences of the past that a person has asked for",
  "x-headers": ["Location"],
  examples: [EXAMPLE],
});

export const BackfillPlanBody = exactly(
  {
    job_id: JobIdText,
    from: instant("The start of the range, included"),
    to: instant("The end of the range, included; not later than now"),
    timezone: t.String({ description: "The zone of the job" }),
    occurrences: t.Array(
      exactly({
        scheduled_for: instant("The occurrence that would get a run"),
        interval_start: instantOrNull("The occurrence before it; null if there is none"),
      }),
      { description: "In the order of their runs", maxItems: MAX_BACKFILL_OCCURRENCES },
    ),
    count: Count,
  },
  { title: "BackfillPlan", description: "What a backfill would do, with `dry_run`" },
);

export const BackfillList = exactly(
  { backfills: t.Array(BackfillBody, { description: "Backfills, newest first" }), count: Count },
  { title: "BackfillList", description: "Backfills" },
);

export const backfillBody = (backfill: Backfill): typeof BackfillBody.static => ({
  id: backfill.id,
  job_id: backfill.jobId,
  status: backfill.status,
  reason: backfill.reason,
  from: backfill.from,
  to: backfill.to,
  existing: backfill.existing,
  parallel: backfill.parallel,
  params: backfill.params,
  newest_first: backfill.newestFirst,
  runs: backfill.runs,
  created_at: backfill.createdAt,
  created_by: backfill.createdBy,
  cancelled_by: backfill.cancelledBy,
  ended_at: backfill.endedAt,
});

export const backfillPlanBody = (plan: BackfillPlan): typeof BackfillPlanBody.static => ({
  job_id: plan.jobId,
  from: plan.from,
  to: plan.to,
  timezone: plan.timezone,
  occurrences: plan.occurrences.map(({ scheduledFor, intervalStart }) => ({
    scheduled_for: scheduledFor,
    interval_start: intervalStart,
  })),
  count: plan.occurrences.length,
});
