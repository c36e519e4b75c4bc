import type { QueryClient } from "@tanstack/react-query";
import type { RunStatus } from "../../../domain/run.ts";
import type { LiveEvent } from "../event.ts";
import type { TimelineData, TimelineJob } from "../shapes.ts";
import { isOfRun, statusOf } from "./patch-jobs.ts";

type Bar = TimelineJob["bars"][number];

/** What events say of runs, written into the time line that is shown: of a thousand rows, few change. */
export const patchTimeline = (client: QueryClient, events: readonly LiveEvent[]): void => {
  const byJob = Map.groupBy(events.filter(isOfRun), ({ job_id }) => job_id);
  if (byJob.size === 0) return;
  for (const { queryKey, state } of client.getQueryCache().findAll({ queryKey: ["timeline"], type: "active" })) {
    client.setQueryData<TimelineData>(
      queryKey,
      (timeline) =>
        timeline && { ...timeline, jobs: timeline.jobs.map((row) => patched(row, byJob.get(row.job_id), timeline)) },
      // It is as old as it was: what these events don't say is still asked for.
      { updatedAt: state.dataUpdatedAt },
    );
  }
};

type Bins = Pick<TimelineData, "from" | "bin_ms">;

const patched = (row: TimelineJob, events: readonly LiveEvent[] = [], bins: Bins): TimelineJob =>
  events.length === 0 ? row : { ...row, bars: events.reduce((bars, event) => follow(bars, event, bins), row.bars) };

const follow = (bars: Bar[], event: LiveEvent, bins: Bins): Bar[] =>
  event.type === "run.started" ? begun(bars, event) : ended(bars, event, bins);

/** Why it runs is not told; the row is asked for again soon. */
const begun = (bars: Bar[], { run_id = "", at }: LiveEvent): Bar[] =>
  bars.some((bar) => bar.run_id === run_id && bar.status !== "pending")
    ? bars
    : [
        ...bars.filter((bar) => bar.run_id !== run_id),
        { run_id, status: "running", trigger: "schedule", started_at: at, ended_at: null, count: 1 },
      ];

const ended = (bars: Bar[], { run_id, at, status }: LiveEvent, bins: Bins): Bar[] => {
  const open = bars.find((bar) => bar.run_id === run_id && bar.ended_at === null);
  if (open === undefined) return bars;
  const bar = { ...open, status: statusOf(status), ended_at: Math.max(at, open.started_at) };
  const near = bars.find((other) => other.ended_at !== null && isTogether(other, bar, bins));
  const others = bars.filter((other) => other !== open && other !== near);
  return [...others, near === undefined ? bar : together(near, bar)];
};

/** As petit itself tells them together: else a row would grow for as long as the page is open. */
const isTogether = (a: Bar, b: Bar, { from, bin_ms }: Bins): boolean => {
  const binOf = (at: number | null): number => Math.floor(((at ?? 0) - from) / bin_ms);
  return binOf(a.started_at) === binOf(b.started_at) && binOf(a.ended_at) === binOf(b.ended_at);
};

const together = (a: Bar, b: Bar): Bar => ({
  ...(rank(a) > rank(b) ? a : b),
  started_at: Math.min(a.started_at, b.started_at),
  ended_at: Math.max(a.ended_at ?? 0, b.ended_at ?? 0),
  count: a.count + b.count,
});

/** The worst last. */
const RANKS: readonly RunStatus[] = ["completed", "cancelled", "interrupted", "failed"];

const rank = ({ status }: Bar): number => RANKS.indexOf(status);
