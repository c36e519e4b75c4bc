import type { QueryClient } from "@tanstack/react-query";
import { petitNow } from "../../data/petit-time.ts";
import { type TimelineWindow, timelineQuery } from "../../data/queries.ts";
import { binsOf, windowToQuery } from "./queried-window.ts";
import { DEFAULT_ZOOM, parseView, startOf, type TimeView } from "./time-window.ts";

/** Returns the query of a view. */
export const queryOf = (view: TimeView, tag: string, now: number): TimelineWindow =>
  queryWith(
    binsOf((px) => innerWidth <= px),
    view,
    tag,
    now,
  );

const queryWith = (bins: number, view: TimeView, tag: string, now: number): TimelineWindow => ({
  ...windowToQuery(startOf(view, now), view.zoom.spanMs),
  bins,
  ...(tag !== "" && { tag }),
});

/** Loads what the timeline shows first. A media query, because reading the width would lay out the page before it has content. */
export const prefetchTimeline = async (client: QueryClient): Promise<void> => {
  const now = petitNow();
  const bins = binsOf((px) => matchMedia(`(max-width: ${px}px)`).matches);
  const query = new URLSearchParams(location.search);
  const view = parseView(query) ?? { zoom: DEFAULT_ZOOM, from: null };
  await client.prefetchQuery({
    ...timelineQuery(queryWith(bins, view, query.get("tag") ?? "", now)),
    structuralSharing: false,
  });
};
