import { t } from "elysia";
import {
  DELIVERY_SKIPS,
  UNFIRED_OUTCOMES,
  UNFIRED_WAITS,
  type UnfiredDeliveries,
} from "../../../domain/deliveries/delivery.ts";
import type { RunId } from "../../../domain/ids.ts";
import type { WaitingCode } from "../../../domain/limits/waiting-for.ts";
import { RUN_STATUSES, type RunStatus } from "../../../domain/run.ts";
import { MISS_REASONS, SKIP_REASONS } from "../../../domain/schedule/occurrence.ts";
import type { UnfiredSpan } from "../../../store/occurrences.ts";
import type { MergedBar } from "../../timeline/merge.ts";
import type { Timeline, TimelineRow } from "../../timeline/timeline.ts";
import { WaitingForOrNull } from "../limits/waits-for.ts";
import { RunStatusWord } from "../run.ts";
import { exactly, instant, integer, JobIdText, RunIdText, word } from "../schemas.ts";

const OpenBar = exactly(
  {
    run_id: RunIdText,
    status: RunStatusWord,
    started_at: instant("When it started; for a pending run, when it was created"),
    waiting_for: WaitingForOrNull,
  },
  { title: "CompactOpenBar", description: "A run that has not ended" },
);

const Bars = exactly(
  {
    starts: t.Array(integer(), {
      description:
        "When each starts, in ms after the one before; the first one after `from`, and before it if negative",
    }),
    lengths: t.Array(integer({ minimum: 0 }), { description: "Length of each in ms" }),
    statuses: t.String({
      description: "A letter for each status: the position in `statuses` of the answer, in base 36",
    }),
    ids: t.String({
      description: "The last eight characters of the id of each run, the worst of a bar, without separators",
    }),
    merged: t.Array(integer({ minimum: 0 }), {
      description:
        "Four numbers for each bar that stands for several runs: its position, the number of its runs, and how many of them failed and completed",
    }),
  },
  { title: "CompactBars", description: "Bars of runs that have ended, by start" },
);

const Marks = exactly(
  {
    outcome: word(["skipped", "missed"], "Outcome of the occurrences"),
    reason: word([...SKIP_REASONS, ...MISS_REASONS], "Reason of the outcome"),
    spans: t.Array(integer(), {
      description:
        "Three numbers for each mark: ms after the first occurrence of the mark before, or after `from`; ms until the last occurrence; number of occurrences",
    }),
  },
  { title: "CompactMarks", description: "Occurrences without a run, with the same reason" },
);

const DeliveryMarks = exactly(
  {
    outcome: word(UNFIRED_OUTCOMES, "Outcome of the deliveries"),
    reason: word([...DELIVERY_SKIPS, ...UNFIRED_WAITS], "Reason of the outcome"),
    spans: t.Array(integer(), { description: "As for occurrences, by when deliveries were received" }),
  },
  { title: "CompactDeliveryMarks", description: "Deliveries without a run, with the same outcome and reason" },
);

const Row = exactly(
  {
    job_id: JobIdText,
    name: t.Optional(t.String({ description: "Name of the job; missing if it is its id" })),
    enabled: t.Boolean({ description: "False if the schedule is disabled" }),
    scheduled: t.Boolean({ description: "True if it has a schedule" }),
    removed: t.Boolean({ description: "True if the job was removed" }),
    open: t.Array(OpenBar, { description: "Runs that have not ended" }),
    bars: Bars,
    marks: t.Array(Marks, { description: "Occurrences without a run, by reason" }),
    deliveries: t.Optional(
      t.Array(DeliveryMarks, { description: "Deliveries without a run, by reason; missing if there are none" }),
    ),
    due: t.Array(integer({ minimum: 0 }), {
      description:
        "Coming occurrences that will start runs: pairs of an interval in ms, and how often it follows in a row; the first interval begins at `from`",
    }),
    more_due: t.Boolean({ description: "True if the window has more coming occurrences" }),
  },
  { title: "CompactTimelineJob", description: "Runs and occurrences of a job in the window" },
);

export const CompactTimelineBody = exactly(
  {
    from: instant("Start of the window"),
    to: instant("End of the window"),
    now: instant("Time of the request"),
    bin_ms: integer({ minimum: 1, description: "Length of a bin in ms; what falls into the same bins may be merged" }),
    statuses: t.Array(RunStatusWord, { description: "What the letters of `statuses` of a job mean" }),
    jobs: t.Array(Row, { description: "Jobs by id; with `limit`, the first ones by name" }),
    count: integer({ minimum: 0, description: "Number of jobs, with those that `limit` leaves out" }),
  },
  { title: "CompactTimeline", description: "Runs and occurrences in a window of time, by job, in few bytes" },
);

type WaitingFor = (runId: RunId) => WaitingCode | null;

type Head = { readonly from: number; readonly to: number; readonly now: number; readonly bins: number };

/** Encodes a timeline. `waitingFor` returns what a run that has not ended only waits for. */
export const compactTimelineBody = (
  head: Head,
  { rows, count }: Timeline,
  waitingFor: WaitingFor,
): typeof CompactTimelineBody.static => ({
  from: head.from,
  to: head.to,
  now: head.now,
  bin_ms: Math.max(1, Math.ceil((head.to - head.from) / head.bins)),
  statuses: [...RUN_STATUSES],
  jobs: rows.map((row) => rowBody(row, head.from, waitingFor)),
  count,
});

const rowBody = (
  { jobId, job, bars, marks, deliveries, due, hasMoreDue }: TimelineRow,
  from: number,
  waitingFor: WaitingFor,
): (typeof CompactTimelineBody.static)["jobs"][number] => ({
  job_id: jobId,
  ...(job !== null && job.name !== jobId && { name: job.name }),
  enabled: job?.enabled ?? false,
  scheduled: job !== null && job.schedule !== null,
  removed: job === null,
  open: bars
    .filter(({ endedAt }) => endedAt === null)
    .map(({ worst, startedAt }) => ({
      run_id: worst.id,
      status: worst.status,
      started_at: startedAt,
      waiting_for: waitingFor(worst.id),
    })),
  bars: endedBars(
    bars.flatMap((bar) => (bar.endedAt === null ? [] : [{ ...bar, endedAt: bar.endedAt }])),
    from,
  ),
  marks: groupsOf(marks).map((group) => marksBody(group, from)),
  ...(deliveries.length > 0 && { deliveries: groupsOf(deliveries).map((group) => marksBody(group, from)) }),
  due: runLengths(due, from),
  more_due: hasMoreDue,
});

const endedBars = (bars: readonly (MergedBar & { readonly endedAt: number })[], from: number): typeof Bars.static => ({
  starts: differences(
    bars.map(({ startedAt }) => startedAt),
    from,
  ),
  lengths: bars.map(({ startedAt, endedAt }) => Math.max(0, endedAt - startedAt)),
  statuses: bars.map(({ worst }) => letterOf(worst.status)).join(""),
  ids: bars.map(({ worst }) => worst.id.slice(-8)).join(""),
  merged: bars.flatMap(({ count, failures, successes }, index) =>
    count === 1 ? [] : [index, count, failures, successes],
  ),
});

const letterOf = (status: RunStatus): string => RUN_STATUSES.indexOf(status).toString(36);

type Span = UnfiredSpan | UnfiredDeliveries;

/** Groups spans with the same outcome and reason. */
const groupsOf = <Each extends Span>(spans: readonly Each[]): readonly [Each, ...Each[]][] =>
  [...Map.groupBy(spans, ({ outcome, reason }) => `${outcome} ${reason}`).values()].flatMap(([first, ...others]) =>
    first === undefined ? [] : [[first, ...others]],
  );

const marksBody = <Each extends Span>(
  marks: readonly [Each, ...Each[]],
  from: number,
): Pick<Each, "outcome" | "reason"> & { spans: number[] } => {
  const starts = differences(
    marks.map(({ firstAt }) => firstAt),
    from,
  );
  const [{ outcome, reason }] = marks;
  return {
    outcome,
    reason,
    spans: marks.flatMap(({ firstAt, lastAt, count }, index) => [starts[index] ?? 0, lastAt - firstAt, count]),
  };
};

/** Returns how far each number is from the one before; the first one from `from`. */
const differences = (numbers: readonly number[], from: number): number[] =>
  numbers.map((number, index) => number - (numbers[index - 1] ?? from));

/** Returns the differences as pairs of a difference and how often it follows in a row. */
const runLengths = (numbers: readonly number[], from: number): number[] => {
  const pairs: number[] = [];
  for (const difference of differences(numbers, from)) {
    if (pairs.at(-2) === difference) pairs[pairs.length - 1] = (pairs.at(-1) ?? 0) + 1;
    else pairs.push(difference, 1);
  }
  return pairs;
};
