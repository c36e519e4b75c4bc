/** Bytes of a chunk, at most; a longer line is stored in pieces. */
export const MAX_CHUNK_BYTES = 65_536;

export type CutChunk = { readonly bytes: Uint8Array; readonly lines: number };

const NEWLINE = 10;

/**
 * Cuts a stream of bytes into chunks of whole lines. What follows the last newline is kept until the line ends, or fills
 * a chunk. Each byte is looked at once, however long the lines are.
 */
export class LineCutter {
  #rest: Uint8Array[] = [];
  #restBytes = 0;

  /** Bytes that were given and not answered yet. */
  get pending(): number {
    return this.#restBytes;
  }

  push(bytes: Uint8Array): CutChunk[] {
    const chunks: CutChunk[] = [];
    let left = bytes;
    while (this.#restBytes + left.length >= MAX_CHUNK_BYTES) {
      const room = left.subarray(0, MAX_CHUNK_BYTES - this.#restBytes);
      const cut = cutOf(room, this.#restBytes > 0);
      chunks.push(this.#take(room.subarray(0, cut)));
      left = left.subarray(cut);
    }
    const end = left.lastIndexOf(NEWLINE) + 1;
    if (end > 0) chunks.push(this.#take(left.subarray(0, end)));
    if (end < left.length) this.#keep(left.slice(end));
    return chunks;
  }

  /** What is left, which no newline ends; null where nothing is. */
  flush(): CutChunk | null {
    return this.#restBytes === 0 ? null : this.#take(new Uint8Array());
  }

  #keep(bytes: Uint8Array): void {
    this.#rest.push(bytes);
    this.#restBytes += bytes.length;
  }

  #take(bytes: Uint8Array): CutChunk {
    const all = this.#rest.length === 0 ? bytes.slice() : Buffer.concat([...this.#rest, bytes]);
    this.#rest = [];
    this.#restBytes = 0;
    return { bytes: all, lines: countLines(all) };
  }
}

/** Where a full chunk ends: behind its last newline, else before a character that it would tear. */
const cutOf = (room: Uint8Array, hasRest: boolean): number => {
  const end = room.lastIndexOf(NEWLINE) + 1;
  if (end > 0) return end;
  let cut = room.length;
  // At most 3 bytes of a UTF-8 character come before its last one.
  for (let back = 1; back <= 3 && back < room.length; back++) {
    const byte = room[room.length - back] ?? 0;
    if (byte < 0x80) break;
    if (byte >= 0xc0) {
      if (back < lengthOf(byte)) cut = room.length - back;
      break;
    }
  }
  return cut === 0 && !hasRest ? room.length : cut;
};

const lengthOf = (leadByte: number): number => (leadByte >= 0xf0 ? 4 : leadByte >= 0xe0 ? 3 : 2);

const countLines = (bytes: Uint8Array): number => {
  let lines = 0;
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) lines++;
  return bytes[bytes.length - 1] === NEWLINE ? lines : lines + 1;
};
