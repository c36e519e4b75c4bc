import type { RunId } from "../../domain/ids.ts";
import { MAX_OUTPUT_BYTES, type ShippedChunk } from "../../domain/workers/protocol.ts";
import { countLines } from "../../engine/output/line-splitter.ts";
import type { ReceivedStore } from "../../store/workers/received.ts";

/** Output for one message. `offset` and `end` are positions: bytes of output, counting those that were dropped. */
export type OutputBatch = {
  readonly offset: number;
  readonly end: number;
  readonly chunks: readonly ShippedChunk[];
  readonly bytes: Uint8Array;
};

export type OutputCursorOptions = {
  readonly received: Pick<ReceivedStore, "readOutput" | "sizeBefore" | "findPiece">;
  readonly runId: RunId;
  /** When the attempt was claimed, by the clock of its output. */
  readonly claimedAt: number;
  /** Returns the size of the largest message that the server accepts. Without it, the protocol decides. */
  readonly maxMessageBytes?: () => number;
};

/** Leaves room in a message for what describes the bytes. */
const HEADROOM_BYTES = 12 * 1024;

/** Number of pieces to read at a time. */
const READ_PIECES = 64;

/**
 * Reads the stored output of an attempt in order, for the scheduler. Meanwhile, the output limit may replace pieces by a marker, whether
 * they were read or not. This does not change positions, because a marker counts the bytes that it replaces.
 */
export class OutputCursor {
  readonly #options: OutputCursorOptions;
  /** The last piece that was read. */
  #seq = 0;
  #position = 0;
  /** A piece that is too large for one message, and how many of its bytes were read. */
  #part = { seq: 0, bytes: 0 };

  constructor(options: OutputCursorOptions) {
    this.#options = options;
  }

  get position(): number {
    return this.#position;
  }

  /** Continues at a position that the scheduler has named. */
  seek(position: number): void {
    const { received, runId } = this.#options;
    const { seq, end } = received.findPiece(runId, position);
    this.#seq = seq;
    this.#part = { seq: 0, bytes: 0 };
    // The position is inside the range of a marker. The part before it is not sent again.
    const [next] = received.readOutput(runId, seq, 1);
    this.#position = next !== undefined && next.dropped > 0 ? Math.max(end, position) : end;
  }

  /** Returns what comes next, or null if there is nothing yet. */
  next(): OutputBatch | null {
    const { received, runId, claimedAt } = this.#options;
    const maxBytes = this.#maxBytes();
    const offset = this.#position;
    const chunks: ShippedChunk[] = [];
    const parts: Uint8Array[] = [];
    let size = 0;
    for (const { seq, lines, stream, at, bytes: whole, dropped } of received.readOutput(
      runId,
      this.#seq,
      READ_PIECES,
    )) {
      const bytes = this.#part.seq === seq ? whole.subarray(this.#part.bytes) : whole;
      const sinceClaim = Math.max(0, at - claimedAt);
      if (dropped > 0) {
        const missing = received.sizeBefore(runId, seq) + dropped - this.#position;
        if (missing > 0) chunks.push({ stream, at: sinceClaim, lines: 0, bytes: 0, dropped: missing });
        this.#position += Math.max(0, missing);
      } else {
        if (size > 0 && size + bytes.length > maxBytes) break;
        if (bytes.length > maxBytes) {
          const part = bytes.subarray(0, maxBytes);
          this.#part = { seq, bytes: whole.length - bytes.length + part.length };
          this.#position += part.length;
          chunks.push({ stream, at: sinceClaim, lines: countLines(part), bytes: part.length });
          parts.push(part);
          break;
        }
        chunks.push({ stream, at: sinceClaim, lines, bytes: bytes.length });
        parts.push(bytes);
        size += bytes.length;
        this.#position += bytes.length;
      }
      this.#seq = seq;
    }
    return chunks.length === 0 ? null : { offset, end: this.#position, chunks, bytes: Buffer.concat(parts) };
  }
  #maxBytes(): number {
    const { maxMessageBytes = () => Number.POSITIVE_INFINITY } = this.#options;
    return Math.max(1, Math.min(MAX_OUTPUT_BYTES, maxMessageBytes() - HEADROOM_BYTES));
  }
}
