import type { QueryClient } from "@tanstack/react-query";
import { jobsQuery, type TimelineWindow, timelineQuery } from "../../data/queries.ts";
import { parseView, startOf, type TimeView, windowToQuery } from "./time-window.ts";
import { firstZoom } from "./use-first-zoom.ts";

/** Returns the query of a view. It does not depend on the layout, so that it can be sent before the first render. */
export const queryOf = (view: TimeView, now: number): TimelineWindow => ({
  ...windowToQuery(startOf(view, now), view.zoom.spanMs),
  bins: binsOf(innerWidth),
});

/** Returns the number of bins for a width of the page: a bin is about as wide as the thinnest bar. Rounded, so that resizing sends few queries. */
const binsOf = (width: number): number => Math.min(2_000, Math.max(100, Math.ceil((width * 1.4) / 300) * 100));

/** Loads the jobs, then what the timeline shows first. */
export const prefetchTimeline = async (client: QueryClient): Promise<void> => {
  const { jobs } = await client.ensureQueryData(jobsQuery());
  const now = Date.now();
  const view = parseView(new URLSearchParams(location.search)) ?? { zoom: firstZoom(jobs, now), from: null };
  await client.prefetchQuery({ ...timelineQuery(queryOf(view, now)), structuralSharing: false });
};
