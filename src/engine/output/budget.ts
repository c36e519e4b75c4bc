import { formatSize } from "../../lib/size.ts";
import type { AttemptKey, NewChunk, SpoolOffsets, Stream } from "../../store/output.ts";
import type { Store } from "../../store/store.ts";
import { MAX_CHUNK_BYTES } from "./line-splitter.ts";

/** So far the last half may grow over its bound before it is cut back, so that not every line costs a deletion. */
const SLACK_BYTES = 1_048_576;

const MIN_CHUNK_BYTES = 256;

type Kept = { readonly seq: number; readonly lines: number; readonly stream: Stream; readonly bytes: number };
type Marker = Pick<Kept, "seq" | "stream">;
type PassedOver = { readonly bytes: number; readonly stream: Stream };

export type BudgetOptions = {
  readonly store: Store;
  readonly attempt: AttemptKey;
  readonly isNew: boolean;
  readonly limitBytes: number;
  readonly clock: { now(): number };
};

/** Keeps the first and the last half of what an attempt wrote, and one line in between that says what was dropped. */
export class OutputBudget {
  readonly #options: BudgetOptions;
  readonly #half: number;
  #headBytes = 0;
  #headIsFull = false;
  #tail: Kept[] = [];
  #tailBytes = 0;
  #dropped = 0;
  /** Number of the line that says how much was dropped; null while nothing was dropped. */
  #markerSeq: number | null = null;
  /** Not read at all, since the last chunk was stored. */
  #passedOver: PassedOver | null = null;

  constructor(options: BudgetOptions) {
    this.#options = options;
    this.#half = Math.floor(options.limitBytes / 2);
    if (!options.isNew) this.#load();
  }

  /** Of a chunk, at most: whole chunks are kept or dropped, so that a small limit wants small ones. */
  get chunkBytes(): number {
    return Math.min(MAX_CHUNK_BYTES, Math.max(MIN_CHUNK_BYTES, Math.floor(this.#half / 16)));
  }

  get headIsFull(): boolean {
    return this.#headIsFull;
  }

  /** Bytes of the last half, at most: with what a chunk that didn't fit has left of the first. */
  get mostTailBytes(): number {
    return this.#options.limitBytes - this.#headBytes;
  }

  /** Bytes that will not be read, between what was stored last and what comes next. */
  passOver(bytes: number, stream: Stream): void {
    this.#passedOver = { bytes: (this.#passedOver?.bytes ?? 0) + bytes, stream };
  }

  /** All or nothing: after a throw the same chunks can be stored again. */
  store(chunks: readonly NewChunk[], offsets: SpoolOffsets): void {
    this.#atomically(() => this.#append(chunks, offsets));
  }

  /** To the exact bound, when nothing more will come. All or nothing. */
  settle(): void {
    if (this.#tailBytes > this.mostTailBytes) this.#atomically(() => this.#cutBack(this.mostTailBytes));
  }

  #atomically(work: () => void): void {
    const passedOver = this.#passedOver;
    try {
      this.#options.store.transaction(work);
    } catch (error) {
      this.#load();
      this.#passedOver = passedOver;
      throw error;
    }
  }

  /** What the store has of the attempt: after an adoption, or when a transaction was undone. */
  #load(): void {
    this.#headBytes = this.#tailBytes = this.#dropped = 0;
    this.#headIsFull = false;
    this.#tail = [];
    this.#markerSeq = null;
    for (const extent of this.#options.store.output.listExtents(this.#options.attempt)) {
      if (extent.dropped === 0) this.#measure(extent);
      else {
        this.#markerSeq = extent.seq;
        this.#dropped = extent.dropped;
        this.#headIsFull = true;
      }
    }
  }

  #append(chunks: readonly NewChunk[], offsets: SpoolOffsets): void {
    const { store, attempt } = this.#options;
    if (this.#passedOver !== null) this.#makeGap(this.#passedOver);
    const seqs = store.output.append(attempt, chunks, offsets);
    for (const [index, { stream, lines, bytes }] of chunks.entries())
      this.#measure({ seq: seqs[index] ?? 0, lines, stream, bytes: bytes.length });
    if (this.#tailBytes > this.mostTailBytes + SLACK_BYTES) this.#cutBack(this.mostTailBytes);
  }

  /**
   * As much follows what was passed over as can be kept, so nothing of what came before it stays in the last half. The
   * marker takes a new number: readers that have seen the newest line must see the marker too, and the numbers of the
   * lines that are deleted here must not be used again.
   */
  #makeGap({ bytes, stream }: PassedOver): void {
    this.#dropped += bytes;
    this.#passedOver = null;
    const seq = this.#options.store.output.getNewestSeq(this.#options.attempt.runId) + 1;
    this.#mark(this.#dropOldest(0), { seq, stream });
  }

  /** Part of the first half while that has room, then of the last. */
  #measure(kept: Kept): void {
    if (!this.#headIsFull && this.#headBytes + kept.bytes <= this.#half) {
      this.#headBytes += kept.bytes;
      return;
    }
    this.#headIsFull = true;
    this.#tail.push(kept);
    this.#tailBytes += kept.bytes;
  }

  /**
   * Drops the oldest chunks of the last half until at most `bytes` are left. The marker takes the number of the newest
   * line that is dropped: readers that have not reached that line see the marker, and those that have lost nothing.
   */
  #cutBack(bytes: number): void {
    const dropped = this.#dropOldest(bytes);
    const newest = dropped.at(-1);
    if (newest !== undefined) this.#mark(dropped, { seq: newest.seq + newest.lines - 1, stream: newest.stream });
  }

  #dropOldest(bytes: number): readonly Kept[] {
    const dropped: Kept[] = [];
    while (this.#tailBytes > bytes) {
      const oldest = this.#tail.shift();
      if (oldest === undefined) break;
      dropped.push(oldest);
      this.#dropped += oldest.bytes;
      this.#tailBytes -= oldest.bytes;
    }
    return dropped;
  }

  /** Replaces dropped chunks and the marker before by a new marker. */
  #mark(replaced: readonly Kept[], { seq, stream }: Marker): void {
    const { store, attempt, clock } = this.#options;
    const kept = formatSize(this.#half);
    const text = `[petit: ${this.#dropped} bytes dropped here; the first and last ${kept} of an attempt are kept]\n`;
    const seqs = replaced.map((kept) => kept.seq);
    if (this.#markerSeq !== null) seqs.push(this.#markerSeq);
    store.output.drop(attempt, seqs, { seq, stream, at: clock.now(), text, dropped: this.#dropped });
    this.#markerSeq = seq;
  }
}
