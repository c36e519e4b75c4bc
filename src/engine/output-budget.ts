import { formatSize } from "../lib/size.ts";
import type { AttemptKey, NewChunk, SpoolOffsets, Store, Stream } from "../store/store.ts";

/** So far the last half may grow over its bound before it is cut back, so that not every line costs a deletion. */
const SLACK_BYTES = 1_048_576;

type Marker = { readonly seq: number; readonly stream: Stream };

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
  #tail: { readonly seq: number; readonly bytes: number }[] = [];
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

  get headIsFull(): boolean {
    return this.#headIsFull;
  }

  /** Bytes of the last half. */
  get tailBytes(): number {
    return this.#half;
  }

  /** Bytes that will not be read, between what was stored last and what comes next. */
  passOver(bytes: number): void {
    this.#passedOver += bytes;
  }

  /** All or nothing: after a throw the same chunks can be stored again. */
  store(chunks: readonly NewChunk[], offsets: SpoolOffsets): void {
    const passedOver = this.#passedOver;
    try {
      this.#options.store.transaction(() => this.#append(chunks, offsets));
    } catch (error) {
      this.#load();
      this.#passedOver = passedOver;
      throw error;
    }
  }

  /** To the exact bound, when nothing more will come. */
  settle(): void {
    if (this.#tailBytes > this.#half) this.#options.store.transaction(() => this.#cutBack("stdout"));
  }

  /** What the store has of the attempt: after an adoption, or when a transaction was undone. */
  #load(): void {
    this.#headBytes = this.#tailBytes = this.#dropped = 0;
    this.#headIsFull = false;
    this.#tail = [];
    this.#marker = null;
    for (const extent of this.#options.store.outputExtents(this.#options.attempt)) {
      if (extent.dropped === 0) this.#count(extent.seq, extent.bytes);
      else {
        this.#marker = { seq: extent.seq, stream: extent.stream };
        this.#dropped = extent.dropped;
        this.#headIsFull = true;
      }
    }
  }

  #append(chunks: readonly NewChunk[], offsets: SpoolOffsets): void {
    const { store, attempt } = this.#options;
    const stream = chunks[0]?.stream ?? "stdout";
    const place = this.#passedOver > 0 && this.#marker === null ? [this.#placeholder(stream)] : [];
    const seqs = store.appendOutput(attempt, [...place, ...chunks], offsets);
    if (place.length > 0) this.#marker = { seq: seqs[0] ?? 0, stream };
    for (const [index, chunk] of chunks.entries()) this.#count(seqs[index + place.length] ?? 0, chunk.bytes.length);
    if (this.#tailBytes > this.#half + SLACK_BYTES || this.#passedOver > 0) this.#cutBack(stream);
  }

  /** Holds the line's place in the numbering. */
  #placeholder(stream: Stream): NewChunk {
    return { stream, at: this.#options.clock.now(), bytes: new Uint8Array([10]), lines: 1 };
  }

  #count(seq: number, bytes: number): void {
    if (!this.#headIsFull && this.#headBytes + bytes <= this.#half) {
      this.#headBytes += bytes;
      return;
    }
    this.#headIsFull = true;
    this.#tail.push({ seq, bytes });
    this.#tailBytes += bytes;
  }

  #cutBack(stream: Stream): void {
    const seqs: number[] = [];
    while (this.#tailBytes > this.#half) {
      const oldest = this.#tail.shift();
      if (oldest === undefined) break;
      seqs.push(oldest.seq);
      this.#dropped += oldest.bytes;
      this.#tailBytes -= oldest.bytes;
    }
    this.#dropped += this.#passedOver;
    this.#passedOver = 0;
    this.#mark(seqs, stream);
  }

  #mark(seqs: readonly number[], stream: Stream): void {
    const { store, attempt, clock } = this.#options;
    this.#marker ??= { seq: seqs[0] ?? 0, stream };
    const kept = formatSize(this.#half);
    const text = `[petit: ${this.#dropped} bytes dropped here; the first and last ${kept} of an attempt are kept]\n`;
    store.dropOutput(attempt, seqs, { ...this.#marker, at: clock.now(), text, dropped: this.#dropped });
  }
}
