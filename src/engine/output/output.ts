import { closeSync, fstatSync, readSync } from "node:fs";
import type { Clock } from "../../lib/clock.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { AttemptKey, NewChunk, Stream } from "../../store/output.ts";
import type { Store } from "../../store/store.ts";
import { OutputBudget } from "./budget.ts";
import { LineCutter } from "./line-splitter.ts";
import { openAppended, type Spool } from "./spool.ts";

/** Read at once from a spool file. */
const READ_BYTES = 262_144;

/** Read at most in one look: a task that prints without end must leave time for others. */
const LOOK_BYTES = 2_097_152;

/** So much of a spool file may be stored already before it is given back to the disk. */
const PUNCH_BYTES = 1_048_576;

export type OutputOptions = {
  readonly store: Store;
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly attempt: AttemptKey;
  readonly spool: Spool;
  /** Whether nothing of it can be stored yet. */
  readonly isNew: boolean;
  /** Bytes kept of the attempt: the first and the last half. */
  readonly limitBytes: number;
  /** Called when lines were stored. */
  readonly onStored: () => void;
};

/** A spool file, and how far it is read. */
type Tail = {
  readonly stream: Stream;
  readonly fd: number;
  readonly cutter: LineCutter;
  offset: number;
  punched: number;
};

/** Bytes in each spool file. */
type Sizes = Readonly<Record<Stream, number>>;

/** Moves what one attempt writes from its spool files into the store; never holds more than a chunk of a stream. */
export class Output implements Disposable {
  readonly #options: OutputOptions;
  readonly #budget: OutputBudget;
  readonly #tails: readonly [Tail, Tail];
  /** Read and not stored yet: empty but for after a failure of the store. */
  #unstored: NewChunk[] = [];
  /** Whether the last look passed over something. */
  #isPassing = false;

  constructor(options: OutputOptions) {
    this.#options = options;
    this.#budget = new OutputBudget(options);
    const { isNew, store, attempt, spool } = options;
    const offsets = isNew ? { stdout: 0, stderr: 0 } : store.output.getSpoolOffsets(attempt.id);
    const chunkBytes = this.#budget.chunkBytes;
    const stdout = openTail({ stream: "stdout", path: spool.stdout, offset: offsets.stdout, chunkBytes });
    try {
      this.#tails = [stdout, openTail({ stream: "stderr", path: spool.stderr, offset: offsets.stderr, chunkBytes })];
    } catch (error) {
      // Out of file descriptors, as like as not: this one must not be lost as well.
      closeSync(stdout.fd);
      throw error;
    }
  }

  /** The open files, for the process to write to. */
  get files(): { readonly stdout: number; readonly stderr: number } {
    const [stdout, stderr] = this.#tails;
    return { stdout: stdout.fd, stderr: stderr.fd };
  }

  /** Whether more is written than one look reads. */
  get isOutgrown(): boolean {
    return this.#isPassing || this.#hasMoreThan(LOOK_BYTES);
  }

  /** Whether there is something that was not read yet. */
  get hasNew(): boolean {
    return this.#hasMoreThan(0);
  }

  #hasMoreThan(bytes: number): boolean {
    const sizes = this.#sizes();
    return this.#tails.some((tail) => sizes[tail.stream] - tail.offset > bytes);
  }

  /** Stores what is new, up to a bound; true where there was something. Throws `storage_failed`. */
  look(): boolean {
    return this.#move(this.#sizes());
  }

  /**
   * Stores all that is left, the last unfinished lines included; not what a process that lives on writes from now on.
   * Throws `storage_failed`; can be called again then.
   */
  finish(): void {
    const sizes = this.#sizes();
    while (this.#move(sizes)) {
      // Each move is bounded; what is passed over ends it soon.
    }
    for (const tail of this.#tails) {
      const chunk = tail.cutter.flush();
      if (chunk !== null) this.#unstored.push(this.#chunk(tail.stream, chunk));
    }
    this.#store();
    this.#budget.settle();
  }

  [Symbol.dispose](): void {
    for (const tail of this.#tails) closeSync(tail.fd);
  }

  #sizes(): Sizes {
    const [stdout, stderr] = this.#tails;
    return { stdout: fstatSync(stdout.fd).size, stderr: fstatSync(stderr.fd).size };
  }

  /** True where there was something. */
  #move(sizes: Sizes): boolean {
    this.#store();
    let moved = false;
    this.#isPassing = false;
    for (const tail of this.#tails) moved = this.#readTail(tail, sizes[tail.stream]) || moved;
    this.#store();
    return moved;
  }

  /** True where there was something. */
  #readTail(tail: Tail, size: number): boolean {
    if (size < tail.offset) this.#startOver(tail);
    const start = tail.offset;
    this.#passOver(tail, size);
    const buffer = new Uint8Array(Math.min(READ_BYTES, Math.max(0, size - tail.offset)));
    // Of what is likely to be dropped by the next look, little is stored: enough for those who follow.
    for (let left = this.#isPassing ? READ_BYTES : LOOK_BYTES; left > 0 && tail.offset < size; ) {
      const count = readSync(tail.fd, buffer, 0, Math.min(buffer.length, size - tail.offset), tail.offset);
      if (count === 0) break;
      tail.offset += count;
      left -= count;
      for (const chunk of tail.cutter.push(buffer.subarray(0, count)))
        this.#unstored.push(this.#chunk(tail.stream, chunk));
    }
    return tail.offset > start;
  }

  /** The task has cut its own output: `> /dev/stderr` does that to a file. What it writes now stands at the beginning. */
  #startOver(tail: Tail): void {
    const chunk = tail.cutter.flush();
    if (chunk !== null) this.#unstored.push(this.#chunk(tail.stream, chunk));
    tail.offset = tail.punched = 0;
  }

  /** Once the first half is full, only the last half can be kept: what lies before that need not be read. */
  #passOver(tail: Tail, size: number): void {
    const skipped = this.#budget.headIsFull ? size - tail.offset - this.#budget.mostTailBytes : 0;
    if (skipped <= 0) return;
    this.#isPassing = true;
    tail.offset += skipped;
    // The beginning of a line whose end is not read would be glued to another one.
    this.#budget.passOver(skipped + tail.cutter.discard(), tail.stream);
  }

  #chunk(stream: Stream, chunk: Omit<NewChunk, "stream" | "at">): NewChunk {
    return { stream, at: this.#options.clock.now(), ...chunk };
  }

  #store(): void {
    if (this.#unstored.length === 0) return;
    this.#budget.store(this.#unstored, this.#storedOffsets());
    this.#unstored = [];
    for (const tail of this.#tails) this.#punch(tail);
    this.#options.onStored();
  }

  /** What the cutters still hold is not stored: the next petit reads it again. */
  #storedOffsets(): { readonly stdout: number; readonly stderr: number } {
    const of = (stream: Stream): number => {
      const tail = this.#tails.find((candidate) => candidate.stream === stream);
      return tail === undefined ? 0 : tail.offset - tail.cutter.pending;
    };
    return { stdout: of("stdout"), stderr: of("stderr") };
  }

  #punch(tail: Tail): void {
    const stored = tail.offset - tail.cutter.pending;
    if (stored - tail.punched < PUNCH_BYTES) return;
    this.#options.runtime.punchHole(tail.fd, tail.punched, stored - tail.punched);
    tail.punched = stored;
  }
}

type NewTail = Pick<Tail, "stream" | "offset"> & { readonly path: string; readonly chunkBytes: number };

const openTail = ({ stream, path, offset, chunkBytes }: NewTail): Tail => ({
  stream,
  fd: openAppended(path),
  cutter: new LineCutter(chunkBytes),
  offset,
  punched: 0,
});
