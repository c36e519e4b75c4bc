import { setImmediate } from "node:timers/promises";
import type { LineCount, LineFilter } from "../../store/output.ts";
import type { ApiStore } from "../options.ts";

/** Where the lines that a filter takes are, as of one moment: their positions, from 0, and their numbers in the run. */
export type Outline = {
  /** How many there are. */
  readonly total: number;
  /** Number of the run's newest line, whatever the filter; 0 where there is none. */
  readonly lastSeq: number;
  /** How many come before line `seq`. */
  readonly offsetOf: (seq: number) => number;
  /** Number of the line at a position; null where there are fewer. */
  readonly seqAt: (offset: number) => number | null;
};

/** Chunks that are looked at in one go, about 2 ms of them: others want a turn. */
const SLICE = 10_000;

/** Part of the output: the lines of it begin at `offset`. */
type Slice = { readonly fromSeq: number; readonly offset: number; readonly lines: number };

/** `chunks`: how many are looked at in one go. */
export const outlineOf = async (
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
