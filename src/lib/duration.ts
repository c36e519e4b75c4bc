const UNITS_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

type DurationUnit = keyof typeof UNITS_MS;

/** Description of the format, for messages. */
export const DURATION_FORM = 'a duration such as "250ms", "30s", "5m", "2h", "1d" or "1h30m"';

/**
 * The format as a regular expression: whole numbers with a unit each, the largest unit first, each unit at most once,
 * optionally separated by spaces.
 */
export const DURATION_PATTERN = "^(?=\\d)(?!.* $)(\\d+d *)?(\\d+h *)?(\\d+m(?!s) *)?(\\d+s *)?(\\d+ms)?$";

const REGEXP = new RegExp(DURATION_PATTERN);

/** Parses `1h30m` into milliseconds. Returns null if the text is not a duration or exceeds 2^53 ms. */
export const parseDuration = (text: string): number | null => {
  if (!REGEXP.test(text)) return null;
  let totalMs = 0;
  for (const [, digits, unit] of text.matchAll(/(\d+)(ms|[smhd])/g))
    totalMs += Number(digits) * UNITS_MS[unit as DurationUnit];
  return Number.isSafeInteger(totalMs) ? totalMs : null;
};

/** Formats milliseconds so that `parseDuration` can parse them: `5400000` is `1h30m`, 0 is `0s`. */
export const formatDuration = (durationMs: number): string => {
  const parts: string[] = [];
  let remaining = Math.round(durationMs);
  for (const unit of ["d", "h", "m", "s", "ms"] as const) {
    const count = Math.floor(remaining / UNITS_MS[unit]);
    if (count > 0) parts.push(`${count}${unit}`);
    remaining -= count * UNITS_MS[unit];
  }
  return parts.join("") || "0s";
};
