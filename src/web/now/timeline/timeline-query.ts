import type { QueryClient } from "@tanstack/react-query";
import { petitNow } from "../../data/petit-time.ts";
import { type TimelineWindow, timelineQuery } from "../../data/queries.ts";
import { binsOf, FIRST_ROWS, windowToQuery } from "./queried-window.ts";
import { DEFAULT_ZOOM, parseView, startOf, type TimeView } from "./time-window.ts";

/** What of the timeline is shown. */
export type Shown = { readonly view: TimeView; readonly show: string; readonly tag: string };

/** Returns the query of what is shown. `isFirst` asks only for the rows of the first screen, if those are the first ones by name. */
export const queryOf = (shown: Shown, now: number, isFirst: boolean): TimelineWindow =>
  queryWith(
    binsOf((px) => innerWidth <= px),
    shown,
    now,
    isFirst,
  );

const queryWith = (bins: number, { view, show, tag }: Shown, now: number, isFirst: boolean): TimelineWindow => ({
  ...windowToQuery(startOf(view, now), view.zoom.spanMs),
  bins,
  ...(tag !== "" && { tag }),
  ...(isFirst && show === "" && { limit: FIRST_ROWS }),
});

/** Loads what the timeline shows first. A media query, because reading the width would lay out the page before it has content. */
export const prefetchTimeline = async (client: QueryClient): Promise<void> => {
  const now = petitNow();
  const bins = binsOf((px) => matchMedia(`(max-width: ${px}px)`).matches);
  const query = new URLSearchParams(location.search);
  const view = parseView(query) ?? { zoom: DEFAULT_ZOOM, from: null };
  const shown = { view, show: query.get("show") ?? "", tag: query.get("tag") ?? "" };
  await client.prefetchQuery({
    ...timelineQuery(queryWith(bins, shown, now, true)),
    structuralSharing: false,
  });
};
