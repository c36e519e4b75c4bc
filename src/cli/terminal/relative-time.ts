import { roughText } from "../../domain/words/duration.ts";

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** Formats a distance from now (ms, negative for the past) in at most two units: `in 5m`, `2h3m ago`, `now`. */
export const relativeText = (distanceMs: number): string => {
  const away = Math.abs(distanceMs);
  const text = roughText(away);
  if (away < SECOND_MS) return "now";
  return distanceMs > 0 ? `in ${text}` : `${text} ago`;
};

/** Formats a distance from now (ms, negative for the past) in one unit, for the cells of a table: `in 5m`, `2h ago`, `now`. */
export const roughlyText = (distanceMs: number): string => {
  const away = Math.abs(distanceMs);
  const unit = away < MINUTE_MS ? SECOND_MS : away < HOUR_MS ? MINUTE_MS : away < DAY_MS ? HOUR_MS : DAY_MS;
  return relativeText(Math.trunc(distanceMs / unit) * unit);
};

/** Formats a time in the future for the cell of a table, without `in` and without needless seconds: `45s`, `5m`, `1h40m`. */
export const distanceText = (distanceMs: number): string => {
  const unit = distanceMs < MINUTE_MS ? 1 : MINUTE_MS;
  return relativeText(Math.floor(distanceMs / unit) * unit).replace(/^in /, "");
};
