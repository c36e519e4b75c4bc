import { formatDuration } from "../../lib/duration.ts";

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** `in 5m`, `2h3m ago`, `now`: how far from now, in ms, to two units. */
export const relativeText = (distanceMs: number): string => {
  const away = Math.abs(distanceMs);
  const unit = away < HOUR_MS ? SECOND_MS : away < DAY_MS ? MINUTE_MS : HOUR_MS;
  const text = formatDuration(Math.floor(away / unit) * unit);
  if (away < SECOND_MS) return "now";
  return distanceMs > 0 ? `in ${text}` : `${text} ago`;
};
