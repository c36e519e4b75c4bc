import { DELIVERY_REASON_TEXT } from "../../../domain/words/deliveries/delivery.ts";
import { OCCURRENCE_REASON_TEXT } from "../../../domain/words/schedule/occurrence.ts";
import { shownStatusOf, statusWords } from "../../../domain/words/waiting-for.ts";
import type { TimelineBar, TimelineJob, TimelineMark } from "../../data/timeline.ts";
import { counted, durationText, fullTimeText, roughText } from "../../ui/text/format.ts";
import { barSides, type TimelineScale, xOf } from "./row-shapes.ts";

/** A bar, mark or upcoming occurrence of a row that the user can point at. */
export type RowItem = {
  readonly key: string;
  /** Start, in ms since the Unix epoch. */
  readonly at: number;
  /** Horizontal extent, in px. */
  readonly left: number;
  readonly right: number;
  /** True for an occurrence or an event without a run. */
  readonly isMark?: boolean;
  /** Description for the tooltip and screen readers. */
  readonly text: string;
  /** Target of its link; null for an upcoming occurrence. */
  readonly href: string | null;
  /** The run that it stands for, whose id may be shortened; missing if it stands for none, or for several. */
  readonly run?: { readonly jobId: string; readonly id: string };
};

/** Returns the items of a row in chronological order. */
export const rowItems = (row: TimelineJob, scale: TimelineScale, now: number): readonly RowItem[] =>
  [
    ...row.bars.map((bar) => barItem(row, bar, scale, now)),
    ...row.marks.map((mark) => markItem(row, mark, scale)),
    ...row.due.filter((at) => at > now).map((at) => dueItem(at, scale, now)),
  ].sort((a, b) => a.at - b.at);

const barItem = ({ job_id }: TimelineJob, bar: TimelineBar, scale: TimelineScale, now: number): RowItem => ({
  key: `${bar.run_id} ${bar.status}`,
  at: bar.started_at,
  ...barSides(bar, scale, now),
  text: barText(bar, now),
  href: bar.count === 1 ? `/runs/${bar.run_id}` : `/runs?job=${job_id}`,
  ...(bar.count === 1 && { run: { jobId: job_id, id: bar.run_id } }),
});

const barText = (bar: TimelineBar, now: number): string => {
  const { status, started_at, ended_at, count } = bar;
  const took = (ended_at ?? now) - started_at;
  if (ended_at === null) {
    return `${counted(count, "run")} ${statusWords(bar)} for ${roughText(took)}\nsince ${fullTimeText(started_at)}`;
  }
  if (count > 1) {
    return `${resultsText(bar)}\n${fullTimeText(started_at)}\nto ${fullTimeText(ended_at)}`;
  }
  return `${status} in ${durationText(took)}\n${fullTimeText(started_at)}`;
};

const resultsText = ({ status, count, failures, successes }: TimelineBar): string => {
  if (failures > 0 && failures < count) return `${failures} of ${count} runs failed, ${successes} completed`;
  const isSame = failures === count || successes === count;
  return `${counted(count, "run")}, ${isSame ? `all ${status}` : `at worst ${status}`}`;
};

const HALF_MARK_PX = 6;

const markItem = ({ job_id }: TimelineJob, mark: TimelineMark, scale: TimelineScale): RowItem => ({
  key: `${mark.of} ${mark.outcome} ${mark.reason} ${mark.at}`,
  at: mark.at,
  left: xOf(scale, mark.at) - HALF_MARK_PX,
  right: xOf(scale, mark.at) + HALF_MARK_PX,
  isMark: true,
  text: markText(mark),
  href: mark.of === "event" ? `/jobs/${job_id}#events` : `/jobs/${job_id}`,
});

const markText = (mark: TimelineMark): string => {
  const { outcome, at, until, count } = mark;
  const times = count === 1 ? fullTimeText(at) : `${fullTimeText(at)}\nto ${fullTimeText(until)}`;
  const one = mark.of === "event" ? `event ${outcome}` : outcome;
  return `${count === 1 ? one : `${count} ${mark.of}s ${outcome}`}: ${reasonText(mark)}\n${times}`;
};

const reasonText = (mark: TimelineMark): string =>
  mark.of === "event" ? DELIVERY_REASON_TEXT[mark.reason] : OCCURRENCE_REASON_TEXT[mark.reason];

const dueItem = (at: number, scale: TimelineScale, now: number): RowItem => ({
  key: `due ${at}`,
  at,
  left: xOf(scale, at) - 2,
  right: xOf(scale, at) + 2,
  text: `due in ${roughText(at - now)}\n${fullTimeText(at)}`,
  href: null,
});

/** Maximum distance between the pointer and an item. */
const HIT_SLOP_PX = 5;

/** Returns the item at `x` px: a mark, which is drawn on top, else the last item, else the nearest one. */
export const itemAt = (items: readonly RowItem[], x: number): RowItem | null => {
  const within = (px: number) => items.filter(({ left, right }) => x >= left - px && x <= right + px);
  const [exact, near] = [within(0), within(HIT_SLOP_PX)];
  return exact.findLast(({ isMark }) => isMark) ?? exact.at(-1) ?? near.at(-1) ?? null;
};

/** Returns the item after (1) or before (-1) the item with `key`; without a key, the last item that has started. */
export const adjacentItem = (
  items: readonly RowItem[],
  key: string | null,
  step: 1 | -1,
  now: number,
): RowItem | null => {
  const index = items.findIndex((item) => item.key === key);
  if (index !== -1) return items[index + step] ?? items[index] ?? null;
  return items.findLast((item) => item.at <= now) ?? items[0] ?? null;
};

/** Returns the label of a row for screen readers. */
export const rowSummary = ({ bars, marks, due, enabled, scheduled }: TimelineJob, now: number): string => {
  const runs = bars.reduce((sum, { count }) => sum + count, 0);
  const failures = bars.reduce((sum, bar) => sum + bar.failures, 0);
  const next = due.find((at) => at > now);
  const parts = [
    counted(runs, "run"),
    ...(failures > 0 ? [`${failures} failed`] : []),
    ...(["interrupted", "cancelled", "running", "waiting", "pending"] as const)
      .filter((status) => bars.some((bar) => shownStatusOf(bar) === status))
      .map((status) => `some ${status}`),
    ...marks.map((mark) => {
      const { of, outcome, count } = mark;
      return `${of === "event" ? counted(count, of) : count} ${outcome}, ${reasonText(mark)}`;
    }),
    ...(scheduled && !enabled ? ["disabled"] : []),
    ...(next === undefined ? [] : [`next ${fullTimeText(next)}`]),
  ];
  return parts.join("; ");
};
