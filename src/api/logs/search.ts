import { setImmediate } from "node:timers/promises";
import { removeEscapes } from "../../lib/text.ts";
import type { LineFilter, OutputChunk } from "../../store/output.ts";
import type { ApiStore } from "../options.ts";
import { type Outline, readOutline } from "./outline.ts";

export type SearchQuery = {
  readonly filter: LineFilter;
  readonly text: string;
  readonly matchCase: boolean;
  /** Only lines after this sequence number. */
  readonly after: number;
  /** Maximum of lines. */
  readonly limit: number;
};

type Match = { readonly seq: number; readonly offset: number };

export type LineSearchResult = Pick<Outline, "total" | "lastSeq"> & {
  readonly matches: readonly Match[];
  readonly isComplete: boolean;
  /** Sequence number of the last line that was searched. */
  readonly searchedTo: number;
};

/** Approximate maximum of bytes that one request searches. */
const MAX_BYTES = 256 * 1024 * 1024;

/** Approximate number of bytes between two yields to other work; takes about 2 ms. */
const SLICE_BYTES = 512 * 1024;

/** Maximum of chunks that one query reads. */
const MAX_BATCH = 1_000;

/** Finds the lines that contain a text, ignoring escape sequences. Yields to other work in between. */
export const searchLines = async (
  store: ApiStore,
  query: SearchQuery,
  signal: AbortSignal,
): Promise<LineSearchResult> => {
  const outline = await readOutline(store, query.filter);
  const search = new Search(query, outline);
  let [searchedBytes, limit] = [0, 16];
  while (searchedBytes < MAX_BYTES && !signal.aborted) {
    const chunks = store.output.read({ ...query.filter, fromSeq: search.nextSeq, limit });
    const isFull = chunks.some((chunk) => search.searchChunk(chunk));
    if (!isFull && chunks.length < limit) return search.resultUpTo(outline.lastSeq);
    if (isFull || search.nextSeq > outline.lastSeq) break;
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.bytes.length, 0);
    searchedBytes += bytes;
    limit = Math.min(MAX_BATCH, Math.max(1, Math.floor((SLICE_BYTES * chunks.length) / bytes)));
    await setImmediate();
  }
  return search.resultUpTo(search.nextSeq - 1);
};

class Search {
  nextSeq: number;
  #offset: number;
  readonly #matches: Match[] = [];
  readonly #find: ReturnType<typeof createFinder>;
  readonly #query: SearchQuery;
  readonly #outline: Outline;

  constructor(query: SearchQuery, outline: Outline) {
    this.#query = query;
    this.#outline = outline;
    this.#find = createFinder(query);
    this.nextSeq = query.after + 1;
    this.#offset = outline.offsetOf(this.nextSeq);
  }

  /** Returns true once the limit is reached, without searching the rest of the chunk. */
  searchChunk(chunk: OutputChunk): boolean {
    // Lines that were added since belong to the next search.
    if (chunk.seq > this.#outline.lastSeq) return false;
    const skip = Math.max(0, this.nextSeq - chunk.seq);
    for (const line of this.#find(chunk, skip)) {
      this.#matches.push({ seq: chunk.seq + line, offset: this.#offset + line - skip });
      this.nextSeq = chunk.seq + line + 1;
      if (this.#matches.length === this.#query.limit) return true;
    }
    this.#offset += chunk.lines - skip;
    this.nextSeq = chunk.seq + chunk.lines;
    return false;
  }

  resultUpTo(searchedTo: number): LineSearchResult {
    const { total, lastSeq } = this.#outline;
    const isComplete = searchedTo >= lastSeq;
    return { matches: this.#matches, total, lastSeq, isComplete, searchedTo: isComplete ? lastSeq : searchedTo };
  }
}

/** Returns a function that finds the indexes, from 0, of the lines of a chunk that contain the text, starting at line `skip`. */
const createFinder = ({ text, matchCase }: Pick<SearchQuery, "text" | "matchCase">) => {
  const foldCase = (value: string): string => (matchCase ? value : value.toLowerCase());
  const wanted = foldCase(text);
  return (chunk: OutputChunk, skip: number): readonly number[] => {
    const content = foldCase(removeEscapes(decoder.decode(chunk.bytes)));
    const lines: number[] = [];
    let [line, from] = [0, 0];
    for (let at = content.indexOf(wanted); at !== -1; at = content.indexOf(wanted, from)) {
      for (let end = content.indexOf("\n", from); end !== -1 && end < at; end = content.indexOf("\n", from)) {
        line++;
        from = end + 1;
      }
      if (line >= skip) lines.push(line);
      const end = content.indexOf("\n", at);
      if (end === -1) break;
      line++;
      from = end + 1;
    }
    return lines;
  };
};

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
