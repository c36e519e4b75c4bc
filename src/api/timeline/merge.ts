import type { JobId } from "../../domain/ids.ts";
import type { Run } from "../../domain/run.ts";
import type { RunSpan } from "../../store/runs/timeline.ts";

/** A bar of the timeline: one run, or several that are merged. */
export type MergedBar = Omit<RunSpan, "jobId" | "endedAt"> & {
  /** Null if a run is running or pending. */
  readonly endedAt: number | null;
};

/** Last bins of runs that have not ended. They keep these runs apart from ended ones, however coarse the bins are. */
const OPEN = { running: 1_000_000, pending: 2_000_000 } as const;

/** Returns the bar of a run that has not ended. */
export const openBar = (run: Run, binOf: (at: number) => number): MergedBar => {
  const startedAt = run.startedAt ?? run.createdAt;
  return {
    firstBin: binOf(startedAt),
    lastBin: run.status === "pending" ? OPEN.pending : OPEN.running,
    count: 1,
    failures: 0,
    successes: 0,
    startedAt,
    endedAt: null,
    worst: { id: run.id, status: run.status, trigger: run.trigger, weight: run.createdAt },
  };
};

/** Collects the bars of each job, and merges bars with the same first and last bin. */
export class BarCollector {
  readonly #byJob = new Map<JobId, Map<number, MergedBar>>();
  /** What the last call of `get` returned for a job to which no bar was added since. */
  readonly #fitted = new Map<JobId, { readonly limit: number; readonly bars: readonly MergedBar[] }>();

  add(jobId: JobId, bar: MergedBar): void {
    this.#fitted.delete(jobId);
    const bars = this.#byJob.get(jobId);
    if (bars === undefined) this.#byJob.set(jobId, new Map([[keyOf(bar), bar]]));
    else put(bars, bar);
  }

  get jobIds(): Iterable<JobId> {
    return this.#byJob.keys();
  }

  /** Limits the bars to `each` per job and about `all` in total. Jobs with the most bars are reduced first. */
  fit(each: number, all: number): FittedBars {
    const sizes = [...this.#byJob.values()].map(({ size }) => Math.min(size, each));
    const limit = Math.max(MIN_BARS, Math.min(each, fairShare(sizes, all)));
    return {
      keys: () => this.jobIds,
      get: (jobId) => this.#fit(jobId, limit),
    };
  }

  #fit(jobId: JobId, limit: number): readonly MergedBar[] | undefined {
    const known = this.#fitted.get(jobId);
    if (known?.limit === limit) return known.bars;
    const all = this.#byJob.get(jobId);
    if (all === undefined) return undefined;
    const bars = coarsen(all, limit).sort(byStart);
    this.#fitted.set(jobId, { limit, bars });
    return bars;
  }
}

/** Bars by start. Each job is reduced only when it is read, because reducing all jobs at once would block other work. */
export type FittedBars = {
  readonly keys: () => Iterable<JobId>;
  readonly get: (jobId: JobId) => readonly MergedBar[] | undefined;
};

/** Minimum of bars per job, however many jobs there are. */
const MIN_BARS = 10;

/** Returns the largest limit per size for which the sum of the limited sizes is at most `total`. */
export const fairShare = (sizes: readonly number[], total: number): number => {
  let remaining = total;
  const ascending = sizes.toSorted((a, b) => a - b);
  for (const [index, size] of ascending.entries()) {
    const share = Math.floor(remaining / (ascending.length - index));
    if (size > share) return share;
    remaining -= size;
  }
  return Number.MAX_SAFE_INTEGER;
};

/** Doubles the length of the bins until at most `limit` bars remain. */
const coarsen = (bars: ReadonlyMap<number, MergedBar>, limit: number): MergedBar[] => {
  if (bars.size <= limit) return [...bars.values()];
  const merged = new Map<number, MergedBar>();
  const factor = factorFor([...bars.values()], limit);
  for (const bar of bars.values()) put(merged, { ...bar, ...longer(bar, factor) });
  return [...merged.values()];
};

/** Returns the power of two by which bins must be longer. Keys alone are counted, because to merge bars at each step takes long. */
const factorFor = (bars: readonly MergedBar[], limit: number): number => {
  for (let factor = 2; ; factor *= 2) {
    const keys = new Set<number>();
    for (const bar of bars) keys.add(keyOf(longer(bar, factor)));
    if (keys.size <= limit || factor > MAX_FACTOR) return factor;
  }
};

/** Greater than the number of bins. With it, each bar is in the first bin, and only bars that have not ended are separate. */
const MAX_FACTOR = 2 ** 30;

const longer = ({ firstBin, lastBin, endedAt }: MergedBar, factor: number) => ({
  firstBin: Math.floor(firstBin / factor),
  lastBin: endedAt === null ? lastBin : Math.floor(lastBin / factor),
});

const put = (bars: Map<number, MergedBar>, bar: MergedBar): void => {
  const key = keyOf(bar);
  const existing = bars.get(key);
  bars.set(key, existing === undefined ? bar : mergeBars(existing, bar));
};

const keyOf = ({ firstBin, lastBin }: Pick<MergedBar, "firstBin" | "lastBin">): number =>
  firstBin * 4_000_000 + lastBin;

const mergeBars = (a: MergedBar, b: MergedBar): MergedBar => ({
  firstBin: a.firstBin,
  lastBin: a.lastBin,
  count: a.count + b.count,
  failures: a.failures + b.failures,
  successes: a.successes + b.successes,
  startedAt: Math.min(a.startedAt, b.startedAt),
  endedAt: a.endedAt === null || b.endedAt === null ? null : Math.max(a.endedAt, b.endedAt),
  worst: a.worst.weight >= b.worst.weight ? a.worst : b.worst,
});

export const byStart = (a: MergedBar, b: MergedBar): number => a.startedAt - b.startedAt || a.lastBin - b.lastBin;
