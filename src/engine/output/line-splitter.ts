/** Bytes of a chunk, at most; a longer line is stored in pieces. */
export const MAX_CHUNK_BYTES = 65_536;

export type CutChunk = { readonly bytes: Uint8Array; readonly lines: number };

const NEWLINE = 10;

/**
 * Cuts a stream of bytes into chunks of whole lines. What follows the last newline is kept until the line ends, or fills
 * a chunk. Each byte is looked at once, however long the lines are.
 */
export class LineCutter {
  readonly #maxBytes: number;
  #rest: Uint8Array[] = [];
  #restBytes = 0;

  /** `maxBytes`: of a chunk, at least 4. */
  constructor(maxBytes = MAX_CHUNK_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes that were given and not answered yet. */
  get pending(): number {
    return this.#restBytes;
  }

  push(bytes: Uint8Array): CutChunk[] {
    const chunks: CutChunk[] = [];
    let left = bytes;
    while (this.#restBytes + left.length >= this.#maxBytes) {
      const held = this.#restBytes;
      const full = this.#join(left.subarray(0, this.#maxBytes - held));
      const cut = cutOf(full);
      chunks.push(chunkOf(full.subarray(0, cut)));
      if (cut < held) this.#keep(full.subarray(cut, held));
      left = left.subarray(Math.max(0, cut - held));
    }
    const end = left.lastIndexOf(NEWLINE) + 1;
    if (end > 0) chunks.push(chunkOf(this.#join(left.subarray(0, end))));
    if (end < left.length) this.#keep(left.slice(end));
    return chunks;
  }

  /** What is left, which no newline ends; null where nothing is. */
  flush(): CutChunk | null {
    return this.#restBytes === 0 ? null : chunkOf(this.#join(new Uint8Array()));
  }

  /** Forgets what is left, since what comes next does not belong to it; answers how many bytes that were. */
  discard(): number {
    return this.#join(new Uint8Array()).length;
  }

  #keep(bytes: Uint8Array): void {
    this.#rest.push(bytes);
    this.#restBytes += bytes.length;
  }

  /** What was kept, and these; nothing is kept then. */
  #join(bytes: Uint8Array): Uint8Array {
    const all = this.#rest.length === 0 ? bytes.slice() : Buffer.concat([...this.#rest, bytes]);
    this.#rest = [];
    this.#restBytes = 0;
    return all;
  }
}

const chunkOf = (bytes: Uint8Array): CutChunk => ({ bytes, lines: countLines(bytes) });

/** Where a full chunk ends: behind its last newline, else before a character that it would tear. */
const cutOf = (full: Uint8Array): number => {
  const end = full.lastIndexOf(NEWLINE) + 1;
  if (end > 0) return end;
  // At most 3 bytes of a UTF-8 character come before its last one.
  for (let back = 1; back <= 3; back++) {
    const byte = full[full.length - back] ?? 0;
    if (byte < 0x80) break;
    if (byte >= 0xc0) return back < lengthOf(byte) ? full.length - back : full.length;
  }
  return full.length;
};

const lengthOf = (leadByte: number): number => (leadByte >= 0xf0 ? 4 : leadByte >= 0xe0 ? 3 : 2);

const countLines = (bytes: Uint8Array): number => {
  let lines = 0;
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) lines++;
  return bytes[bytes.length - 1] === NEWLINE ? lines : lines + 1;
};
