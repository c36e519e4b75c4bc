import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { type TimelineWindow, timelineQuery } from "../data/queries.ts";
import type { TimelineJob } from "../data/shapes.ts";

/** From so many jobs on, petit tells runs together that a screen has room for. */
const MANY_JOBS = 50;
/** Of a longer window, to tell all of it twice is too much to ask. */
const LONGEST_MS = 2 * 86_400_000;
/** Rows that are asked for together, so that scrolling by one asks for nothing. */
const BLOCK = 20;
/** Ms without scrolling. */
const SETTLED_MS = 120;

type Seen = readonly { readonly index: number }[];

/** The rows that are in sight, run by run, where there are too many to have all of them so. */
export const useDetail = (rows: readonly TimelineJob[], seen: Seen, asked: TimelineWindow) => {
  const jobs = useSettled(rows.length > MANY_JOBS ? idsInSight(rows, seen) : "");
  const { data } = useQuery({
    ...timelineQuery({ ...asked, jobs }),
    enabled: jobs !== "" && asked.to - asked.from <= LONGEST_MS,
  });
  const byJob = useMemo(() => new Map(data?.jobs.map((row) => [row.job_id, row])), [data]);
  // Rows of another window would stand in the wrong place only where they end.
  return (row: TimelineJob): TimelineJob => (jobs === "" ? row : (byJob.get(row.job_id) ?? row));
};

const idsInSight = (rows: readonly TimelineJob[], seen: Seen): string => {
  const [first, last] = [seen[0]?.index ?? 0, seen.at(-1)?.index ?? 0];
  const [from, to] = [Math.floor(first / BLOCK) * BLOCK, (Math.floor(last / BLOCK) + 1) * BLOCK];
  return rows
    .slice(from, to)
    .map(({ job_id }) => job_id)
    .join();
};

const useSettled = (value: string): string => {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), SETTLED_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
};
