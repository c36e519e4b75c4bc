import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { type TimelineWindow, timelineQuery } from "../../data/queries.ts";
import type { TimelineJob } from "../../data/shapes.ts";

/** From so many jobs on, petit tells runs together that a screen has room for. */
const MANY_JOBS = 50;
/** Of a longer window, to tell all of it twice is too much to ask. */
const LONGEST_MS = 2 * 86_400_000;
/** Rows that are asked for together, so that scrolling by one asks for nothing. */
const BLOCK = 20;
/** Ms without scrolling. */
const DEBOUNCE_MS = 120;

type VisibleRows = readonly { readonly index: number }[];

/** The rows that are in sight, run by run, where there are too many to have all of them so. */
export const useDetailedRows = (rows: readonly TimelineJob[], visible: VisibleRows, asked: TimelineWindow) => {
  const jobs = useDebounced(rows.length > MANY_JOBS ? visibleIds(rows, visible) : "");
  const { data } = useQuery({
    ...timelineQuery({ ...asked, jobs }),
    enabled: jobs !== "" && asked.to - asked.from <= LONGEST_MS,
  });
  const byJob = useMemo(() => new Map(data?.jobs.map((row) => [row.job_id, row])), [data]);
  // Rows of another window would stand in the wrong place only where they end.
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
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), DEBOUNCE_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
};
