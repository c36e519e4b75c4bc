const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** How much time the view holds; the first is the nearest. */
export const ZOOMS = [
  { name: "15m", label: "15 min", spanMs: 15 * MINUTE_MS },
  { name: "1h", label: "1 h", spanMs: HOUR_MS },
  { name: "6h", label: "6 h", spanMs: 6 * HOUR_MS },
  { name: "24h", label: "24 h", spanMs: DAY_MS },
  { name: "7d", label: "Week", spanMs: 7 * DAY_MS },
] as const;
export type Zoom = (typeof ZOOMS)[number];

const DEFAULT_ZOOM = ZOOMS[2];

/** What is looked at. `from` in ms since the epoch; null: it follows the present. */
export type TimeView = { readonly zoom: Zoom; readonly from: number | null };

/** The last that a view begins at: what it asks for around it must still be dates. */
const MAX_FROM = 8_640_000_000_000_000 - 14 * DAY_MS;

const clampFrom = (from: number): number => Math.min(MAX_FROM, Math.max(0, from));

/** What it doesn't know counts as not given. */
export const parseView = (query: URLSearchParams): TimeView => {
  const from = Number(query.get("from") ?? Number.NaN);
  return {
    zoom: ZOOMS.find(({ name }) => name === query.get("zoom")) ?? DEFAULT_ZOOM,
    from: Number.isSafeInteger(from) && from === clampFrom(from) ? from : null,
  };
};

/** As the URL says it; a bare one follows the present at the usual zoom. */
export const writeView = (query: URLSearchParams, { zoom, from }: TimeView): URLSearchParams => {
  const next = new URLSearchParams(query);
  if (zoom === DEFAULT_ZOOM) next.delete("zoom");
  else next.set("zoom", zoom.name);
  if (from === null) next.delete("from");
  else next.set("from", String(Math.round(from)));
  return next;
};

/** Where the present stands in a view that follows it. */
const PAST_SHARE = 0.78;

export const startOf = ({ zoom, from }: TimeView, now: number): number => from ?? now - zoom.spanMs * PAST_SHARE;

/** The next nearer (-1) or wider (1) view; what is `at` stays where it is, and a view that follows the present goes on to. */
export const zoomed = (view: TimeView, step: -1 | 1, at: { readonly time: number; readonly now: number }): TimeView => {
  const zoom = ZOOMS[ZOOMS.indexOf(view.zoom) + step];
  return zoom === undefined ? view : zoomedTo(view, zoom, at);
};

export const zoomedTo = (
  view: TimeView,
  zoom: Zoom,
  { time, now }: { readonly time: number; readonly now: number },
): TimeView => {
  if (view.from === null) return { zoom, from: null };
  const share = (time - startOf(view, now)) / view.zoom.spanMs;
  return { zoom, from: clampFrom(time - share * zoom.spanMs) };
};

/** Moved by ms; one that is moved follows the present no more. */
export const panned = (view: TimeView, byMs: number, now: number): TimeView => ({
  zoom: view.zoom,
  from: clampFrom(startOf(view, now) + byMs),
});

/** What petit is asked for: more than is in view, and the same for a while as time goes on. */
export const windowToQuery = (from: number, spanMs: number): { readonly from: number; readonly to: number } => {
  const step = spanMs / 4;
  const first = Math.max(0, (Math.floor(from / step) - 1) * step);
  return { from: first, to: first + spanMs + 3 * step };
};

const STEPS_MS = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440].map((minutes) => minutes * MINUTE_MS);

/** Between two lines of the axis: so that each has room for its label. */
export const axisStepMs = (pxPerMs: number, roomPx: number): number =>
  STEPS_MS.find((step) => step * pxPerMs >= roomPx) ?? DAY_MS;

/** The lines of the axis: round in local time, also after a change of daylight saving. */
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

/** `14:30`; at midnight the day, `Mon 24 Nov`. */
export const axisText = (at: number): string => {
  const date = new Date(at);
  return date.getHours() === 0 && date.getMinutes() === 0 ? day.format(at) : clock.format(at);
};
