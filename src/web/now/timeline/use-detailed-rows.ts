import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { type TimelineWindow, timelineQuery } from "../../data/queries.ts";
import type { TimelineJob } from "../../data/timeline.ts";

/** From this number of jobs on, petit merges runs that a screen has room to show separately. */
const MANY_JOBS = 50;
/** For a longer window, a second query would be too expensive. */
const MAX_WINDOW_MS = 2 * 86_400_000;
/** Rows per query, so that scrolling by one row sends no query. */
const BLOCK = 20;
/** Ms without scrolling before a query is sent. */
const DEBOUNCE_MS = 120;

type VisibleRows = readonly { readonly index: number }[];

/** Returns a function that replaces a visible row by one with all its runs, if there are too many jobs to query all of them so. */
export const useDetailedRows = (rows: readonly TimelineJob[], visible: VisibleRows, queried: TimelineWindow) => {
  const jobs = useDebounced(rows.length > MANY_JOBS ? visibleIds(rows, visible) : "");
  const { data } = useQuery({
    ...timelineQuery({ ...queried, jobs }),
    enabled: jobs !== "" && queried.to - queried.from <= MAX_WINDOW_MS,
  });
  const byJob = useMemo(() => new Map(data?.jobs.map((row) => [row.job_id, row])), [data]);
  // The data of another window has the same positions, but ends elsewhere.
  return (row: TimelineJob): TimelineJob => (jobs === "" ? row : (byJob.get(row.job_id) ?? row));
};

const visibleIds = (rows: readonly TimelineJob[], visible: VisibleRows): string => {
  const [first, last] = [visible[0]?.index ?? 0, visible.at(-1)?.index ?? 0];
  const [from, to] = [Math.floor(first / BLOCK) * BLOCK, (Math.floor(last / BLOCK) + 1) * BLOCK];
  return rows
    .slice(from, to)
    .map(({ job_id }) => job_id)
    .join();
};

const useDebounced = (value: string): string => {
  const [debounced, setDebounced] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setDebounced(value), DEBOUNCE_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return debounced;
};
