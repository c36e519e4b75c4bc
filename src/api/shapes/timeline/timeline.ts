import { t } from "elysia";
import {
  DELIVERY_SKIPS,
  UNFIRED_OUTCOMES,
  UNFIRED_WAITS,
  type UnfiredDeliveries,
} from "../../../domain/deliveries/delivery.ts";
import { TRIGGERS } from "../../../domain/run.ts";
import { MISS_REASONS, SKIP_REASONS } from "../../../domain/schedule/occurrence.ts";
import { UNFIRED_DELIVERY_TEXT } from "../../../domain/words/deliveries/delivery.ts";
import type { UnfiredSpan } from "../../../store/occurrences.ts";
import type { MergedBar } from "../../timeline/merge.ts";
import type { TimelineRow } from "../../timeline/timeline.ts";
import { RunStatusWord } from "../run.ts";
import { Count, exactly, instant, instantOrNull, integer, JobIdText, meanings, RunIdText, word } from "../schemas.ts";

const BarBody = exactly(
  {
    run_id: RunIdText,
    status: RunStatusWord,
    trigger: word(TRIGGERS, "How the run was started"),
    started_at: instant("When the first of its runs started; for a pending run, when it was created"),
    ended_at: instantOrNull("When the last of its runs ended; null if it is running or pending"),
    count: integer({ minimum: 1, description: "Number of runs" }),
    failures: integer({ minimum: 0, description: "Number of runs that failed" }),
    successes: integer({ minimum: 0, description: "Number of runs that completed" }),
  },
  {
    title: "TimelineBar",
    description:
      "One run, or several that are merged. `run_id`, `status` and `trigger` describe the worst of them: `failed`, then `interrupted`, then `cancelled`",
    examples: [
      {
        run_id: "019b76da-a800-7c3e-8f2b-5d1c9a7e4f60",
        status: "completed",
        trigger: "schedule",
        started_at: 1767225600001,
        ended_at: 1767225600042,
        count: 1,
        failures: 0,
        successes: 1,
      },
    ],
  },
);

const MarkBody = exactly(
  {
    outcome: word(["skipped", "missed"], "Outcome of the occurrences"),
    reason: word([...SKIP_REASONS, ...MISS_REASONS], "Reason of the outcome"),
    at: instant("When the first occurrence was due"),
    until: instant("When the last occurrence was due"),
    count: integer({ minimum: 1, description: "Number of occurrences" }),
  },
  {
    title: "TimelineMark",
    description: "An occurrence without a run, or several with the same reason that are merged",
    examples: [{ outcome: "skipped", reason: "paused", at: 1767225600000, until: 1767225600000, count: 1 }],
  },
);

const DeliveryMarkBody = exactly(
  {
    outcome: word(UNFIRED_OUTCOMES, meanings(UNFIRED_DELIVERY_TEXT)),
    reason: word([...DELIVERY_SKIPS, ...UNFIRED_WAITS], "Reason of the outcome"),
    at: instant("When the first delivery was received"),
    until: instant("When the last delivery was received"),
    count: integer({ minimum: 1, description: "Number of deliveries" }),
  },
  {
    title: "TimelineDeliveryMark",
    description: "A delivery without a run, or several with the same outcome and reason that are merged",
  },
);

const RowBody = exactly(
  {
    job_id: JobIdText,
    name: t.String({ description: "Name of the job; its id if it has none" }),
    enabled: t.Boolean({ description: "False if the schedule is disabled" }),
    scheduled: t.Boolean({ description: "True if it has a schedule" }),
    removed: t.Boolean({ description: "True if the job was removed" }),
    bars: t.Array(BarBody, { description: "Bars by start" }),
    marks: t.Array(MarkBody, { description: "Marks by time" }),
    deliveries: t.Optional(
      t.Array(DeliveryMarkBody, { description: "Deliveries without a run by time; missing if there are none" }),
    ),
    due: t.Array(instant("When it is due"), { description: "Coming occurrences, at most one per bin" }),
    more_due: t.Boolean({ description: "True if the window has more coming occurrences than `due`" }),
  },
  { title: "TimelineJob", description: "Runs and occurrences of a job in the window" },
);

export const TimelineBody = exactly(
  {
    from: instant("Start of the window"),
    to: instant("End of the window"),
    now: instant("Time of the request"),
    bin_ms: integer({ minimum: 1, description: "Length of a bin in ms; what falls into the same bins may be merged" }),
    jobs: t.Array(RowBody, { description: "Jobs by id" }),
    count: Count,
  },
  { title: "Timeline", description: "Runs and occurrences in a window of time, by job" },
);

type TimelineHead = { readonly from: number; readonly to: number; readonly now: number; readonly bins: number };

export const timelineBody = (head: TimelineHead, rows: readonly TimelineRow[]): typeof TimelineBody.static => ({
  from: head.from,
  to: head.to,
  now: head.now,
  bin_ms: Math.max(1, Math.ceil((head.to - head.from) / head.bins)),
  jobs: rows.map(rowBody),
  count: rows.length,
});

const rowBody = ({ jobId, job, bars, marks, deliveries, due, hasMoreDue }: TimelineRow): typeof RowBody.static => ({
  job_id: jobId,
  name: job?.name ?? jobId,
  enabled: job?.enabled ?? false,
  scheduled: job !== null && job.schedule !== null,
  removed: job === null,
  bars: bars.map(barBody),
  marks: marks.map(markBody),
  ...(deliveries.length > 0 && { deliveries: deliveries.map(deliveryMarkBody) }),
  due: [...due],
  more_due: hasMoreDue,
});

const barBody = ({ worst, startedAt, endedAt, count, failures, successes }: MergedBar): typeof BarBody.static => ({
  run_id: worst.id,
  status: worst.status,
  trigger: worst.trigger,
  started_at: startedAt,
  ended_at: endedAt,
  count,
  failures,
  successes,
});

const markBody = ({ outcome, reason, firstAt, lastAt, count }: UnfiredSpan): typeof MarkBody.static => ({
  outcome,
  reason,
  at: firstAt,
  until: lastAt,
  count,
});

const deliveryMarkBody = ({
  outcome,
  reason,
  firstAt,
  lastAt,
  count,
}: UnfiredDeliveries): typeof DeliveryMarkBody.static => ({ outcome, reason, at: firstAt, until: lastAt, count });
