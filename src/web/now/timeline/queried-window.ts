// What of the timeline is queried. petit sends this to the browser, too, which then queries the first timeline before it has the
// page: see src/app/page.ts.

/** Share of the past in a view that follows the current time. */
export const PAST_SHARE = 0.78;

/** Length of the first view, in ms. */
export const FIRST_SPAN_MS = 86_400_000;

/** A time window to query, in ms since the Unix epoch. The end is exclusive. */
export type QueriedWindow = { readonly from: number; readonly to: number };

/** Returns the time window to query: larger than the view and rounded, so that it stays the same for a while. */
export const windowToQuery = (from: number, spanMs: number): QueriedWindow => {
  const step = spanMs / 4;
  const first = Math.max(0, (Math.floor(from / step) - 1) * step);
  return { from: first, to: first + spanMs + 3 * step };
};

/** Returns the window of the first view at `now`. */
export const firstWindow = (now: number): QueriedWindow =>
  windowToQuery(now - FIRST_SPAN_MS * PAST_SHARE, FIRST_SPAN_MS);

/** Numbers of bins of a window. Few, so that resizing sends few queries. */
const BINS = [200, 400, 600, 700, 900, 1_200, 2_000] as const;

/** Px of a page's width per bin: a bin is about as wide as the thinnest bar. */
const BIN_PX = 15 / 7;

/** The widest page in px for each number of bins. The last one is for all wider pages. */
export const WIDTHS = BINS.map((bins) => ({ bins, maxWidth: Math.floor(bins * BIN_PX) }));

/** Returns the number of bins for the width of a page in px. */
export const binsOf = (width: number): number =>
  (WIDTHS.find(({ maxWidth }) => width <= maxWidth) ?? { bins: 2_000 }).bins;
