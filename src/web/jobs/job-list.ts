import { executingOf } from "../../domain/limits/activity.ts";
import { totalWaiting } from "../../domain/limits/waiting-for.ts";
import { isFinal, RUN_STATUSES, type RunStatus } from "../../domain/run.ts";
import type { JobSummary } from "../data/shapes.ts";

// The filters and the order of the list of jobs. The URL stores them; a URL without parameters shows all jobs by name.

export const STATUS_FILTERS = [
  "running",
  "waiting",
  "completed",
  "failed",
  "cancelled",
  "interrupted",
  "never",
] as const;
export const SCHEDULE_FILTERS = ["on", "paused", "off", "none"] as const;
const SORT_KEYS = ["name", "next", "last", "success", "usual", "change"] as const;

type StatusFilter = (typeof STATUS_FILTERS)[number];
type ScheduleFilter = (typeof SCHEDULE_FILTERS)[number];
export type SortKey = (typeof SORT_KEYS)[number];

export type JobFilter = {
  readonly text: string;
  /** A tag; empty for all jobs. */
  readonly tag: string;
  readonly status: StatusFilter | null;
  readonly schedule: ScheduleFilter | null;
  readonly sort: SortKey;
  readonly isDescending: boolean;
};

/** Reads the filter from the URL query; ignores unknown values. */
export const readFilter = (query: URLSearchParams): JobFilter => {
  const sort = query.get("sort") ?? "name";
  return {
    text: (query.get("q") ?? "").trim().toLowerCase(),
    tag: query.get("tag") ?? "",
    status: STATUS_FILTERS.find((each) => each === query.get("status")) ?? null,
    schedule: SCHEDULE_FILTERS.find((each) => each === query.get("schedule")) ?? null,
    sort: SORT_KEYS.find((each) => each === sort.replace(/^-/, "")) ?? "name",
    isDescending: sort.startsWith("-"),
  };
};

/** Returns the `sort` parameter after a click on a heading: a second click reverses the order. */
export const sortedBy = ({ sort, isDescending }: JobFilter, key: SortKey): string =>
  sort === key && !isDescending ? `-${key}` : key;

/** Returns the matching jobs in order. Jobs without a sort key come last in both directions. */
export const listJobs = (jobs: readonly JobSummary[], filter: JobFilter): readonly JobSummary[] => {
  const keyed = jobs.filter((job) => matches(job, filter)).map((job) => ({ job, key: sortKey(job, filter.sort) }));
  const sign = filter.isDescending ? -1 : 1;
  return keyed.sort((a, b) => compare(a.key, b.key, sign)).map(({ job }) => job);
};

const matches = (job: JobSummary, { text, tag, status, schedule }: JobFilter): boolean =>
  (text === "" || `${job.id} ${job.name}`.toLowerCase().includes(text)) &&
  (tag === "" || job.tags.includes(tag)) &&
  (status === null || hasStatus(job, status)) &&
  (schedule === null || scheduleOf(job) === schedule);

const hasStatus = (job: JobSummary, status: StatusFilter): boolean => {
  const { last_run } = job;
  if (status === "running") return executingOf(job) > 0;
  if (status === "waiting") return totalWaiting(job.waiting) > 0;
  return status === "never" ? last_run === null : last_run?.status === status;
};

const scheduleOf = ({ enabled, scheduled, paused }: JobSummary): ScheduleFilter => {
  if (!scheduled) return "none";
  if (enabled && paused) return "paused";
  return enabled ? "on" : "off";
};

type Key = string | number | null;

const sortKey = (job: JobSummary, sort: SortKey): Key => {
  switch (sort) {
    case "name":
      return job.name.toLowerCase();
    case "next":
      return job.next_start_at;
    case "last":
      return job.last_run === null ? null : -(job.last_run.started_at ?? 0);
    case "success":
      return job.success_rate ?? null;
    case "usual":
      return job.usual_duration_ms ?? null;
    case "change":
      return job.duration_change == null
        ? null
        : -job.duration_change.recent_ms / Math.max(1, job.duration_change.before_ms);
  }
};

const compare = (a: Key, b: Key, sign: 1 | -1): number => {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  if (a === b) return 0;
  return a < b ? -sign : sign;
};

/**
 * Counts runs by status: `30 runs: 28 completed, 1 failed, 1 running`. `active` are the texts of the job's unfinished runs, if all of them
 * are among the runs; they say what those wait for.
 */
export const countRuns = (
  runs: readonly { readonly status: RunStatus }[],
  active: readonly string[] | null = null,
): string => {
  const texts = (statuses: readonly RunStatus[]): readonly string[] =>
    statuses.flatMap((status) => {
      const count = runs.filter((run) => run.status === status).length;
      return count === 0 ? [] : [`${count} ${status}`];
    });
  const [ended, unfinished] = [RUN_STATUSES.filter(isFinal), RUN_STATUSES.filter((status) => !isFinal(status))];
  return `${runs.length} ${runs.length === 1 ? "run" : "runs"}: ${[...texts(ended), ...(active ?? texts(unfinished))].join(", ")}`;
};
