import { closeSync, fstatSync, readSync } from "node:fs";
import type { OutputStream } from "../../domain/task-run.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { AttemptKey, NewChunk } from "../../store/output.ts";
import type { Store } from "../../store/store.ts";
import type { Mask } from "../secrets/mask.ts";
import { OutputBudget } from "./budget.ts";
import { type LineChunk, LineSplitter } from "./line-splitter.ts";
import { openAppended, type Spool } from "./spool.ts";

/** Size of one read from a spool file. */
const READ_BYTES = 262_144;

/** Maximum that one `collect` reads: a task that prints without end must leave time for others. */
const COLLECT_BYTES = 2_097_152;

/** Bytes that are stored before their disk space in the spool file is released. */
const PUNCH_BYTES = 1_048_576;

export type OutputCollectorOptions = {
  readonly store: Store;
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly attempt: AttemptKey;
  readonly spool: Spool;
  /** True for a new attempt, of which nothing is stored yet. */
  readonly isNew: boolean;
  /** Maximum of stored output, in bytes: half for the beginning and half for the end. */
  readonly limitBytes: number;
  /** Hides secrets. Null, which is the default, if there are none. */
  readonly mask?: Mask | null;
  /** Called when lines were stored. */
  readonly onStored: () => void;
};

/** A spool file and the position up to which it was read. */
type SpoolTail = {
  readonly stream: OutputStream;
  readonly fd: number;
  readonly splitter: LineSplitter;
  offset: number;
  punched: number;
};

/** Size of each spool file, in bytes. */
type SpoolSizes = Readonly<Record<OutputStream, number>>;

/** Moves the output of one attempt from its spool files into the store. Buffers at most one chunk per stream. */
export class OutputCollector implements Disposable {
  readonly #options: OutputCollectorOptions;
  readonly #budget: OutputBudget;
  readonly #tails: readonly [SpoolTail, SpoolTail];
  /** Chunks that were read and are not stored yet. Not empty only after a failure of the store. */
  #unstored: NewChunk[] = [];
  /** True if the last `collect` skipped something. */
  #isSkipping = false;

  constructor(options: OutputCollectorOptions) {
    this.#options = options;
    this.#budget = new OutputBudget(options);
    const { isNew, store, attempt, spool, mask = null } = options;
    const offsets = isNew ? { stdout: 0, stderr: 0 } : store.output.getSpoolOffsets(attempt.id);
    // A chunk without a newline can be split where no secret is, if it is longer than two secrets.
    const chunkBytes = Math.max(this.#budget.chunkBytes, 2 * (mask?.maxBytes ?? 0));
    const stdout = openTail({ stream: "stdout", path: spool.stdout, offset: offsets.stdout, chunkBytes, mask });
    try {
      const stderr = openTail({ stream: "stderr", path: spool.stderr, offset: offsets.stderr, chunkBytes, mask });
      this.#tails = [stdout, stderr];
    } catch (error) {
      // Probably out of file descriptors, so this one must not leak.
      closeSync(stdout.fd);
      throw error;
    }
  }

  /** File descriptors for the process to write to. */
  get files(): { readonly stdout: number; readonly stderr: number } {
    const [stdout, stderr] = this.#tails;
    return { stdout: stdout.fd, stderr: stderr.fd };
  }

  /** True if the process writes more than one `collect` reads. */
  get isBehind(): boolean {
    return this.#isSkipping || this.#hasMoreThan(COLLECT_BYTES);
  }

  /** True if there is output that was not read yet. */
  get hasUnread(): boolean {
    return this.#hasMoreThan(0);
  }

  #hasMoreThan(bytes: number): boolean {
    const sizes = this.#sizes();
    return this.#tails.some((tail) => sizes[tail.stream] - tail.offset > bytes);
  }

  /** Stores new output, up to a limit. Returns whether there was any. Throws `storage_failed`. */
  collect(): boolean {
    return this.#move(this.#sizes());
  }

  /**
   * Stores all remaining output, including unfinished last lines, but not what a leftover process writes from now on. If the output
   * is not whole, because its process was ended, it may end inside a secret: then the beginning of a secret at its end is hidden,
   * too. Throws `storage_failed`; then it can be called again.
   */
  finish({ isWhole = false }: { readonly isWhole?: boolean } = {}): void {
    const sizes = this.#sizes();
    while (this.#move(sizes)) {
      // Each move is bounded. Skipping makes the loop short.
    }
    for (const tail of this.#tails) this.#flush(tail, isWhole);
    this.#store();
    this.#budget.settle();
  }

  [Symbol.dispose](): void {
    for (const tail of this.#tails) closeSync(tail.fd);
  }

  #sizes(): SpoolSizes {
    const [stdout, stderr] = this.#tails;
    return { stdout: fstatSync(stdout.fd).size, stderr: fstatSync(stderr.fd).size };
  }

  /** Returns whether there was anything to read. */
  #move(sizes: SpoolSizes): boolean {
    this.#store();
    let hasMoved = false;
    this.#isSkipping = false;
    for (const tail of this.#inOrder(sizes)) {
      const hasRead = this.#readTail(tail, sizes[tail.stream]);
      hasMoved ||= hasRead;
      // Read a long stream to its end before the other one. The limit drops what is stored in the middle, and the end of the other one
      // must not be there.
      if (hasRead && tail.offset < sizes[tail.stream]) break;
    }
    this.#store();
    return hasMoved;
  }

  /** A stream with much unread output comes first. */
  #inOrder(sizes: SpoolSizes): readonly SpoolTail[] {
    const [stdout, stderr] = this.#tails;
    const isLong = (tail: SpoolTail): boolean => sizes[tail.stream] - tail.offset > COLLECT_BYTES;
    return isLong(stderr) && !isLong(stdout) ? [stderr, stdout] : [stdout, stderr];
  }

  /** Returns whether there was anything to read. */
  #readTail(tail: SpoolTail, size: number): boolean {
    if (size < tail.offset) this.#restart(tail);
    const start = tail.offset;
    this.#skipDropped(tail, size);
    const buffer = new Uint8Array(Math.min(READ_BYTES, Math.max(0, size - tail.offset)));
    // The next `collect` will probably drop this output, so only a little is stored for live readers.
    for (let remaining = this.#isSkipping ? READ_BYTES : COLLECT_BYTES; remaining > 0 && tail.offset < size; ) {
      const count = readSync(tail.fd, buffer, 0, Math.min(buffer.length, size - tail.offset), tail.offset);
      if (count === 0) break;
      tail.offset += count;
      remaining -= count;
      for (const chunk of tail.splitter.push(buffer.subarray(0, count)))
        this.#unstored.push(this.#chunk(tail.stream, chunk));
    }
    return tail.offset > start;
  }

  /** Restarts at the beginning of a file that the task has truncated; `> /dev/stderr` does that. */
  #restart(tail: SpoolTail): void {
    this.#flush(tail, false);
    tail.offset = tail.punched = 0;
  }

  /** Takes the unfinished last line. */
  #flush(tail: SpoolTail, isWhole: boolean): void {
    const { mask } = this.#options;
    const chunk = tail.splitter.flush();
    if (chunk === null) return;
    const masked = isWhole ? mask?.bytes(chunk.bytes) : mask?.lastBytes(chunk.bytes);
    this.#unstored.push(this.#chunk(tail.stream, chunk, masked));
  }

  /** Skips output that will be dropped: when the first half is full, only the end of the file can be kept. */
  #skipDropped(tail: SpoolTail, size: number): void {
    const excess = this.#budget.headIsFull ? size - tail.offset - this.#budget.maxTailBytes : 0;
    const skipped = excess > 0 ? this.#outsideSecrets(tail, tail.offset + excess, size) - tail.offset : 0;
    if (skipped <= 0) return;
    this.#isSkipping = true;
    tail.offset += skipped;
    // The beginning of a line whose end is skipped must not be joined with another line.
    this.#budget.skip(skipped + tail.splitter.discard(), tail.stream);
  }

  /** Returns the last position up to `at` from which the file can be read without reading the end of a secret alone. */
  #outsideSecrets(tail: SpoolTail, at: number, size: number): number {
    const { mask = null } = this.#options;
    if (mask === null) return at;
    const start = Math.max(tail.offset - tail.splitter.pending, at - mask.maxBytes);
    const bytes = new Uint8Array(Math.min(size, at + mask.maxBytes) - start);
    const count = readSync(tail.fd, bytes, 0, bytes.length, start);
    return start + mask.boundary(bytes.subarray(0, count), at - start);
  }

  #chunk(stream: OutputStream, { bytes, lines }: LineChunk, masked = this.#options.mask?.bytes(bytes)): NewChunk {
    return { stream, at: this.#options.clock.now(), bytes: masked ?? bytes, lines };
  }

  #store(): void {
    if (this.#unstored.length === 0) return;
    this.#budget.store(this.#unstored, this.#storedOffsets());
    this.#unstored = [];
    for (const tail of this.#tails) this.#punch(tail);
    this.#options.onStored();
  }

  /** Excludes what the splitters buffer. After a restart it is read again. */
  #storedOffsets(): { readonly stdout: number; readonly stderr: number } {
    const of = (stream: OutputStream): number => {
      const tail = this.#tails.find((candidate) => candidate.stream === stream);
      return tail === undefined ? 0 : tail.offset - tail.splitter.pending;
    };
    return { stdout: of("stdout"), stderr: of("stderr") };
  }

  #punch(tail: SpoolTail): void {
    const stored = tail.offset - tail.splitter.pending;
    if (stored - tail.punched < PUNCH_BYTES) return;
    this.#options.runtime.punchHole(tail.fd, tail.punched, stored - tail.punched);
    tail.punched = stored;
  }
}

type NewSpoolTail = Pick<SpoolTail, "stream" | "offset"> & {
  readonly path: string;
  readonly chunkBytes: number;
  readonly mask: Mask | null;
};

const openTail = ({ stream, path, offset, chunkBytes, mask }: NewSpoolTail): SpoolTail => ({
  stream,
  fd: openAppended(path),
  splitter: new LineSplitter(chunkBytes, mask === null ? undefined : (bytes, at) => mask.boundary(bytes, at)),
  offset,
  punched: 0,
});
