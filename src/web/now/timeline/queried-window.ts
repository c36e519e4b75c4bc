// What of the timeline is queried. petit sends this to the browser, too, which then queries the first timeline before it has the
// page: see src/app/page.ts.

/** Share of the past in a view that follows the current time. */
export const PAST_SHARE = 0.78;

/** Number of rows that are queried first: more than a screen shows. */
export const FIRST_ROWS = 40;

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
const BINS = [100, 200, 300, 350, 450, 600, 1_000] as const;

/** Px of a page's width per bin: a bin is about twice as wide as the thinnest bar, so that a day of 35 jobs takes less than 60 KB. */
const BIN_PX = 30 / 7;

/** The widest page in px for each number of bins. The last one is for all wider pages. */
export const WIDTHS = BINS.map((bins) => ({ bins, maxWidth: Math.floor(bins * BIN_PX) }));

/** Returns the number of bins of a page. `isAtMost` says whether it is at most so many px wide. */
export const binsOf = (isAtMost: (maxWidth: number) => boolean): number =>
  (WIDTHS.find(({ maxWidth }) => isAtMost(maxWidth)) ?? { bins: 1_000 }).bins;
