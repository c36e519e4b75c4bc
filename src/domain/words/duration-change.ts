import { BEFORE_DAYS, RECENT_DAYS } from "../durations/change.ts";

/** A change as the API sends it. */
export type DurationChangeData = {
  readonly recent_ms: number;
  readonly before_ms: number;
  readonly recent_runs: number;
  readonly before_runs: number;
};

/** Returns a change as a factor or a share: `+32 %`, `-8 %`, `3.4×`. */
export const changeText = ({ recent_ms, before_ms }: Pick<DurationChangeData, "recent_ms" | "before_ms">): string => {
  const factor = Math.max(1, recent_ms) / Math.max(1, before_ms);
  if (factor >= 100) return `${Math.round(factor)}×`;
  if (factor >= 2.5) return `${factor.toFixed(1)}×`;
  const percent = Math.round((factor - 1) * 100);
  return `${percent < 0 ? "−" : "+"}${Math.abs(percent)} %`;
};

/** Returns what a change of the last days compares. */
export const changeSentence = (change: DurationChangeData, durationText: (ms: number) => string): string =>
  `Median ${durationText(change.recent_ms)} in the last ${RECENT_DAYS} days (${runsText(change.recent_runs)}), ` +
  `${durationText(change.before_ms)} in the ${BEFORE_DAYS} days before (${runsText(change.before_runs)})`;

const runsText = (count: number): string => `${count} ${count === 1 ? "run" : "runs"}`;
