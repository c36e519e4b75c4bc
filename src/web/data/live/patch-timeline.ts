import type { QueryClient } from "@tanstack/react-query";
import { changesJobs, type LiveEvent, waitsOfEvent } from "../../../client/live-event.ts";
import type { RunStatus } from "../../../domain/run.ts";
import type { TimelineBar, TimelineData, TimelineJob } from "../timeline.ts";
import { statusOf } from "./patch-jobs.ts";

/** Writes the changes that run events report into the cached timelines of the current view. */
export const patchTimeline = (client: QueryClient, events: readonly LiveEvent[]): void => {
  const byJob = Map.groupBy(events.filter(changesJobs), ({ job_id }) => job_id);
  if (byJob.size === 0) return;
  for (const { queryKey, state } of client.getQueryCache().findAll({ queryKey: ["timeline"], type: "active" })) {
    client.setQueryData<TimelineData>(
      queryKey,
      (timeline) =>
        timeline && { ...timeline, jobs: timeline.jobs.map((row) => patched(row, byJob.get(row.job_id), timeline)) },
      // Keeps the age of the data: a refetch still brings what the events don't contain.
      { updatedAt: state.dataUpdatedAt },
    );
  }
};

type Bins = Pick<TimelineData, "from" | "bin_ms">;

const patched = (row: TimelineJob, events: readonly LiveEvent[] = [], bins: Bins): TimelineJob =>
  events.length === 0 ? row : { ...row, bars: events.reduce((bars, event) => withEvent(bars, event, bins), row.bars) };

const withEvent = (bars: readonly TimelineBar[], event: LiveEvent, bins: Bins): readonly TimelineBar[] => {
  if (event.type === "run.waiting") return withWait(bars, event);
  return event.type === "run.started" ? withStarted(bars, event) : ended(bars, event, bins);
};

const withWait = (bars: readonly TimelineBar[], event: LiveEvent): readonly TimelineBar[] =>
  bars.map((bar) =>
    bar.run_id === event.run_id && bar.ended_at === null ? { ...bar, waiting_for: waitsOfEvent(event).now } : bar,
  );

const withStarted = (bars: readonly TimelineBar[], { run_id = "", at }: LiveEvent): readonly TimelineBar[] =>
  bars.some((bar) => bar.run_id === run_id && bar.status !== "pending")
    ? bars
    : [
        ...bars.filter((bar) => bar.run_id !== run_id),
        {
          run_id,
          status: "running",
          started_at: at,
          ended_at: null,
          count: 1,
          failures: 0,
          successes: 0,
        },
      ];

const ended = (bars: readonly TimelineBar[], { run_id, at, status }: LiveEvent, bins: Bins): readonly TimelineBar[] => {
  const open = bars.find((bar) => bar.run_id === run_id && bar.ended_at === null);
  if (open === undefined) return bars;
  const bar = {
    ...open,
    waiting_for: null,
    status: statusOf(status),
    ended_at: Math.max(at, open.started_at),
    failures: status === "failed" ? 1 : 0,
    successes: status === "completed" ? 1 : 0,
  };
  const neighbor = bars.find((other) => other.ended_at !== null && shareBins(other, bar, bins));
  const others = bars.filter((other) => other !== open && other !== neighbor);
  return [...others, neighbor === undefined ? bar : merged(neighbor, bar)];
};

/** Returns true if the server would merge the bars. Without merging, a row would grow while the page is open. */
const shareBins = (a: TimelineBar, b: TimelineBar, { from, bin_ms }: Bins): boolean => {
  const binOf = (at: number | null): number => Math.floor(((at ?? 0) - from) / bin_ms);
  return binOf(a.started_at) === binOf(b.started_at) && binOf(a.ended_at) === binOf(b.ended_at);
};

const merged = (a: TimelineBar, b: TimelineBar): TimelineBar => ({
  ...(rank(a) > rank(b) ? a : b),
  started_at: Math.min(a.started_at, b.started_at),
  ended_at: Math.max(a.ended_at ?? 0, b.ended_at ?? 0),
  count: a.count + b.count,
  failures: a.failures + b.failures,
  successes: a.successes + b.successes,
});

/** From best to worst: a merged bar shows the worst status. */
const RANKS: readonly RunStatus[] = ["completed", "cancelled", "interrupted", "failed"];

const rank = ({ status }: TimelineBar): number => RANKS.indexOf(status);
