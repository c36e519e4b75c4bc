import { RUN_STATUSES, type RunStatus } from "../../../domain/run.ts";
import { assertNever } from "../../../lib/never.ts";
import type { TimelineBar, TimelineMark } from "../../data/timeline.ts";

/** Maps times to px; `originMs` is at 0 px. */
export type TimelineScale = { readonly originMs: number; readonly pxPerMs: number };

export const xOf = ({ originMs, pxPerMs }: TimelineScale, at: number): number => (at - originMs) * pxPerMs;

/** Height of a row in px; larger screens scale it up. */
export const ROW_PX = 28;

/** Minimum width of a bar. */
export const MIN_BAR_PX = 3;

/** Top and bottom of a bar. They tell statuses apart without colour, also when a bar is too thin for a texture. */
const BAR_EXTENTS = {
  completed: [9, 19],
  running: [9, 19],
  pending: [12, 16],
  failed: [3, 25],
  cancelled: [15, 25],
  interrupted: [3, 13],
} as const satisfies Record<RunStatus, readonly [number, number]>;

/** A bar for several runs is smaller by this at top and bottom, so that it does not look like one long run. */
const GROUP_INSET_PX = 3;

/** Minimum height of the part of a bar that stands for failed runs. */
const MIN_FAILED_PX = 2;

/** Returns one path per status for all bars; bars of running runs end at `now`. */
export const barPaths = (
  bars: readonly TimelineBar[],
  scale: TimelineScale,
  now: number,
): readonly { readonly status: RunStatus; readonly path: string }[] => {
  const byStatus = Map.groupBy(
    bars.flatMap((bar) => partsOf(bar, barSides(bar, scale, now))),
    ({ status }) => status,
  );
  return RUN_STATUSES.flatMap((status) => {
    const path = (byStatus.get(status) ?? []).map((part) => part.path).join("");
    return path === "" ? [] : [{ status, path }];
  });
};

type Sides = { readonly left: number; readonly right: number };

/** Returns the parts of a bar: one, or two if some of its runs failed. The height of the lower one is the share of failures. */
const partsOf = (bar: TimelineBar, sides: Sides): readonly { readonly status: RunStatus; readonly path: string }[] => {
  const inset = bar.count > 1 && sides.right - sides.left > MIN_BAR_PX ? GROUP_INSET_PX : 0;
  const [top, bottom] = [BAR_EXTENTS[bar.status][0] + inset, BAR_EXTENTS[bar.status][1] - inset];
  if (bar.status !== "failed" || bar.failures >= bar.count)
    return [{ status: bar.status, path: box(sides, top, bottom) }];
  const height = ((bottom - top) * bar.failures) / bar.count;
  const edge = bottom - Math.min(bottom - top - 1, Math.max(MIN_FAILED_PX, Math.round(height)));
  return [
    { status: statusOfOthers(bar), path: box(sides, top, edge) },
    { status: "failed", path: box(sides, edge, bottom) },
  ];
};

/** Returns the status that stands for the runs of a bar that did not fail. */
const statusOfOthers = ({ count, failures, successes }: TimelineBar): RunStatus =>
  2 * successes >= count - failures ? "completed" : "cancelled";

const box = ({ left, right }: Sides, top: number, bottom: number): string =>
  `M${px(left)} ${top}H${px(right)}V${bottom}H${px(left)}z`;

/** Returns the left and right edge of a bar in px. */
export const barSides = (bar: TimelineBar, scale: TimelineScale, now: number): Sides => {
  const left = xOf(scale, bar.started_at);
  return { left, right: Math.max(left + MIN_BAR_PX, xOf(scale, bar.ended_at ?? now)) };
};

const px = (value: number): string => value.toFixed(1);

const MIDDLE = ROW_PX / 2;

/** Returns the path of a mark: two arrows for what was skipped, a triangle for a missed occurrence, two lines for an event that waits. */
export const markPath = ({ outcome, at }: TimelineMark, scale: TimelineScale): string => {
  const x = xOf(scale, at);
  switch (outcome) {
    case "skipped":
      return `M${px(x - 5)} ${MIDDLE - 4}l5 4l-5 4zM${px(x)} ${MIDDLE - 4}l5 4l-5 4z`;
    case "missed":
      return `M${px(x)} ${MIDDLE - 5}l5.5 10h-11z`;
    case "waiting":
      return `M${px(x - 2.5)} ${MIDDLE - 4.5}v9M${px(x + 2.5)} ${MIDDLE - 4.5}v9`;
    default:
      return assertNever(outcome);
  }
};

/** Returns the path of an upcoming occurrence: a short vertical line. */
export const duePath = (at: number, scale: TimelineScale): string => {
  const x = xOf(scale, at);
  return `M${px(x)} ${MIDDLE - 6}v12`;
};
