import { parseSpan } from "../../../domain/time-span.ts";
import { petitNow } from "../../data/petit-time.ts";
import { offsetMs, PAGE_ZONE } from "../../ui/display.ts";
import { FIRST_SPAN_MS, PAST_SHARE } from "./queried-window.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** Zoom levels, from the shortest time span to the longest. */
export const ZOOMS = [
  { name: "15m", label: "15 min", spanMs: 15 * MINUTE_MS },
  { name: "1h", label: "1 h", spanMs: HOUR_MS },
  { name: "6h", label: "6 h", spanMs: 6 * HOUR_MS },
  { name: "24h", label: "24 h", spanMs: FIRST_SPAN_MS },
  { name: "7d", label: "Week", spanMs: 7 * DAY_MS },
] as const;

/** A zoom level, or the length of another period, without a name. */
export type Zoom = { readonly name: string; readonly label: string; readonly spanMs: number };

/** The zoom level until the user chooses one. */
export const DEFAULT_ZOOM = ZOOMS[3];

/** The zoom level of a URL that names only a time. */
const ZOOM_AT_TIME = ZOOMS[2];

/** A period as it was typed, such as `friday` or `-2d`. An empty `until` is now. */
export type Period = { readonly since: string; readonly until: string };

/** The visible part of the timeline. `from` is in ms since the Unix epoch; null follows the current time. */
export type TimeView = {
  readonly zoom: Zoom;
  readonly from: number | null;
  /** The period that the view was chosen by; missing after it was moved. */
  readonly period?: Period;
};

/** The latest start of a view: times around it must still be valid dates. */
const MAX_FROM = 8_640_000_000_000_000 - 14 * DAY_MS;

const clampFrom = (from: number): number => Math.min(MAX_FROM, Math.max(0, from));

/** The shortest and the longest period that the timeline can show. */
const MIN_PERIOD_MS = MINUTE_MS;
const MAX_PERIOD_MS = 366 * DAY_MS;

/** Returns the view of a period at `now`, or what is wrong with it. Moves at most once a minute. */
export const viewOfPeriod = (period: Period, now: number): TimeView | { readonly problem: string } => {
  const until = past(period.until);
  const span = parseSpan(
    { since: past(period.since), ...(until !== "" && { until }) },
    {
      now: Math.ceil(now / MINUTE_MS) * MINUTE_MS,
      zone: PAGE_ZONE ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
    },
  );
  if ("problem" in span) return { problem: `${span.field === "since" ? "Since" : "Until"} ${span.problem}` };
  const spanMs = span.to - span.from;
  if (spanMs < MIN_PERIOD_MS) return { problem: "The period is shorter than a minute" };
  if (spanMs > MAX_PERIOD_MS) return { problem: "The period is longer than a year" };
  return { zoom: customZoom(spanMs), from: clampFrom(span.from), period };
};

/** `-2d` is the same as `2d`: two days before now. */
const past = (text: string): string => text.trim().replace(/^-\s*(?=\d)/, "");

const customZoom = (spanMs: number): Zoom => ({ name: "", label: "Period", spanMs });

/** Returns true if the view shows a period that is no zoom level. */
export const isPeriod = ({ zoom }: Pick<TimeView, "zoom">): boolean => zoom.name === "";

/** Reads the view from the URL query; ignores unknown values. Returns null if the query contains neither a period, nor zoom or time. */
export const parseView = (query: URLSearchParams, now = petitNow()): TimeView | null => {
  const since = query.get("since");
  const chosen = since === null ? null : viewOfPeriod({ since, until: query.get("until") ?? "" }, now);
  if (chosen !== null && !("problem" in chosen)) return chosen;
  const given = Number(query.get("from") ?? Number.NaN);
  const from = isFrom(given) ? given : null;
  const zoom = ZOOMS.find(({ name }) => name === query.get("zoom"));
  return zoom === undefined && from === null ? null : { zoom: zoom ?? ZOOM_AT_TIME, from };
};

/** Names of parameters that other pages, or people, use for what the timeline calls `zoom`, `since` and `until`. */
const OTHER_NAMES: Readonly<Record<string, string>> = { span: "zoom", to: "until", within: "zoom" };

/** Returns what the URL query asks for that can't be shown, as a sentence; null if nothing. */
export const viewProblem = (query: URLSearchParams, now = petitNow()): string | null => {
  const [since, until, zoom, from] = ["since", "until", "zoom", "from"].map((name) => query.get(name));
  if (since != null) {
    const view = viewOfPeriod({ since, until: until ?? "" }, now);
    if ("problem" in view) return `${view.problem}.`;
  } else if (until != null) return "Until needs a since.";
  if (zoom != null && ZOOMS.every(({ name }) => name !== zoom))
    return `zoom is '${zoom}'; expected one of ${ZOOMS.map(({ name }) => name).join(", ")}.`;
  if (from != null && !isFrom(Number(from || Number.NaN)))
    return `from is '${from}'; expected a time in ms since 1970. To name times in other ways, use since and until.`;
  const [other] = Object.keys(OTHER_NAMES).filter((name) => query.has(name));
  return other === undefined ? null : `'${other}' is not known; did you mean '${OTHER_NAMES[other]}'?`;
};

const isFrom = (from: number): boolean => Number.isSafeInteger(from) && from === clampFrom(from);

/** Writes the view into the URL query. */
export const writeView = (query: URLSearchParams, view: TimeView): URLSearchParams => {
  const next = new URLSearchParams(query);
  const { zoom, from } = view;
  for (const name of ["since", "until", ...Object.keys(OTHER_NAMES)]) next.delete(name);
  if (isPeriod(view)) {
    for (const name of ["zoom", "from"]) next.delete(name);
    const { since, until } = view.period ?? absolutePeriod(view);
    next.set("since", since);
    if (until !== "") next.set("until", until);
    return next;
  }
  next.set("zoom", zoom.name);
  if (from === null) next.delete("from");
  else next.set("from", String(Math.round(from)));
  return next;
};

/** Returns the period that a view shows, which does not follow the current time. */
const absolutePeriod = ({ zoom, from }: TimeView): Period => {
  const start = Math.round(from ?? 0);
  return { since: new Date(start).toISOString(), until: new Date(start + zoom.spanMs).toISOString() };
};

/** Returns the start of the view in ms since the Unix epoch. */
export const startOf = ({ zoom, from }: TimeView, now: number): number => from ?? now - zoom.spanMs * PAST_SHARE;

/** Zooms in (-1) or out (1) by one level. `at.time` keeps its position; a view that follows the current time continues to. */
export const zoomed = (view: TimeView, step: -1 | 1, at: { readonly time: number; readonly now: number }): TimeView => {
  const zoom = nextZoom(view.zoom, step);
  return zoom === undefined ? view : zoomedTo(view, zoom, at);
};

/** Returns the next shorter (-1) or longer (1) zoom level, if there is one. */
export const nextZoom = ({ spanMs }: Zoom, step: -1 | 1): Zoom | undefined =>
  step === 1 ? ZOOMS.find((zoom) => zoom.spanMs > spanMs) : ZOOMS.findLast((zoom) => zoom.spanMs < spanMs);

/** Makes a view follow the current time. That of a period gets the zoom level that is as long, or longer. */
export const followed = ({ zoom }: TimeView): TimeView => ({
  zoom: zoom.name === "" ? (ZOOMS.find(({ spanMs }) => spanMs >= zoom.spanMs) ?? ZOOMS[4]) : zoom,
  from: null,
});

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

const STEPS_MS = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10_080, 20_160, 43_200].map(
  (minutes) => minutes * MINUTE_MS,
);

/** Returns the time between two lines of the axis, so that each label has `roomPx` px. */
export const axisStepMs = (pxPerMs: number, roomPx: number): number =>
  STEPS_MS.find((step) => step * pxPerMs >= roomPx) ?? 60 * DAY_MS;

/** Returns the lines of the axis at round local times, also after a daylight saving change. */
export const axisTimes = (from: number, to: number, stepMs: number): readonly number[] => {
  const offset = offsetMs(from);
  const first = Math.ceil((from + offset) / stepMs) * stepMs - offset;
  const count = Math.max(0, Math.floor((to - first) / stepMs) + 1);
  const times = Array.from({ length: count }, (_, at) => first + at * stepMs);
  return stepMs > HOUR_MS ? times.map((at) => at + offset - offsetMs(at)) : times;
};

const clock = new Intl.DateTimeFormat(undefined, {
  timeZone: PAGE_ZONE,
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
});
const day = new Intl.DateTimeFormat(undefined, {
  timeZone: PAGE_ZONE,
  weekday: "short",
  day: "numeric",
  month: "short",
});

/** Returns a label such as `14:30`, or the day at midnight: `Mon 24 Nov`. */
export const axisText = (at: number): string => {
  const minute = Math.floor((at + offsetMs(at)) / MINUTE_MS);
  return minute % (DAY_MS / MINUTE_MS) === 0 ? day.format(at) : clock.format(at);
};
