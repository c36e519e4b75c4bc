/** Maps ms since the Unix epoch to a share of the width, 0 to 1. */
export type GanttScale = { readonly from: number; readonly to: number };

/** Minimum width, for a run that has just started or took no time. */
const MIN_SPAN_MS = 10;

export const scaleOf = (from: number, to: number): GanttScale => ({ from, to: Math.max(to, from + MIN_SPAN_MS) });

export const shareOf = ({ from, to }: GanttScale, at: number): number =>
  Math.min(1, Math.max(0, (at - from) / (to - from)));

type Tick = {
  /** Position, 0 to 1. */
  readonly at: number;
  /** Time since the start, in ms. */
  readonly afterMs: number;
};

const STEPS_MS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000,
  900_000, 1_800_000, 3_600_000, 7_200_000, 21_600_000, 43_200_000, 86_400_000,
];

/**
 * Returns ticks at round times after the start: the start itself and at most `maxTicks` more. There is one more at least, unless there is
 * room for only one, or the span is shorter than all steps.
 */
export const ticksOf = ({ from, to }: GanttScale, maxTicks: number): readonly Tick[] => {
  const span = to - from;
  const step = STEPS_MS.find((each) => span / each <= maxTicks) ?? Math.ceil(span / maxTicks / 86_400_000) * 86_400_000;
  const longest = step > span && maxTicks > 1 ? STEPS_MS.findLast((each) => each <= span) : undefined;
  const times = longest === undefined ? timesUpTo(span, step) : [0, longest];
  return times.map((afterMs) => ({ at: afterMs / span, afterMs }));
};

const timesUpTo = (span: number, step: number): readonly number[] =>
  Array.from({ length: Math.floor(span / step) + 1 }, (_, index) => index * step);
