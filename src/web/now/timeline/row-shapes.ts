import { RUN_STATUSES, type RunStatus } from "../../../domain/run.ts";
import type { TimelineJob } from "../../data/shapes.ts";

export type TimelineBar = TimelineJob["bars"][number];
export type TimelineMark = TimelineJob["marks"][number];

/** Where a time stands. `originMs` is at 0 px. */
export type TimelineScale = { readonly originMs: number; readonly pxPerMs: number };

export const xOf = ({ originMs, pxPerMs }: TimelineScale, at: number): number => (at - originMs) * pxPerMs;

/** Of a row, in px; it is drawn larger on larger screens. */
export const ROW_PX = 28;

/** However short a run was. */
export const MIN_BAR_PX = 3;

/** What a bar looks like to those to whom a colour tells nothing, also where it is too thin for a texture: top and bottom. */
const BAR_EXTENTS = {
  completed: [9, 19],
  running: [9, 19],
  pending: [12, 16],
  failed: [3, 25],
  cancelled: [15, 25],
  interrupted: [3, 13],
} as const satisfies Record<RunStatus, readonly [number, number]>;

/** One that stands for several runs is so much slimmer: it must not look like a long one. */
const GROUP_INSET_PX = 3;

/** The outline of all bars of each status; those that go on reach to `now`. */
export const barPaths = (
  bars: readonly TimelineBar[],
  scale: TimelineScale,
  now: number,
): readonly { readonly status: RunStatus; readonly path: string }[] => {
  const byStatus = Map.groupBy(bars, ({ status }) => status);
  return RUN_STATUSES.flatMap((status) => {
    const path = (byStatus.get(status) ?? []).map((bar) => barPath(bar, scale, now)).join("");
    return path === "" ? [] : [{ status, path }];
  });
};

const barPath = (bar: TimelineBar, scale: TimelineScale, now: number): string => {
  const [top, bottom] = BAR_EXTENTS[bar.status];
  const { left, right } = barSides(bar, scale, now);
  const inset = bar.count > 1 && right - left > MIN_BAR_PX ? GROUP_INSET_PX : 0;
  return `M${px(left)} ${top + inset}H${px(right)}V${bottom - inset}H${px(left)}z`;
};

export const barSides = (
  bar: TimelineBar,
  scale: TimelineScale,
  now: number,
): { readonly left: number; readonly right: number } => {
  const left = xOf(scale, bar.started_at);
  return { left, right: Math.max(left + MIN_BAR_PX, xOf(scale, bar.ended_at ?? now)) };
};

const px = (value: number): string => value.toFixed(1);

const MIDDLE = ROW_PX / 2;

/** Where no run came of an occurrence: two arrows where it was skipped, a triangle where it was missed. */
export const markPath = ({ outcome, at }: TimelineMark, scale: TimelineScale): string => {
  const x = xOf(scale, at);
  return outcome === "skipped"
    ? `M${px(x - 5)} ${MIDDLE - 4}l5 4l-5 4zM${px(x)} ${MIDDLE - 4}l5 4l-5 4z`
    : `M${px(x)} ${MIDDLE - 5}l5.5 10h-11z`;
};

/** A coming occurrence: a short line with a foot. */
export const duePath = (at: number, scale: TimelineScale): string => {
  const x = xOf(scale, at);
  return `M${px(x)} ${MIDDLE - 6}v12`;
};
