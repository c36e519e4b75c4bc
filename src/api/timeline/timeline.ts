import { setImmediate } from "node:timers/promises";
import type { JobId } from "../../domain/ids.ts";
import type { Job } from "../../domain/job.ts";
import type { JobView } from "../../engine/engine.ts";
import type { UnfiredSpan } from "../../store/occurrences.ts";
import type { Window } from "../../store/runs/timeline.ts";
import type { ApiContext } from "../context.ts";
import { readMarks } from "./marks.ts";
import { type Bar, Bars, fairShare, openBar } from "./merge.ts";

export type TimelineQuery = {
  /** Ms since the epoch. */
  readonly from: number;
  readonly to: number;
  /** Parts of the window: what falls together in one is told together. */
  readonly bins: number;
  /** Null: all. */
  readonly jobIds: ReadonlySet<string> | null;
};

/** A job's row. */
export type TimelineRow = {
  readonly jobId: JobId;
  /** Null where its definition is gone. */
  readonly job: Job | null;
  readonly bars: readonly Bar[];
  readonly marks: readonly UnfiredSpan[];
  readonly due: readonly number[];
  /** Whether more come within the window. */
  readonly hasMoreDue: boolean;
};

type Sources = Pick<ApiContext, "engine" | "store" | "clock">;

/** What all jobs show together, about: more than that no screen has room for. */
const MAX_BARS = 10_000;
const MAX_DUE = 5_000;

/** Rows of the database that are read in one go, about 5 ms of them: others want a turn. */
const SLICE = 5_000;

/** The window of each job, by id; gives way to other work while it looks. */
export const readTimeline = async (query: TimelineQuery, sources: Sources): Promise<readonly TimelineRow[]> => {
  const now = sources.clock.now();
  const views = sources.engine.listJobs().filter(({ job }) => isAsked(query, job.id));
  const bars = (await readBars(query, now, sources)).fitted(query.bins, MAX_BARS);
  const marks = await readMarks({ ...query, isAsked: (jobId) => isAsked(query, jobId) }, sources);
  const rows: TimelineRow[] = [];
  let pausedAt = sources.clock.monotonic();
  const dueOf = dueReader({ query, now, views, sources });
  for (const job of jobsOf(views, bars.keys())) {
    rows.push({ ...job, bars: bars.get(job.jobId) ?? [], marks: marks.get(job.jobId) ?? [], ...dueOf(job.jobId) });
    if (sources.clock.monotonic() - pausedAt < PAUSE_MS) continue;
    await setImmediate();
    pausedAt = sources.clock.monotonic();
  }
  return rows;
};

const PAUSE_MS = 5;

const isAsked = ({ jobIds }: TimelineQuery, jobId: string): boolean => jobIds?.has(jobId) ?? true;

/** By id; also those whose definition is gone, where they ran. */
const jobsOf = (views: readonly JobView[], ran: Iterable<JobId>): readonly Pick<TimelineRow, "jobId" | "job">[] => {
  const known = new Set<JobId>(views.map(({ job }) => job.id));
  const gone = [...ran].filter((jobId) => !known.has(jobId)).map((jobId) => ({ jobId, job: null }));
  const all = [...views.map(({ job }) => ({ jobId: job.id, job })), ...gone];
  return gone.length === 0 ? all : all.sort((a, b) => (a.jobId < b.jobId ? -1 : 1));
};

const readBars = async (query: TimelineQuery, now: number, { store }: Sources): Promise<Bars> => {
  const bars = new Bars();
  const window = windowOf(query, store);
  const binOf = (at: number): number => Math.floor((Math.max(at, window.from) - window.from) / window.binMs);
  for (const run of store.runs.listUnfinished()) {
    const startedAt = run.startedAt ?? run.createdAt;
    if (startedAt < query.to && isAsked(query, run.jobId)) bars.add(run.jobId, openBar(run, binOf));
  }
  // A run that ends meanwhile is told as one that goes on.
  const until = Math.min(now, query.to + LONG_MS);
  let after = query.from - 1;
  while (after < until) {
    const end = Math.min(store.runs.findNthEndAfter(after, SLICE) ?? until, until);
    for (const { jobId, ...bar } of store.runs.listEndedSpans({ ...window, after, until: end }))
      if (isAsked(query, jobId)) bars.add(jobId, bar);
    after = end;
    await setImmediate();
  }
  if (until < now) {
    for (const { jobId, ...bar } of store.runs.listEndedSpans({ ...window, after: until, until: now, long: true }))
      if (isAsked(query, jobId)) bars.add(jobId, bar);
  }
  return bars;
};

/** Runs that are longer than this have an index of their own. */
const LONG_MS = 3_600_000;

/** Bins as asked for, or fewer: so many that about twice as many bars come as will be shown. */
const windowOf = ({ from, to, bins, jobIds }: TimelineQuery, store: Sources["store"]): Window => {
  const counts = jobIds === null ? [...store.runs.estimateEndedByJob(from - 1, to).values()] : [];
  const bound = Math.max(MIN_BINS, Math.min(bins, fairShare(counts, 2 * MAX_BARS)));
  return { from, to, binMs: Math.max(1, Math.ceil((to - from) / bound)) };
};

const MIN_BINS = 20;

type DueOptions = {
  readonly query: TimelineQuery;
  readonly now: number;
  readonly views: readonly JobView[];
  readonly sources: Sources;
};

/** The instants to come, no two of them in the same bin. */
const dueReader = ({ query, now, views, sources }: DueOptions) => {
  const { from, to, bins } = query;
  const scheduled = views.filter(({ nextRunAt }) => nextRunAt !== null && nextRunAt < to).length;
  const most = Math.max(MIN_DUE, Math.min(bins, Math.floor(MAX_DUE / Math.max(1, scheduled))));
  const spacingMs = Math.max(1, Math.ceil((to - from) / bins));
  return (jobId: JobId): Pick<TimelineRow, "due" | "hasMoreDue"> => {
    if (to <= now) return { due: [], hasMoreDue: false };
    const coming = sources.engine.nextOccurrences(jobId, most + 1, { from, to, spacingMs });
    return { due: coming.slice(0, most), hasMoreDue: coming.length > most };
  };
};

const MIN_DUE = 5;
