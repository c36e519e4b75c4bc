import { setImmediate } from "node:timers/promises";
import type { LineFilter, OutputChunk } from "../../store/output.ts";
import type { ApiStore } from "../options.ts";
import { type LogLine, linesOf } from "../shapes/log.ts";
import type { LineFinder } from "./finders.ts";
import { type Outline, readOutline } from "./outline.ts";

export type SearchQuery = {
  readonly filter: LineFilter;
  readonly finder: LineFinder;
  /** True to return the text of the lines too: then a search ends after about MAX_TEXT characters. */
  readonly withLines: boolean;
  /** Only lines after this sequence number. */
  readonly after: number;
  /** Maximum of lines. */
  readonly limit: number;
};

type Match = { readonly seq: number; readonly offset: number };

export type LineSearchResult = Pick<Outline, "total" | "lastSeq"> & {
  readonly matches: readonly Match[];
  /** The matching lines, with `withLines`; otherwise empty. */
  readonly lines: readonly LogLine[];
  readonly isComplete: boolean;
  /** Sequence number of the last line that was searched. */
  readonly searchedTo: number;
};

/** Characters of the lines that one request returns; it ends with the line that reaches this number. */
const MAX_TEXT = 1_000_000;

/** Maximum of chunks that one query reads. */
const MAX_BATCH = 1_000;

/** Finds matching lines. Yields to other work in between. */
export const searchLines = async (
  store: ApiStore,
  query: SearchQuery,
  signal: AbortSignal,
): Promise<LineSearchResult> => {
  const { maxBytes, sliceBytes } = query.finder;
  const outline = await readOutline(store, query.filter);
  const search = new Search(query, outline);
  let [searchedBytes, limit] = [0, 16];
  while (searchedBytes < maxBytes && !signal.aborted) {
    const chunks = store.output.read({ ...query.filter, fromSeq: search.nextSeq, limit });
    const isFull = chunks.some((chunk) => search.searchChunk(chunk));
    if (!isFull && chunks.length < limit) return search.resultUpTo(outline.lastSeq);
    if (isFull || search.nextSeq > outline.lastSeq) break;
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.bytes.length, 0);
    searchedBytes += bytes;
    limit = Math.min(MAX_BATCH, Math.max(1, Math.floor((sliceBytes * chunks.length) / bytes)));
    await setImmediate();
  }
  return search.resultUpTo(search.nextSeq - 1);
};

class Search {
  nextSeq: number;
  #offset: number;
  readonly #matches: Match[] = [];
  readonly #lines: LogLine[] = [];
  #text = 0;
  readonly #query: SearchQuery;
  readonly #outline: Outline;

  constructor(query: SearchQuery, outline: Outline) {
    this.#query = query;
    this.#outline = outline;
    this.nextSeq = query.after + 1;
    this.#offset = outline.offsetOf(this.nextSeq);
  }

  /** Returns true once the limit is reached, without searching the rest of the chunk. */
  searchChunk(chunk: OutputChunk): boolean {
    // Lines that were added since belong to the next search.
    if (chunk.seq > this.#outline.lastSeq) return false;
    const skip = Math.max(0, this.nextSeq - chunk.seq);
    const { finder, limit, withLines } = this.#query;
    const found = finder.find(chunk, skip);
    const lines = withLines && found.length > 0 ? linesOf(chunk, 0) : [];
    for (const index of found) {
      this.#matches.push({ seq: chunk.seq + index, offset: this.#offset + index - skip });
      this.#keep(lines[index]);
      this.nextSeq = chunk.seq + index + 1;
      if (this.#matches.length === limit || this.#text >= MAX_TEXT) return true;
    }
    this.#offset += chunk.lines - skip;
    this.nextSeq = chunk.seq + chunk.lines;
    return false;
  }

  #keep(line: LogLine | undefined): void {
    if (line === undefined) return;
    this.#lines.push(line);
    this.#text += line.text.length;
  }

  resultUpTo(searchedTo: number): LineSearchResult {
    const { total, lastSeq } = this.#outline;
    const isComplete = searchedTo >= lastSeq;
    return {
      matches: this.#matches,
      lines: this.#lines,
      total,
      lastSeq,
      isComplete,
      searchedTo: isComplete ? lastSeq : searchedTo,
    };
  }
}
