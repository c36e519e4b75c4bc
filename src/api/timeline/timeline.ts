import { setImmediate } from "node:timers/promises";
import type { UnfiredDeliveries } from "../../domain/deliveries/delivery.ts";
import type { JobId } from "../../domain/ids.ts";
import type { Job } from "../../domain/job.ts";
import type { JobView } from "../../engine/engine.ts";
import type { UnfiredSpan } from "../../store/occurrences.ts";
import type { Window } from "../../store/runs/timeline.ts";
import type { ApiContext } from "../context.ts";
import type { EndedBars } from "./ended-bars.ts";
import { readDeliveryMarks, readMarks } from "./marks.ts";
import { BarCollector, byStart, fairShare, type MergedBar, openBar } from "./merge.ts";

export type TimelineQuery = {
  /** In ms since the Unix epoch; the end is exclusive. */
  readonly from: number;
  readonly to: number;
  /** Number of parts of the window. Runs in the same parts are merged. */
  readonly bins: number;
  /** Number of parts of the window in which occurrences without a run are merged; by default `bins`. */
  readonly markBins?: number;
  /** True to leave out what will be skipped, because its job or the scheduler is paused. */
  readonly hidesPaused?: boolean;
  /** Null selects all jobs. */
  readonly jobIds: ReadonlySet<string> | null;
  /** Maximum of rows: the first ones by name. Null returns all, by id. */
  readonly limit: number | null;
};

export type Timeline = {
  readonly rows: readonly TimelineRow[];
  /** How many rows there are without `limit`. */
  readonly count: number;
};

/** The row of one job. */
export type TimelineRow = {
  readonly jobId: JobId;
  /** Null if the job was removed. */
  readonly job: Job | null;
  readonly bars: readonly MergedBar[];
  readonly marks: readonly UnfiredSpan[];
  readonly deliveries: readonly UnfiredDeliveries[];
  readonly due: readonly number[];
  /** True if the window has more occurrences than `due`. */
  readonly hasMoreDue: boolean;
};

export type TimelineSources = Pick<ApiContext, "engine" | "store" | "clock"> & { readonly endedBars: EndedBars };

/** Approximate maximum of bars and of coming occurrences of all jobs. No screen has room for more. */
const MAX_BARS = 10_000;
const MAX_DUE = 5_000;

/** Returns one row per job. Yields to other work in between. */
export const readTimeline = async (query: TimelineQuery, sources: TimelineSources): Promise<Timeline> => {
  const now = sources.clock.now();
  const views = sources.engine.listJobs().filter(({ job }) => isSelected(query, job.id));
  const bars = await readBars(query, sources);
  const { from, to, bins: runBins, markBins = runBins } = query;
  const marksQuery = { from, to, bins: markBins, isSelected: (jobId: JobId) => isSelected(query, jobId) };
  const marks = await readMarks(marksQuery, sources);
  const deliveries = await readDeliveryMarks(marksQuery, sources);
  const rows: TimelineRow[] = [];
  let yieldedAt = sources.clock.monotonic();
  const readDue = createDueReader({ query, now, views, sources });
  const jobs = jobsOf(views, bars.jobIds);
  for (const job of query.limit === null ? jobs : jobs.toSorted(byName).slice(0, query.limit)) {
    rows.push({
      ...job,
      bars: bars.of(job.jobId),
      marks: marks.get(job.jobId) ?? [],
      deliveries: deliveries.get(job.jobId) ?? [],
      ...readDue(job.jobId),
    });
    if (sources.clock.monotonic() - yieldedAt < YIELD_INTERVAL_MS) continue;
    await setImmediate();
    yieldedAt = sources.clock.monotonic();
  }
  return { rows, count: jobs.length };
};

/** Maximum time between two yields to other work. */
const YIELD_INTERVAL_MS = 5;

const names = new Intl.Collator(undefined, { numeric: true });

const byName = (a: Pick<TimelineRow, "jobId" | "job">, b: Pick<TimelineRow, "jobId" | "job">): number =>
  names.compare(a.job?.name ?? a.jobId, b.job?.name ?? b.jobId);

const isSelected = ({ jobIds }: TimelineQuery, jobId: string): boolean => jobIds?.has(jobId) ?? true;

/** Returns the jobs by id, including removed jobs that have runs in the window. */
const jobsOf = (
  views: readonly JobView[],
  withRuns: Iterable<JobId>,
): readonly Pick<TimelineRow, "jobId" | "job">[] => {
  const present = new Set<JobId>(views.map(({ job }) => job.id));
  const removed = [...withRuns].filter((jobId) => !present.has(jobId)).map((jobId) => ({ jobId, job: null }));
  const all = [...views.map(({ job }) => ({ jobId: job.id, job })), ...removed];
  return removed.length === 0 ? all : all.sort((a, b) => (a.jobId < b.jobId ? -1 : 1));
};

/** The bars of each job. Those of runs that have not ended are kept apart from the others. */
type Bars = { readonly jobIds: Iterable<JobId>; readonly of: (jobId: JobId) => readonly MergedBar[] };

const readBars = async (query: TimelineQuery, { store, clock, endedBars }: TimelineSources): Promise<Bars> => {
  const { from, to, bins, jobIds } = query;
  const now = clock.now();
  const isCurrent = from <= now && now < to;
  const { ended, unfinished, window } =
    jobIds === null && isCurrent
      ? await endedBars.ofAllJobs(`${from} ${to} ${bins}`, () => windowOf(query, store))
      : await endedBars.ofJobs(jobIds, windowOf(query, store));
  const binOf = (at: number): number => Math.floor((Math.max(at, window.from) - window.from) / window.binMs);
  const open = new BarCollector();
  for (const run of unfinished)
    if ((run.startedAt ?? run.createdAt) < to && isSelected(query, run.jobId)) open.add(run.jobId, openBar(run, binOf));
  const fitted = [open, ended].map((each) => each.fit(bins, MAX_BARS));
  return {
    jobIds: new Set([...open.jobIds, ...ended.jobIds]),
    of: (jobId) => fitted.flatMap((each) => each.get(jobId) ?? []).sort(byStart),
  };
};

/** Returns the window with the requested number of bins, or fewer: enough for about twice as many bars as are shown. */
const windowOf = ({ from, to, bins, jobIds }: TimelineQuery, store: TimelineSources["store"]): Window => {
  const counts = jobIds === null ? [...store.runs.estimateEndedByJob(from - 1, to).values()] : [];
  const bound = Math.max(MIN_BINS, Math.min(bins, fairShare(counts, 2 * MAX_BARS)));
  return { from, to, binMs: Math.max(1, Math.ceil((to - from) / bound)) };
};

const MIN_BINS = 20;

type DueOptions = {
  readonly query: TimelineQuery;
  readonly now: number;
  readonly views: readonly JobView[];
  readonly sources: TimelineSources;
};

/** Returns a function that lists the coming occurrences of a job, at most one per bin. */
const createDueReader = ({ query, now, views, sources }: DueOptions) => {
  const { from, to, bins, hidesPaused = false } = query;
  const scheduled = views.filter(({ nextRunAt }) => nextRunAt !== null && nextRunAt < to).length;
  const limit = Math.max(MIN_DUE, Math.min(bins, Math.floor(MAX_DUE / Math.max(1, scheduled))));
  const spacingMs = Math.max(1, Math.ceil((to - from) / bins));
  const paused = new Set(views.flatMap(({ job, pause }) => (pause === null ? [] : [job.id])));
  const isPaused = sources.engine.schedulerPause !== null;
  const isHidden = (jobId: JobId): boolean => hidesPaused && (isPaused || paused.has(jobId));
  return (jobId: JobId): Pick<TimelineRow, "due" | "hasMoreDue"> => {
    if (to <= now || isHidden(jobId)) return { due: [], hasMoreDue: false };
    const coming = sources.engine.nextOccurrences(jobId, limit + 1, { from, to, spacingMs });
    return { due: coming.slice(0, limit), hasMoreDue: coming.length > limit };
  };
};

const MIN_DUE = 5;
