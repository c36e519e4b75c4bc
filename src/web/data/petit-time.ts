/** The header has whole seconds, and a response takes a moment. Smaller differences of the clocks do not count. */
const TOLERANCE_MS = 3_000;

/** By how much petit's clock is ahead of the browser's, in ms. */
let aheadMs = 0;

/** Learns petit's time from the headers of a response. Both clocks can be set at any time. */
export const notePetitTime = (headers: Headers): void => {
  const measuredMs = Date.parse(headers.get("date") ?? "") - Date.now();
  if (Math.abs(measuredMs - aheadMs) > TOLERANCE_MS) aheadMs = Math.abs(measuredMs) > TOLERANCE_MS ? measuredMs : 0;
};

/** Returns the time by petit's clock, in ms since the Unix epoch. Times of petit that are compared with it are relative to now. */
export const petitNow = (): number => Date.now() + aheadMs;
