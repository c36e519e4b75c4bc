import { setImmediate } from "node:timers/promises";
import type { JobId } from "../../domain/ids.ts";
import type { Clock } from "../../lib/clock.ts";
import type { UnfiredSpan } from "../../store/occurrences.ts";
import type { ApiStore } from "../options.ts";

export type MarksQuery = {
  /** Ms since the epoch; the end is exclusive. */
  readonly from: number;
  readonly to: number;
  /** Parts of the window: occurrences of one part are counted together where they have the same job and reason. */
  readonly bins: number;
  readonly isAsked: (jobId: JobId) => boolean;
};

type Sources = { readonly store: Pick<ApiStore, "occurrences">; readonly clock: Clock };

/** Marks of all jobs together, at most. */
const MAX_MARKS = 5_000;

/** Occurrences that are counted in one query, about a ms of them. */
const SLICE = 3_000;

/** Others get a turn after this much work. */
const PAUSE_MS = 4;

/** Returns the occurrences that no run came of, by job and time. Leaves the thread to others while it counts them. */
export const readMarks = async (
  query: MarksQuery,
  { store, clock }: Sources,
): Promise<ReadonlyMap<JobId, readonly UnfiredSpan[]>> => {
  const { from, to, bins, isAsked } = query;
  const binMs = Math.max(1, Math.ceil((to - from) / bins));
  const marks = new Marks();
  let pausedAt = clock.monotonic();
  for (let at = store.occurrences.findNthUnfired(from, to, 1); at !== null; ) {
    const bin = Math.floor((at - from) / binMs);
    const binEnd = Math.min(to, from + (bin + 1) * binMs);
    const last = store.occurrences.findNthUnfired(at, binEnd, SLICE);
    const end = last === null ? binEnd : last + 1;
    for (const span of store.occurrences.listUnfiredSpans(at, end)) if (isAsked(span.jobId)) marks.add(span, bin);
    if (clock.monotonic() - pausedAt >= PAUSE_MS) {
      await setImmediate();
      pausedAt = clock.monotonic();
    }
    at = store.occurrences.findNthUnfired(end, to, 1);
  }
  return marks.byJob();
};

/** Spans in bins; the bins become longer when there are too many. */
class Marks {
  #spans = new Map<string, { readonly span: UnfiredSpan; readonly bin: number }>();
  /** How many of the bins that were asked for make one. */
  #factor = 1;

  add(span: UnfiredSpan, bin: number): void {
    this.#put(span, bin);
    while (this.#spans.size > MAX_MARKS && this.#merge()) {}
  }

  byJob(): ReadonlyMap<JobId, readonly UnfiredSpan[]> {
    const spans = [...this.#spans.values()].map(({ span }) => span).sort((a, b) => a.firstAt - b.firstAt);
    return Map.groupBy(spans, ({ jobId }) => jobId);
  }

  #put(span: UnfiredSpan, bin: number): void {
    const key = `${span.jobId} ${span.reason} ${Math.floor(bin / this.#factor)}`;
    const known = this.#spans.get(key)?.span;
    this.#spans.set(key, { span: known === undefined ? span : together(known, span), bin });
  }

  /** Makes the bins four times as long; false where that helps no more. */
  #merge(): boolean {
    const before = this.#spans;
    this.#factor *= 4;
    this.#spans = new Map();
    for (const { span, bin } of before.values()) this.#put(span, bin);
    return this.#factor < MAX_FACTOR;
  }
}

/** More bins than a window can be asked for in. */
const MAX_FACTOR = 4 ** 6;

const together = (a: UnfiredSpan, b: UnfiredSpan): UnfiredSpan => ({
  ...a,
  count: a.count + b.count,
  firstAt: Math.min(a.firstAt, b.firstAt),
  lastAt: Math.max(a.lastAt, b.lastAt),
});
