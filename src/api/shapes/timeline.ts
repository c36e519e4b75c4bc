import { t } from "elysia";
import { TRIGGERS } from "../../domain/run.ts";
import { MISS_REASONS, SKIP_REASONS } from "../../domain/schedule/occurrence.ts";
import type { UnfiredSpan } from "../../store/occurrences.ts";
import type { Bar } from "../timeline/merge.ts";
import type { TimelineRow } from "../timeline/timeline.ts";
import { RunStatusWord } from "./run.ts";
import { Count, exactly, instant, instantOrNull, integer, JobIdText, RunIdText, word } from "./schemas.ts";

const BarBody = exactly(
  {
    run_id: RunIdText,
    status: RunStatusWord,
    trigger: word(TRIGGERS, "Why the run exists"),
    started_at: instant("When the (first) run started; of one that waits, when it was admitted"),
    ended_at: instantOrNull("When the (last) run ended; null while it goes on or waits"),
    count: integer({ minimum: 1, description: "How many runs it stands for" }),
  },
  {
    title: "TimelineBar",
    description:
      "A run; or several that fall together, told by the one that ended worst: `failed` before `interrupted` before `cancelled`",
    examples: [
      {
        run_id: "019b76da-a800-7c3e-8f2b-5d1c9a7e4f60",
        status: "completed",
        trigger: "schedule",
        started_at: 1767225600001,
        ended_at: 1767225600042,
        count: 1,
      },
    ],
  },
);

const MarkBody = exactly(
  {
    outcome: word(["skipped", "missed"], "What became of it"),
    reason: word([...SKIP_REASONS, ...MISS_REASONS], "Why"),
    at: instant("When the (first) occurrence was due"),
    until: instant("When the last one was due"),
    count: integer({ minimum: 1, description: "How many occurrences it stands for" }),
  },
  {
    title: "TimelineMark",
    description: "An occurrence that no run came of; or several of the same reason that fall together",
    examples: [{ outcome: "skipped", reason: "paused", at: 1767225600000, until: 1767225600000, count: 1 }],
  },
);

const RowBody = exactly(
  {
    job_id: JobIdText,
    name: t.String({ description: "Its name; its id where it has none" }),
    enabled: t.Boolean({ description: "Whether its schedule counts" }),
    scheduled: t.Boolean({ description: "Whether it has a schedule" }),
    removed: t.Boolean({ description: "Whether its definition is gone" }),
    bars: t.Array(BarBody, { description: "By start" }),
    marks: t.Array(MarkBody, { description: "By time" }),
    due: t.Array(instant("When it will be due"), { description: "The coming occurrences, at most one a bin" }),
    more_due: t.Boolean({ description: "Whether more come in the window than `due` holds" }),
  },
  { title: "TimelineJob", description: "What a job did, didn't and will do in the window" },
);

export const TimelineBody = exactly(
  {
    from: instant("Begin of the window"),
    to: instant("End of the window"),
    now: instant("When this was read"),
    bin_ms: integer({ minimum: 1, description: "What is closer than this, in ms, may be told together" }),
    jobs: t.Array(RowBody, { description: "By id" }),
    count: Count,
  },
  { title: "Timeline", description: "A window of time, job by job" },
);

type Head = { readonly from: number; readonly to: number; readonly now: number; readonly bins: number };

export const timelineBody = (head: Head, rows: readonly TimelineRow[]): typeof TimelineBody.static => ({
  from: head.from,
  to: head.to,
  now: head.now,
  bin_ms: Math.max(1, Math.ceil((head.to - head.from) / head.bins)),
  jobs: rows.map(rowBody),
  count: rows.length,
});

const rowBody = ({ jobId, job, bars, marks, due, hasMoreDue }: TimelineRow): typeof RowBody.static => ({
  job_id: jobId,
  name: job?.name ?? jobId,
  enabled: job?.enabled ?? false,
  scheduled: job !== null && job.schedule !== null,
  removed: job === null,
  bars: bars.map(barBody),
  marks: marks.map(markBody),
  due: [...due],
  more_due: hasMoreDue,
});

const barBody = ({ worst, startedAt, endedAt, count }: Bar): typeof BarBody.static => ({
  run_id: worst.id,
  status: worst.status,
  trigger: worst.trigger,
  started_at: startedAt,
  ended_at: endedAt,
  count,
});

const markBody = ({ outcome, reason, firstAt, lastAt, count }: UnfiredSpan): typeof MarkBody.static => ({
  outcome,
  reason,
  at: firstAt,
  until: lastAt,
  count,
});
