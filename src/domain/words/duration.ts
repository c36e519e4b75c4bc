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
