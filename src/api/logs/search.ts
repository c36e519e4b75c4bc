import { setImmediate } from "node:timers/promises";
import type { LineFilter, OutputChunk } from "../../store/output.ts";
import type { ApiStore } from "../options.ts";
import { type Outline, outlineOf } from "./outline.ts";

export type SearchQuery = {
  readonly filter: LineFilter;
  readonly text: string;
  readonly matchCase: boolean;
  /** Only lines after that one. */
  readonly after: number;
  /** Lines, at most. */
  readonly limit: number;
};

export type Match = { readonly seq: number; readonly offset: number };

export type Found = Pick<Outline, "total" | "lastSeq"> & {
  readonly matches: readonly Match[];
  readonly isComplete: boolean;
  /** The last line that was looked at. */
  readonly searchedTo: number;
};

/** Bytes that one request looks at, about: then it answers what it has. */
const MAX_BYTES = 256 * 1024 * 1024;

/** Bytes that are looked at in one go, about 2 ms of them: others want a turn. */
const SLICE_BYTES = 512 * 1024;

/** Chunks that are read in one go, at most. */
const MAX_BATCH = 1_000;

/** The lines that hold a text, without what colours them; gives way to other work while it looks. */
export const searchLines = async (store: ApiStore, query: SearchQuery, signal: AbortSignal): Promise<Found> => {
  const outline = await outlineOf(store, query.filter);
  const search = new Search(query, outline);
  let [looked, limit] = [0, 16];
  while (looked < MAX_BYTES && !signal.aborted) {
    const chunks = store.output.read({ ...query.filter, fromSeq: search.nextSeq, limit });
    const isFull = chunks.some((chunk) => search.look(chunk));
    if (!isFull && chunks.length < limit) return search.found(outline.lastSeq);
    if (isFull || search.nextSeq > outline.lastSeq) break;
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.bytes.length, 0);
    looked += bytes;
    limit = Math.min(MAX_BATCH, Math.max(1, Math.floor((SLICE_BYTES * chunks.length) / bytes)));
    await setImmediate();
  }
  return search.found(search.nextSeq - 1);
};

class Search {
  nextSeq: number;
  #offset: number;
  readonly #matches: Match[] = [];
  readonly #find: ReturnType<typeof finder>;
  readonly #query: SearchQuery;
  readonly #outline: Outline;

  constructor(query: SearchQuery, outline: Outline) {
    this.#query = query;
    this.#outline = outline;
    this.#find = finder(query);
    this.nextSeq = query.after + 1;
    this.#offset = outline.offsetOf(this.nextSeq);
  }

  /** Whether there are as many as were asked for; the rest of the chunk is then left. */
  look(chunk: OutputChunk): boolean {
    // What came since is the next search's.
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

  found(searchedTo: number): Found {
    const { total, lastSeq } = this.#outline;
    const isComplete = searchedTo >= lastSeq;
    return { matches: this.#matches, total, lastSeq, isComplete, searchedTo: isComplete ? lastSeq : searchedTo };
  }
}

/** Numbers of the lines of a chunk that hold the text, from 0, from line `skip` on. */
const finder = ({ text, matchCase }: Pick<SearchQuery, "text" | "matchCase">) => {
  const folded = (seen: string): string => (matchCase ? seen : seen.toLowerCase());
  const wanted = folded(text);
  return (chunk: OutputChunk, skip: number): readonly number[] => {
    const seen = folded(withoutColours(decoder.decode(chunk.bytes)));
    const lines: number[] = [];
    let [line, from] = [0, 0];
    for (let at = seen.indexOf(wanted); at !== -1; at = seen.indexOf(wanted, from)) {
      for (let end = seen.indexOf("\n", from); end !== -1 && end < at; end = seen.indexOf("\n", from)) {
        line++;
        from = end + 1;
      }
      if (line >= skip) lines.push(line);
      const end = seen.indexOf("\n", at);
      if (end === -1) break;
      line++;
      from = end + 1;
    }
    return lines;
  };
};

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

const withoutColours = (text: string): string => (text.includes("\u001b") ? text.replaceAll(ESCAPES, "") : text);

/** What a terminal takes for itself (ECMA-48): control sequences, and commands to the system. */
const ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b\n]*(?:\u0007|\u001b\\)?|[@-Z\\-_])/g;
