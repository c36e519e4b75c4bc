import type { QueryClient } from "@tanstack/react-query";
import { type TimelineWindow, timelineQuery } from "../../data/queries.ts";
import { binsOf, windowToQuery } from "./queried-window.ts";
import { DEFAULT_ZOOM, parseView, startOf, type TimeView } from "./time-window.ts";

/** Returns the query of a view. It does not depend on the layout, so that it can be sent before the first render. */
export const queryOf = (view: TimeView, tag: string, now: number): TimelineWindow => ({
  ...windowToQuery(startOf(view, now), view.zoom.spanMs),
  bins: binsOf(innerWidth),
  ...(tag !== "" && { tag }),
});

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
