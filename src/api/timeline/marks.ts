import { setImmediate } from "node:timers/promises";
import type { UnfiredDeliveries } from "../../domain/deliveries/delivery.ts";
import type { JobId } from "../../domain/ids.ts";
import type { Clock } from "../../lib/clock.ts";
import type { UnfiredSpan } from "../../store/occurrences.ts";
import type { ApiStore } from "../options.ts";

export type MarksQuery = {
  /** In ms since the Unix epoch; the end is exclusive. */
  readonly from: number;
  readonly to: number;
  /** Number of parts of the window. What is in one part with the same job and reason is merged. */
  readonly bins: number;
  readonly isSelected: (jobId: JobId) => boolean;
};

type MarkSources<Part extends "occurrences" | "deliveries"> = {
  readonly store: Pick<ApiStore, Part>;
  readonly clock: Clock;
};

/** What becomes a mark, or a part of one. */
type Span = Pick<UnfiredSpan, "jobId" | "count" | "firstAt" | "lastAt"> & {
  readonly outcome: string;
  readonly reason: string;
};

/** Where marks come from, by time. */
type SpanSource<Each extends Span> = {
  readonly findNthUnfired: (from: number, to: number, count: number) => number | null;
  readonly listUnfiredSpans: (from: number, to: number) => readonly Each[];
};

/** Maximum of marks of all jobs. */
const MAX_MARKS = 5_000;

/** Occurrences or deliveries that one query counts, which takes about 1 ms. */
const SLICE = 3_000;

/** Maximum time between two yields to other work. */
const YIELD_INTERVAL_MS = 4;

/** Returns the occurrences without a run, by job and time. Yields to other work in between. */
export const readMarks = (
  query: MarksQuery,
  { store, clock }: MarkSources<"occurrences">,
): Promise<ReadonlyMap<JobId, readonly UnfiredSpan[]>> => readSpans(query, store.occurrences, clock);

/** Returns the deliveries without a run, by job and time. Yields to other work in between. */
export const readDeliveryMarks = (
  query: MarksQuery,
  { store, clock }: MarkSources<"deliveries">,
): Promise<ReadonlyMap<JobId, readonly UnfiredDeliveries[]>> => readSpans(query, store.deliveries, clock);

const readSpans = async <Each extends Span>(
  { from, to, bins, isSelected }: MarksQuery,
  source: SpanSource<Each>,
  clock: Clock,
): Promise<ReadonlyMap<JobId, readonly Each[]>> => {
  const binMs = Math.max(1, Math.ceil((to - from) / bins));
  const marks = new MarkCollector<Each>();
  let yieldedAt = clock.monotonic();
  for (let at = source.findNthUnfired(from, to, 1); at !== null; ) {
    const bin = Math.floor((at - from) / binMs);
    const binEnd = Math.min(to, from + (bin + 1) * binMs);
    const last = source.findNthUnfired(at, binEnd, SLICE);
    const end = last === null ? binEnd : last + 1;
    for (const span of source.listUnfiredSpans(at, end)) if (isSelected(span.jobId)) marks.add(span, bin);
    if (clock.monotonic() - yieldedAt >= YIELD_INTERVAL_MS) {
      await setImmediate();
      yieldedAt = clock.monotonic();
    }
    at = source.findNthUnfired(end, to, 1);
  }
  return marks.byJob();
};

/** Collects spans in bins, and makes the bins longer if there are too many spans. */
class MarkCollector<Each extends Span> {
  #spans = new Map<string, { readonly span: Each; readonly bin: number }>();
  /** Number of requested bins per bin. */
  #factor = 1;

  add(span: Each, bin: number): void {
    this.#put(span, bin);
    while (this.#spans.size > MAX_MARKS && this.#merge()) {}
  }

  byJob(): ReadonlyMap<JobId, readonly Each[]> {
    const spans = [...this.#spans.values()].map(({ span }) => span).sort((a, b) => a.firstAt - b.firstAt);
    return Map.groupBy(spans, ({ jobId }) => jobId);
  }

  #put(span: Each, bin: number): void {
    const key = `${span.jobId} ${span.outcome} ${span.reason} ${Math.floor(bin / this.#factor)}`;
    const existing = this.#spans.get(key)?.span;
    this.#spans.set(key, { span: existing === undefined ? span : mergeSpans(existing, span), bin });
  }

  /** Makes the bins four times as long. Returns false if they can't become longer. */
  #merge(): boolean {
    const before = this.#spans;
    this.#factor *= 4;
    this.#spans = new Map();
    for (const { span, bin } of before.values()) this.#put(span, bin);
    return this.#factor < MAX_FACTOR;
  }
}

/** Greater than the maximum of requested bins. */
const MAX_FACTOR = 4 ** 6;

const mergeSpans = <Each extends Span>(a: Each, b: Each): Each => ({
  ...a,
  count: a.count + b.count,
  firstAt: Math.min(a.firstAt, b.firstAt),
  lastAt: Math.max(a.lastAt, b.lastAt),
});
