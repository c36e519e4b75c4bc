import { useQuery } from "@tanstack/react-query";
import { useRef } from "react";
import { jobsQuery } from "../../data/queries.ts";
import type { JobSummary } from "../../data/shapes.ts";
import { DEFAULT_ZOOM, type Zoom, zoomWithRun } from "./time-window.ts";

/** Returns the shortest zoom level that shows a run, or null until the jobs are loaded. Later runs do not change it. */
export const useFirstZoom = (): Zoom | null => {
  const { data, isError } = useQuery(jobsQuery());
  const zoom = useRef<Zoom | null>(null);
  if (zoom.current === null && data !== undefined) {
    zoom.current = firstZoom(data.jobs, Date.now());
  }
  return zoom.current ?? (isError ? DEFAULT_ZOOM : null);
};

/** Returns the shortest zoom level that shows a run of these jobs. */
export const firstZoom = (jobs: Parameters<typeof newestRunAt>[0], now: number): Zoom =>
  zoomWithRun(newestRunAt(jobs, now), now);

/** Returns until when a run was visible last: `now` if one is running or waits, 0 if there are no runs. */
const newestRunAt = (jobs: readonly Pick<JobSummary, "running" | "last_run">[], now: number): number =>
  jobs.reduce((newest, { running, last_run }) => {
    if (running > 0) return now;
    return last_run === null ? newest : Math.max(newest, last_run.ended_at ?? now);
  }, 0);
