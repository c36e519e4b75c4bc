import type { QueryClient } from "@tanstack/react-query";
import { type TimelineWindow, timelineQuery } from "../../data/queries.ts";
import { DEFAULT_ZOOM, parseView, startOf, type TimeView, windowToQuery } from "./time-window.ts";

/** Returns the query of a view. It does not depend on the layout, so that it can be sent before the first render. */
export const queryOf = (view: TimeView, tag: string, now: number): TimelineWindow => ({
  ...windowToQuery(startOf(view, now), view.zoom.spanMs),
  bins: binsOf(innerWidth),
  ...(tag !== "" && { tag }),
});

/** Returns the number of bins for a width of the page: a bin is about as wide as the thinnest bar. Rounded, so that resizing sends few queries. */
const binsOf = (width: number): number => Math.min(2_000, Math.max(100, Math.ceil((width * 1.4) / 300) * 100));

/** Loads what the timeline shows first. */
export const prefetchTimeline = async (client: QueryClient): Promise<void> => {
  const now = Date.now();
  const query = new URLSearchParams(location.search);
  const view = parseView(query) ?? { zoom: DEFAULT_ZOOM, from: null };
  await client.prefetchQuery({
    ...timelineQuery(queryOf(view, query.get("tag") ?? "", now)),
    structuralSharing: false,
  });
};
