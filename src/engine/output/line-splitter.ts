/** Maximum size of a chunk, in bytes. A longer line is split into several chunks. */
export const MAX_CHUNK_BYTES = 65_536;

/** Returns the last position up to `at` where a line may be split, or 0 if there is none. */
export type LimitCut = (bytes: Uint8Array, at: number) => number;

export type LineChunk = { readonly bytes: Uint8Array; readonly lines: number };

const NEWLINE = 10;

/**
 * Splits a stream of bytes into chunks of whole lines. Bytes after the last newline are buffered until the line ends or
 * fills a chunk. Each byte is scanned once, however long the lines are.
 */
export class LineSplitter {
  readonly #maxBytes: number;
  #buffered: Uint8Array[] = [];
  #bufferedBytes = 0;

  readonly #limitCut: LimitCut;

  /** `maxBytes`: maximum size of a chunk, at least 4. `limitCut` can move the end of a chunk that does not end with a line. */
  constructor(maxBytes = MAX_CHUNK_BYTES, limitCut: LimitCut = (_bytes, at) => at) {
    this.#maxBytes = maxBytes;
    this.#limitCut = limitCut;
  }

  /** Number of buffered bytes. */
  get pending(): number {
    return this.#bufferedBytes;
  }

  /** Adds bytes. Returns the chunks that are complete. */
  push(bytes: Uint8Array): LineChunk[] {
    const chunks: LineChunk[] = [];
    let rest = bytes;
    while (this.#bufferedBytes + rest.length >= this.#maxBytes) {
      const buffered = this.#bufferedBytes;
      const full = this.#takeWith(rest.subarray(0, this.#maxBytes - buffered));
      const cut = this.#cutOf(full);
      chunks.push(chunkOf(full.subarray(0, cut)));
      if (cut < buffered) this.#buffer(full.subarray(cut, buffered));
      rest = rest.subarray(Math.max(0, cut - buffered));
    }
    const end = rest.lastIndexOf(NEWLINE) + 1;
    if (end > 0) chunks.push(chunkOf(this.#takeWith(rest.subarray(0, end))));
    if (end < rest.length) this.#buffer(rest.slice(end));
    return chunks;
  }

  /** Returns the buffered bytes as a chunk, and empties the buffer. Null if it is empty. */
  flush(): LineChunk | null {
    return this.#bufferedBytes === 0 ? null : chunkOf(this.#takeWith(new Uint8Array()));
  }

  /** Empties the buffer because the next bytes do not continue it. Returns the number of discarded bytes. */
  discard(): number {
    return this.#takeWith(new Uint8Array()).length;
  }

  /** Returns where to end a full chunk: after its last newline, otherwise where a long line can be split. */
  #cutOf(full: Uint8Array): number {
    const end = full.lastIndexOf(NEWLINE) + 1;
    if (end > 0) return end;
    const cut = splitOffset(full);
    return this.#limitCut(full, cut) || cut;
  }

  #buffer(bytes: Uint8Array): void {
    this.#buffered.push(bytes);
    this.#bufferedBytes += bytes.length;
  }

  /** Returns the buffered bytes followed by `bytes`, and empties the buffer. */
  #takeWith(bytes: Uint8Array): Uint8Array {
    const all = this.#buffered.length === 0 ? bytes.slice() : Buffer.concat([...this.#buffered, bytes]);
    this.#buffered = [];
    this.#bufferedBytes = 0;
    return all;
  }
}

const chunkOf = (bytes: Uint8Array): LineChunk => ({ bytes, lines: countLines(bytes) });

/** Returns where to split a line that fills a chunk: at the end, or before a UTF-8 character that does not fit. */
const splitOffset = (full: Uint8Array): number => {
  // At most 3 bytes of a UTF-8 character come before its last one.
  for (let back = 1; back <= 3; back++) {
    const byte = full[full.length - back] ?? 0;
    if (byte < 0x80) break;
    if (byte >= 0xc0) return back < lengthOf(byte) ? full.length - back : full.length;
  }
  return full.length;
};

const lengthOf = (leadByte: number): number => (leadByte >= 0xf0 ? 4 : leadByte >= 0xe0 ? 3 : 2);

/** Returns the number of lines; an unfinished last line counts. */
export const countLines = (bytes: Uint8Array): number => {
  let lines = 0;
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) lines++;
  return bytes[bytes.length - 1] === NEWLINE ? lines : lines + 1;
};
