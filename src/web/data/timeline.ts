import type { ResponseBody } from "../../client/routes.ts";
import type { UnfiredDeliveries } from "../../domain/deliveries/delivery.ts";
import type { WaitingCode } from "../../domain/limits/waiting-for.ts";
import type { RunStatus } from "../../domain/run.ts";
import type { MissReason, SkipReason } from "../../domain/schedule/occurrence.ts";
import { once } from "../../lib/once.ts";

/** Number of characters of the ids of runs that had ended. */
export const SHORT_ID_LENGTH = 8;

type CompactTimeline = ResponseBody<"get", "/api/timeline/compact">;
type CompactJob = CompactTimeline["jobs"][number];

/** A bar of the timeline: one run, or several that are merged. Times are in ms since the Unix epoch. */
export type TimelineBar = {
  /** Id of the run, the worst of a bar; the last eight characters of it if it had ended when it was read. */
  readonly run_id: string;
  readonly status: RunStatus;
  readonly started_at: number;
  /** Null if it has not ended. */
  readonly ended_at: number | null;
  readonly count: number;
  readonly failures: number;
  readonly successes: number;
  /** What a run that has not ended only waits for; missing for other bars. */
  readonly waiting_for?: WaitingCode | null;
};

/** Occurrences or events without a run, with the same outcome and reason. */
export type TimelineMark = MarkCause & { readonly at: number; readonly until: number; readonly count: number };

type MarkCause =
  | { readonly of: "occurrence"; readonly outcome: "skipped" | "missed"; readonly reason: SkipReason | MissReason }
  | { readonly of: "event"; readonly outcome: "skipped" | "waiting"; readonly reason: UnfiredDeliveries["reason"] };

/** The row of a job. */
export type TimelineJob = {
  readonly job_id: string;
  readonly name: string;
  readonly enabled: boolean;
  readonly scheduled: boolean;
  readonly removed: boolean;
  /** By start; those that have not ended come first. */
  readonly bars: readonly TimelineBar[];
  readonly marks: readonly TimelineMark[];
  readonly due: readonly number[];
  readonly more_due: boolean;
};

export type TimelineData = Pick<CompactTimeline, "from" | "to" | "now" | "bin_ms" | "count"> & {
  readonly jobs: readonly TimelineJob[];
};

/** Returns the timeline that a compact answer stands for. */
export const timelineOf = ({ jobs, statuses, ...head }: CompactTimeline): TimelineData => ({
  ...head,
  jobs: jobs.map((job) => jobOf(job, statuses, head.from)),
});

/** Of a thousand rows a screen shows about twenty, so a row is decoded when it is first read. */
const jobOf = (job: CompactJob, statuses: readonly RunStatus[], from: number): TimelineJob => {
  const { job_id, name = job_id, enabled, scheduled, removed, more_due } = job;
  const bars = once(() => [...job.open.map(openBar), ...endedBars(job.bars, statuses, from)]);
  const marks = once(() =>
    [
      ...job.marks.flatMap(({ spans, ...cause }) => marksOf({ of: "occurrence", ...cause }, spans, from)),
      ...(job.deliveries ?? []).flatMap(({ spans, ...cause }) => marksOf({ of: "event", ...cause }, spans, from)),
    ].sort((a, b) => a.at - b.at),
  );
  const due = once(() => timesOf(job.due, from));
  return {
    job_id,
    name,
    enabled,
    scheduled,
    removed,
    get bars() {
      return bars();
    },
    get marks() {
      return marks();
    },
    get due() {
      return due();
    },
    more_due,
  };
};

const openBar = (run: CompactJob["open"][number]): TimelineBar => ({
  ...run,
  ended_at: null,
  count: 1,
  failures: 0,
  successes: 0,
});

const endedBars = (
  { starts, lengths, statuses: letters, ids, merged }: CompactJob["bars"],
  statuses: readonly RunStatus[],
  from: number,
): readonly TimelineBar[] => {
  const counts = new Map(
    Array.from({ length: merged.length / 4 }, (_, index) => {
      const [position = 0, count = 1, failures = 0, successes = 0] = merged.slice(4 * index, 4 * index + 4);
      return [position, { count, failures, successes }] as const;
    }),
  );
  let at = from;
  return starts.map((difference, index) => {
    at += difference;
    const status = statuses[Number.parseInt(letters.charAt(index), 36)] ?? "completed";
    const alone = { count: 1, failures: Number(status === "failed"), successes: Number(status === "completed") };
    return {
      run_id: ids.slice(index * SHORT_ID_LENGTH, (index + 1) * SHORT_ID_LENGTH),
      status,
      started_at: at,
      ended_at: at + (lengths[index] ?? 0),
      ...(counts.get(index) ?? alone),
    };
  });
};

const marksOf = (cause: MarkCause, spans: readonly number[], from: number): readonly TimelineMark[] => {
  let at = from;
  return Array.from({ length: spans.length / 3 }, (_, index) => {
    const [difference = 0, length = 0, count = 1] = spans.slice(3 * index, 3 * index + 3);
    at += difference;
    return { ...cause, at, until: at + length, count };
  });
};

/** Returns the times that pairs of an interval and its number stand for. */
const timesOf = (pairs: readonly number[], from: number): readonly number[] => {
  const times: number[] = [];
  let at = from;
  for (let index = 0; index < pairs.length; index += 2) {
    for (let left = pairs[index + 1] ?? 0; left > 0; left--) {
      at += pairs[index] ?? 0;
      times.push(at);
    }
  }
  return times;
};
