import { RUN_STATUSES, type RunStatus, TRIGGERS, type Trigger } from "../../domain/run.ts";

/** The filter of the list of runs, stored in the URL. */
export type RunListQuery = {
  readonly status: RunStatus | null;
  readonly trigger: Trigger | null;
  /** Id of a job; empty for all jobs. */
  readonly job: string;
  /** Id of a run: shows only runs created before it. */
  readonly before: string;
  /** True if the runs are grouped by their jobs. */
  readonly isGrouped: boolean;
  /** Grouped runs: only those that were created in this time before now, in ms; null for all. */
  readonly withinMs: number | null;
};

/** Reads the filter from the URL query; ignores unknown values. */
export const readFilter = (query: URLSearchParams): RunListQuery => ({
  status: RUN_STATUSES.find((each) => each === query.get("status")) ?? null,
  trigger: TRIGGERS.find((each) => each === query.get("trigger")) ?? null,
  job: query.get("job") ?? "",
  before: query.get("before") ?? "",
  isGrouped: query.get("group") === "job",
  withinMs: query.get("within") === "24h" ? DAY_MS : null,
});

const DAY_MS = 24 * 3_600_000;

const PAGE_SIZE = 50;
/** The API has no filter by trigger: the page filters this number of runs itself. */
export const MAX_SEARCHED = 1_000;

/** Returns the query for a filter. */
export const runsQueryFor = ({ status, trigger, before, isGrouped }: RunListQuery) => ({
  limit: trigger === null && !isGrouped ? PAGE_SIZE : MAX_SEARCHED,
  ...(status === null ? {} : { status }),
  ...(before === "" ? {} : { before }),
});

type GroupedRun = ListedRun & { readonly job_id: string; readonly created_at: number };

type JobRuns<Run> = { readonly jobId: string; readonly runs: readonly Run[] };

/** Groups matching runs by their jobs: those with the most runs first. */
export const groupByJob = <Run extends GroupedRun>(
  runs: readonly Run[],
  { trigger, withinMs }: Pick<RunListQuery, "trigger" | "withinMs">,
  now: number,
): readonly JobRuns<Run>[] => {
  const fitting = runs.filter(
    (run) => (trigger === null || run.trigger === trigger) && (withinMs === null || run.created_at >= now - withinMs),
  );
  return [...Map.groupBy(fitting, ({ job_id }) => job_id)]
    .map(([jobId, ofJob]) => ({ jobId, runs: ofJob }))
    .toSorted((a, b) => b.runs.length - a.runs.length);
};

type ListedRun = { readonly id: string; readonly trigger: Trigger };

type RunPage<Run extends ListedRun> = {
  readonly shown: readonly Run[];
  /** Id of the run after which the next page begins; null on the last page. */
  readonly next: string | null;
  /** Number of runs that were searched for the page. */
  readonly searched: number;
};

/** Returns the page of matching runs. */
export const pageOf = <Run extends ListedRun>(runs: readonly Run[], filter: RunListQuery): RunPage<Run> => {
  const fitting = filter.trigger === null ? runs : runs.filter(({ trigger }) => trigger === filter.trigger);
  const shown = fitting.slice(0, PAGE_SIZE);
  const isCut = fitting.length > PAGE_SIZE;
  const last = isCut ? shown.at(-1) : runs.at(-1);
  const isLast = !isCut && runs.length < runsQueryFor(filter).limit;
  const searched = isCut && last !== undefined ? runs.indexOf(last) + 1 : runs.length;
  return { shown, next: isLast ? null : (last?.id ?? null), searched };
};
