import { formatDuration } from "../../lib/duration.ts";

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/**
 * Rounds a duration in ms down to what all displays show of one of its length: below a second whole ms, below a minute tenths of a second,
 * below an hour seconds, below a day minutes, else hours. So 59.96 s is no minute.
 */
export const shownMs = (durationMs: number): number => {
  const ms = Math.max(0, Math.round(durationMs));
  const unit = ms < SECOND_MS ? 1 : ms < MINUTE_MS ? 100 : ms < HOUR_MS ? SECOND_MS : ms < DAY_MS ? MINUTE_MS : HOUR_MS;
  return ms - (ms % unit);
};

/** The same, but below a minute whole seconds, for durations that change. */
export const shownRoughMs = (durationMs: number): number => {
  const ms = Math.max(0, durationMs);
  return ms < MINUTE_MS ? ms - (ms % SECOND_MS) : shownMs(ms);
};

/** Formats ms as `43ms`, `1.2s`, `4m5s`, `2h3m` or `3d4h`. */
export const durationText = (durationMs: number): string => {
  const ms = shownMs(durationMs);
  if (ms < SECOND_MS) return `${ms}ms`;
  return ms < MINUTE_MS ? `${(ms / SECOND_MS).toFixed(1)}s` : formatDuration(ms);
};

/** Formats ms without fractions, for durations that change: `0s`, `59s`, `4m5s`. */
export const roughText = (durationMs: number): string => formatDuration(shownRoughMs(durationMs));

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
