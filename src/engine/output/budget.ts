import type { OutputStream } from "../../domain/task-run.ts";
import { formatSize } from "../../lib/size.ts";
import type { AttemptKey, NewChunk, SpoolOffsets } from "../../store/output.ts";
import type { Store } from "../../store/store.ts";
import { MAX_CHUNK_BYTES } from "./line-splitter.ts";

/** How far the last half may exceed its limit before it is trimmed, so that not every line costs a deletion. */
const SLACK_BYTES = 1_048_576;

const MIN_CHUNK_BYTES = 256;

type StoredChunk = {
  readonly seq: number;
  readonly lines: number;
  readonly stream: OutputStream;
  readonly bytes: number;
};
type MarkerPosition = Pick<StoredChunk, "seq" | "stream">;
type SkippedOutput = { readonly bytes: number; readonly stream: OutputStream };

export type BudgetOptions = {
  readonly store: Store;
  readonly attempt: AttemptKey;
  readonly isNew: boolean;
  readonly limitBytes: number;
  readonly clock: { now(): number };
};

/**
 * Enforces the output limit of an attempt: stores the first and the last half, and a marker line between them that
 * gives the dropped bytes.
 */
export class OutputBudget {
  readonly #options: BudgetOptions;
  readonly #half: number;
  #headBytes = 0;
  #headIsFull = false;
  #tail: StoredChunk[] = [];
  #tailBytes = 0;
  #dropped = 0;
  /** Line number of the marker; null while nothing was dropped. */
  #markerSeq: number | null = null;
  /** Output that was skipped since the last chunk was stored. */
  #skipped: SkippedOutput | null = null;

  constructor(options: BudgetOptions) {
    this.#options = options;
    this.#half = Math.floor(options.limitBytes / 2);
    if (!options.isNew) this.#load();
  }

  /** Maximum size of a chunk, in bytes. Whole chunks are kept or dropped, so a small limit needs small chunks. */
  get chunkBytes(): number {
    return Math.min(MAX_CHUNK_BYTES, Math.max(MIN_CHUNK_BYTES, Math.floor(this.#half / 16)));
  }

  get headIsFull(): boolean {
    return this.#headIsFull;
  }

  /** Maximum size of the last half, in bytes, including what the first half has left. */
  get maxTailBytes(): number {
    return this.#options.limitBytes - this.#headBytes;
  }

  /** Records that `bytes` of output will not be read, between the last stored chunk and the next one. */
  skip(bytes: number, stream: OutputStream): void {
    this.#skipped = { bytes: (this.#skipped?.bytes ?? 0) + bytes, stream };
  }

  /** Stores chunks atomically. After an error the same chunks can be stored again. */
  store(chunks: readonly NewChunk[], offsets: SpoolOffsets): void {
    this.#atomically(() => this.#append(chunks, offsets));
  }

  /** Trims the output to the exact limit, when the attempt has ended. Atomic. */
  settle(): void {
    if (this.#tailBytes > this.maxTailBytes) this.#atomically(() => this.#trim(this.maxTailBytes));
  }

  #atomically(work: () => void): void {
    const skipped = this.#skipped;
    try {
      this.#options.store.output.atomically(work);
    } catch (error) {
      this.#load();
      this.#skipped = skipped;
      throw error;
    }
  }

  /** Loads the state from the store: after an adoption, and after a rollback. */
  #load(): void {
    this.#headBytes = this.#tailBytes = this.#dropped = 0;
    this.#headIsFull = false;
    this.#tail = [];
    this.#markerSeq = null;
    for (const extent of this.#options.store.output.listExtents(this.#options.attempt)) {
      if (extent.dropped === 0) this.#count(extent);
      else {
        this.#markerSeq = extent.seq;
        this.#dropped = extent.dropped;
        this.#headIsFull = true;
      }
    }
  }

  #append(chunks: readonly NewChunk[], offsets: SpoolOffsets): void {
    const { store, attempt } = this.#options;
    if (this.#skipped !== null) this.#insertGap(this.#skipped);
    const seqs = store.output.append(attempt, chunks, offsets);
    for (const [index, { stream, lines, bytes }] of chunks.entries())
      this.#count({ seq: seqs[index] ?? 0, lines, stream, bytes: bytes.length });
    if (this.#tailBytes > this.maxTailBytes + SLACK_BYTES) this.#trim(this.maxTailBytes);
  }

  /**
   * Replaces the last half by a marker, since enough output follows the skipped bytes to fill it. The marker gets a new line
   * number: readers that have seen the newest line must also see the marker, and numbers of deleted lines are never reused.
   */
  #insertGap({ bytes, stream }: SkippedOutput): void {
    this.#dropped += bytes;
    this.#skipped = null;
    const seq = this.#options.store.output.getNewestSeq(this.#options.attempt.runId) + 1;
    this.#mark(this.#dropOldest(0), { seq, stream });
  }

  /** Counts a chunk towards the first half while that has room, then towards the last. */
  #count(chunk: StoredChunk): void {
    if (!this.#headIsFull && this.#headBytes + chunk.bytes <= this.#half) {
      this.#headBytes += chunk.bytes;
      return;
    }
    this.#headIsFull = true;
    this.#tail.push(chunk);
    this.#tailBytes += chunk.bytes;
  }

  /**
   * Drops the oldest chunks of the last half until at most `bytes` are left. The marker gets the number of the newest dropped
   * line: readers that have not reached that line see the marker, and the others have missed nothing.
   */
  #trim(bytes: number): void {
    const dropped = this.#dropOldest(bytes);
    const newest = dropped.at(-1);
    if (newest !== undefined) this.#mark(dropped, { seq: newest.seq + newest.lines - 1, stream: newest.stream });
  }

  #dropOldest(bytes: number): readonly StoredChunk[] {
    const dropped: StoredChunk[] = [];
    while (this.#tailBytes > bytes) {
      const oldest = this.#tail.shift();
      if (oldest === undefined) break;
      dropped.push(oldest);
      this.#dropped += oldest.bytes;
      this.#tailBytes -= oldest.bytes;
    }
    return dropped;
  }

  /** Replaces dropped chunks and the previous marker by a new marker. */
  #mark(replaced: readonly StoredChunk[], { seq, stream }: MarkerPosition): void {
    const { store, attempt, clock } = this.#options;
    const halfSize = formatSize(this.#half);
    const text = `[petit: ${this.#dropped} bytes dropped here; the first and last ${halfSize} of an attempt are kept]\n`;
    const seqs = replaced.map((chunk) => chunk.seq);
    if (this.#markerSeq !== null) seqs.push(this.#markerSeq);
    store.output.drop(attempt, seqs, { seq, stream, at: clock.now(), text, dropped: this.#dropped });
    this.#markerSeq = seq;
  }
}
