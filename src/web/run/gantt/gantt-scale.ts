/** From ms since the epoch to a share of the width, 0 to 1. */
export type GanttScale = { readonly from: number; readonly to: number };

/** A run that took nothing, or just begins, still has a width. */
const MIN_SPAN_MS = 10;

export const scaleOf = (from: number, to: number): GanttScale => ({ from, to: Math.max(to, from + MIN_SPAN_MS) });

export const shareOf = ({ from, to }: GanttScale, at: number): number =>
  Math.min(1, Math.max(0, (at - from) / (to - from)));

export type Tick = {
  /** 0 to 1. */
  readonly at: number;
  /** After the start. */
  readonly afterMs: number;
};

const STEPS_MS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000,
  900_000, 1_800_000, 3_600_000, 7_200_000, 21_600_000, 43_200_000, 86_400_000,
];

/** At round times after the start, at most so many and the start itself. */
export const ticksOf = ({ from, to }: GanttScale, maxTicks: number): readonly Tick[] => {
  const span = to - from;
  const step = STEPS_MS.find((each) => span / each <= maxTicks) ?? Math.ceil(span / maxTicks / 86_400_000) * 86_400_000;
  return Array.from({ length: Math.floor(span / step) + 1 }, (_, index) => ({
    at: (index * step) / span,
    afterMs: index * step,
  }));
};
