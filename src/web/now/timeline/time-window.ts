const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** Zoom levels, from the shortest time span to the longest. */
export const ZOOMS = [
  { name: "15m", label: "15 min", spanMs: 15 * MINUTE_MS },
  { name: "1h", label: "1 h", spanMs: HOUR_MS },
  { name: "6h", label: "6 h", spanMs: 6 * HOUR_MS },
  { name: "24h", label: "24 h", spanMs: DAY_MS },
  { name: "7d", label: "Week", spanMs: 7 * DAY_MS },
] as const;
export type Zoom = (typeof ZOOMS)[number];

/** The zoom level of a view without runs. */
export const DEFAULT_ZOOM = ZOOMS[2];

/** The visible part of the timeline. `from` is in ms since the Unix epoch; null follows the current time. */
export type TimeView = { readonly zoom: Zoom; readonly from: number | null };

/** The latest start of a view: times around it must still be valid dates. */
const MAX_FROM = 8_640_000_000_000_000 - 14 * DAY_MS;

const clampFrom = (from: number): number => Math.min(MAX_FROM, Math.max(0, from));

/** Reads the view from the URL query; ignores unknown values. Returns null if the query contains neither zoom nor time. */
export const parseView = (query: URLSearchParams): TimeView | null => {
  const given = Number(query.get("from") ?? Number.NaN);
  const from = Number.isSafeInteger(given) && given === clampFrom(given) ? given : null;
  const zoom = ZOOMS.find(({ name }) => name === query.get("zoom"));
  return zoom === undefined && from === null ? null : { zoom: zoom ?? DEFAULT_ZOOM, from };
};

/** Writes the view into the URL query. */
export const writeView = (query: URLSearchParams, { zoom, from }: TimeView): URLSearchParams => {
  const next = new URLSearchParams(query);
  next.set("zoom", zoom.name);
  if (from === null) next.delete("from");
  else next.set("from", String(Math.round(from)));
  return next;
};

/** Share of the past in a view that follows the current time. */
const PAST_SHARE = 0.78;

/** Returns the start of the view in ms since the Unix epoch. */
export const startOf = ({ zoom, from }: TimeView, now: number): number => from ?? now - zoom.spanMs * PAST_SHARE;

/** Returns the shortest zoom level that shows a run at `newestAt`, in ms since the Unix epoch. */
export const zoomWithRun = (newestAt: number, now: number): Zoom =>
  ZOOMS.find((zoom) => newestAt >= startOf({ zoom, from: null }, now)) ?? DEFAULT_ZOOM;

/** Zooms in (-1) or out (1) by one level. `at.time` keeps its position; a view that follows the current time continues to. */
export const zoomed = (view: TimeView, step: -1 | 1, at: { readonly time: number; readonly now: number }): TimeView => {
  const zoom = ZOOMS[ZOOMS.indexOf(view.zoom) + step];
  return zoom === undefined ? view : zoomedTo(view, zoom, at);
};

/** Changes the zoom level. `time` keeps its position. */
export const zoomedTo = (
  view: TimeView,
  zoom: Zoom,
  { time, now }: { readonly time: number; readonly now: number },
): TimeView => {
  if (view.from === null) return { zoom, from: null };
  const share = (time - startOf(view, now)) / view.zoom.spanMs;
  return { zoom, from: clampFrom(time - share * zoom.spanMs) };
};

/** Moves the view by ms. The result no longer follows the current time. */
export const panned = (view: TimeView, byMs: number, now: number): TimeView => ({
  zoom: view.zoom,
  from: clampFrom(startOf(view, now) + byMs),
});

/** Returns the time window to query: larger than the view and rounded, so that it stays the same for a while. */
export const windowToQuery = (from: number, spanMs: number): { readonly from: number; readonly to: number } => {
  const step = spanMs / 4;
  const first = Math.max(0, (Math.floor(from / step) - 1) * step);
  return { from: first, to: first + spanMs + 3 * step };
};

const STEPS_MS = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440].map((minutes) => minutes * MINUTE_MS);

/** Returns the time between two lines of the axis, so that each label has `roomPx` px. */
export const axisStepMs = (pxPerMs: number, roomPx: number): number =>
  STEPS_MS.find((step) => step * pxPerMs >= roomPx) ?? DAY_MS;

/** Returns the lines of the axis at round local times, also after a daylight saving change. */
export const axisTimes = (from: number, to: number, stepMs: number): readonly number[] => {
  const offset = offsetMs(from);
  const first = Math.ceil((from + offset) / stepMs) * stepMs - offset;
  const count = Math.max(0, Math.floor((to - first) / stepMs) + 1);
  const times = Array.from({ length: count }, (_, at) => first + at * stepMs);
  return stepMs > HOUR_MS ? times.map((at) => at + offset - offsetMs(at)) : times;
};

const offsetMs = (at: number): number => -new Date(at).getTimezoneOffset() * MINUTE_MS;

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short" });

/** Returns a label such as `14:30`, or the day at midnight: `Mon 24 Nov`. */
export const axisText = (at: number): string => {
  const date = new Date(at);
  return date.getHours() === 0 && date.getMinutes() === 0 ? day.format(at) : clock.format(at);
};
