import { formatSize } from "../lib/size.ts";
import type { AttemptKey, NewChunk, SpoolOffsets, Store, Stream } from "../store/store.ts";
import { MAX_CHUNK_BYTES } from "./line-cutter.ts";

/** So far the last half may grow over its bound before it is cut back, so that not every line costs a deletion. */
const SLACK_BYTES = 1_048_576;

const MIN_CHUNK_BYTES = 256;

type Marker = { readonly seq: number; readonly stream: Stream };
type Kept = Marker & { readonly bytes: number };

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
  /** Where the line stands that tells of it; null while nothing was dropped. */
  #marker: Marker | null = null;
  /** Not read at all, since the last chunk was stored. */
  #passedOver = 0;

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
  passOver(bytes: number): void {
    this.#passedOver += bytes;
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
    this.#marker = null;
    for (const extent of this.#options.store.outputExtents(this.#options.attempt)) {
      if (extent.dropped === 0) this.#measure(extent);
      else {
        this.#marker = { seq: extent.seq, stream: extent.stream };
        this.#dropped = extent.dropped;
        this.#headIsFull = true;
      }
    }
  }

  #append(chunks: readonly NewChunk[], offsets: SpoolOffsets): void {
    const { store, attempt } = this.#options;
    if (this.#passedOver > 0) this.#makeGap();
    const seqs = store.appendOutput(attempt, chunks, offsets);
    for (const [index, { stream, bytes }] of chunks.entries())
      this.#measure({ seq: seqs[index] ?? 0, stream, bytes: bytes.length });
    if (this.#tailBytes > this.mostTailBytes + SLACK_BYTES) this.#cutBack(this.mostTailBytes);
  }

  /** As much follows what was passed over as can be kept, so nothing of what came before it stays in the last half. */
  #makeGap(): void {
    this.#dropped += this.#passedOver;
    this.#passedOver = 0;
    this.#cutBack(0);
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

  /** Until at most so many bytes of the last half are left. */
  #cutBack(bytes: number): void {
    const seqs: number[] = [];
    while (this.#tailBytes > bytes) {
      const oldest = this.#tail.shift();
      if (oldest === undefined) break;
      seqs.push(oldest.seq);
      this.#marker ??= oldest;
      this.#dropped += oldest.bytes;
      this.#tailBytes -= oldest.bytes;
    }
    if (this.#marker !== null) this.#mark(seqs, this.#marker);
  }

  #mark(seqs: readonly number[], { seq, stream }: Marker): void {
    const { store, attempt, clock } = this.#options;
    const kept = formatSize(this.#half);
    const text = `[petit: ${this.#dropped} bytes dropped here; the first and last ${kept} of an attempt are kept]\n`;
    store.dropOutput(attempt, seqs, { seq, stream, at: clock.now(), text, dropped: this.#dropped });
  }
}
