import type { JobId } from "../../domain/ids.ts";
import type { Run } from "../../domain/run.ts";
import type { RunSpan } from "../../store/runs/timeline.ts";

/** A bar of a time line: one run, or several that fall together. */
export type Bar = Omit<RunSpan, "jobId" | "endedAt"> & {
  /** Null while it goes on or waits. */
  readonly endedAt: number | null;
};

/** Bars that are open at their end stand apart from those that have one, however coarse the bins are. */
const OPEN = { running: 1_000_000, pending: 2_000_000 } as const;

/** A run that has not ended. */
export const openBar = (run: Run, binOf: (at: number) => number): Bar => {
  const startedAt = run.startedAt ?? run.createdAt;
  return {
    firstBin: binOf(startedAt),
    lastBin: run.status === "pending" ? OPEN.pending : OPEN.running,
    count: 1,
    startedAt,
    endedAt: null,
    worst: { id: run.id, status: run.status, trigger: run.trigger, weight: run.createdAt },
  };
};

/** The bars of each job; those that share both bins are one. */
export class Bars {
  readonly #byJob = new Map<JobId, Map<number, Bar>>();

  add(jobId: JobId, bar: Bar): void {
    const known = this.#byJob.get(jobId);
    if (known === undefined) this.#byJob.set(jobId, new Map([[keyOf(bar), bar]]));
    else put(known, bar);
  }

  get jobIds(): Iterable<JobId> {
    return this.#byJob.keys();
  }

  /** By start, at most `each` of a job and about `all` in all: jobs with the most of them give way first. */
  fitted(each: number, all: number): FittedBars {
    const sizes = [...this.#byJob.values()].map(({ size }) => Math.min(size, each));
    const most = Math.max(MIN_BARS, Math.min(each, fairShare(sizes, all)));
    return {
      keys: () => this.jobIds,
      get: (jobId) => {
        const bars = this.#byJob.get(jobId);
        return bars === undefined ? undefined : coarsened(bars, most).sort(byStart);
      },
    };
  }
}

/** Those of a job are made few when they are asked for: of all jobs that takes long enough for others to want a turn. */
export type FittedBars = {
  readonly keys: () => Iterable<JobId>;
  readonly get: (jobId: JobId) => readonly Bar[] | undefined;
};

/** However many jobs there are, each shows so many. */
const MIN_BARS = 10;

/** The largest share that lets the sum of all, each cut to it, stay within `total`. */
export const fairShare = (sizes: readonly number[], total: number): number => {
  let left = total;
  const ascending = sizes.toSorted((a, b) => a - b);
  for (const [index, size] of ascending.entries()) {
    const share = Math.floor(left / (ascending.length - index));
    if (size > share) return share;
    left -= size;
  }
  return Number.MAX_SAFE_INTEGER;
};

/** Makes the bins twice as long until there are few enough. */
const coarsened = (bars: ReadonlyMap<number, Bar>, most: number): Bar[] => {
  let merged = bars;
  while (merged.size > most) {
    const coarser = new Map<number, Bar>();
    for (const bar of merged.values()) put(coarser, { ...bar, ...halved(bar) });
    merged = coarser;
  }
  return [...merged.values()];
};

const halved = ({ firstBin, lastBin, endedAt }: Bar) => ({
  firstBin: Math.floor(firstBin / 2),
  lastBin: endedAt === null ? lastBin : Math.floor(lastBin / 2),
});

const put = (bars: Map<number, Bar>, bar: Bar): void => {
  const key = keyOf(bar);
  const known = bars.get(key);
  bars.set(key, known === undefined ? bar : together(known, bar));
};

const keyOf = ({ firstBin, lastBin }: Bar): number => firstBin * 4_000_000 + lastBin;

const together = (a: Bar, b: Bar): Bar => ({
  firstBin: a.firstBin,
  lastBin: a.lastBin,
  count: a.count + b.count,
  startedAt: Math.min(a.startedAt, b.startedAt),
  endedAt: a.endedAt === null || b.endedAt === null ? null : Math.max(a.endedAt, b.endedAt),
  worst: a.worst.weight >= b.worst.weight ? a.worst : b.worst,
});

const byStart = (a: Bar, b: Bar): number => a.startedAt - b.startedAt || a.lastBin - b.lastBin;
