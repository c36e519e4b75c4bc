/** A longer delay is not believed. */
const MAX_MS = 86_400_000;

/**
 * Returns the delay that a `Retry-After` header asks for, in ms, or null: seconds, or a date (RFC 9110, section 10.2.3). A date is
 * compared with the server's own `Date` if there is one, because its clock may differ.
 */
export const retryAfterMs = (headers: Pick<Headers, "get">, now: number): number | null => {
  const text = headers.get("retry-after")?.trim() ?? "";
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1_000, MAX_MS);
  const at = dateOf(text);
  if (at === null) return null;
  return Math.min(Math.max(0, at - (dateOf(headers.get("date") ?? "") ?? now)), MAX_MS);
};

/** Parses a date such as `Fri, 27 Nov 2026 10:00:00 GMT`. */
const dateOf = (text: string): number | null => {
  const time = /^[A-Za-z]{3,9}, .*GMT$/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) ? null : time;
};
