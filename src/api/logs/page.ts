import type { LineFilter } from "../../store/output.ts";
import type { ApiStore } from "../options.ts";
import { type LogLine, linesOf } from "../shapes/log.ts";

/** Characters of a page; it ends with the line that reaches this number. */
const MAX_TEXT = 1_000_000;

/** Chunks that one query reads. */
const BATCH = 32;

type PageQuery = { readonly filter: LineFilter; readonly fromSeq: number; readonly limit: number };

/** Reads lines from `fromSeq`; at least one, unless there is none. */
export const readPage = (store: ApiStore, { filter, fromSeq, limit }: PageQuery): readonly LogLine[] => {
  const page: LogLine[] = [];
  let text = 0;
  for (let seq = fromSeq; ; ) {
    const chunks = store.output.read({ ...filter, fromSeq: seq, limit: BATCH });
    for (const chunk of chunks) {
      for (const line of linesOf(chunk, Math.max(0, seq - chunk.seq))) {
        if (page.length === limit || text >= MAX_TEXT) return page;
        page.push(line);
        text += line.text.length;
      }
      seq = chunk.seq + chunk.lines;
    }
    if (chunks.length < BATCH) return page;
  }
};
