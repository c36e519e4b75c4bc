import { setImmediate } from "node:timers/promises";
import type { LineCount, LineFilter } from "../../store/output.ts";
import type { ApiStore } from "../options.ts";

/** The positions, from 0, and the sequence numbers of the lines that match a filter, at one moment. */
export type Outline = {
  /** Number of matching lines. */
  readonly total: number;
  /** Sequence number of the newest line of the run, whether it matches or not; 0 if there is none. */
  readonly lastSeq: number;
  /** Returns the number of matching lines before line `seq`. */
  readonly offsetOf: (seq: number) => number;
  /** Returns the sequence number of the line at a position, or null if there are fewer lines. */
  readonly seqAt: (offset: number) => number | null;
};

/** Chunks that one query counts, which takes about 2 ms. Other work runs between two queries. */
const SLICE = 10_000;

/** A part of the output; `offset` is the position of its first line. */
type Slice = { readonly fromSeq: number; readonly offset: number; readonly lines: number };

/** Counts the matching lines. `chunks` is the number of chunks per query. */
export const readOutline = async (
  store: Pick<ApiStore, "output">,
  filter: LineFilter,
  chunks = SLICE,
): Promise<Outline> => {
  const lastSeq = store.output.getNewestSeq(filter.runId);
  const slices = await readSlices(store, { ...filter, limit: chunks, untilSeq: lastSeq + 1 });
  const total = slices.reduce((sum, { lines }) => sum + lines, 0);
  return {
    total,
    lastSeq,
    offsetOf: (seq) => {
      const slice = slices.findLast(({ fromSeq }) => fromSeq <= seq);
      if (slice === undefined) return 0;
      const untilSeq = Math.min(seq, lastSeq + 1);
      return (
        slice.offset + store.output.countLines({ ...filter, fromSeq: slice.fromSeq, untilSeq, limit: chunks }).lines
      );
    },
    seqAt: (offset) => {
      const slice = slices.findLast((each) => each.offset <= offset && offset < each.offset + each.lines);
      if (slice === undefined) return null;
      return store.output.findLineSeq({
        ...filter,
        fromSeq: slice.fromSeq,
        skip: offset - slice.offset,
        limit: chunks,
      });
    },
  };
};

type SlicesQuery = LineFilter & { readonly limit: number; readonly untilSeq: number };

const readSlices = async (store: Pick<ApiStore, "output">, query: SlicesQuery): Promise<readonly Slice[]> => {
  const slices: Slice[] = [];
  let offset = 0;
  for (let fromSeq: number | null = 1; fromSeq !== null; ) {
    if (slices.length > 0) await setImmediate();
    const { lines, nextSeq }: LineCount = store.output.countLines({ ...query, fromSeq });
    slices.push({ fromSeq, offset, lines });
    offset += lines;
    fromSeq = nextSeq;
  }
  return slices;
};
