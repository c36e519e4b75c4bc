import { createHash } from "node:crypto";
import { statfsSync } from "node:fs";
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { formatRoundedSize, formatSize } from "../../lib/size.ts";
import type { StoredFile } from "../../store/artifacts.ts";
import { ArtifactError, describing } from "./artifact-error.ts";
import type { SourceFile } from "./source-file.ts";

/** Bytes that are read, hashed and written at once. Hashing them blocks for less than a ms. */
const CHUNK_BYTES = 262_144;

/** Number of files that are synchronized with the disk together, because the file system shares the work. */
const SYNC_FILES = 32;

/** Maximum number of files of one attempt. */
const MAX_FILES = 10_000;

/** What is left free on the disk, so that petit itself can still store: a part of it, with a maximum. */
const RESERVED_PART = 0.02;
const MAX_RESERVED_BYTES = 64 * 2 ** 20;

export type CopierOptions = {
  /** The folder of the copies. */
  readonly folder: string;
  /** Maximum size of all artifacts of the run. */
  readonly limitBytes: number;
  /** Size of the other artifacts of the run. */
  readonly usedBytes: number;
  readonly signal: AbortSignal;
};

/** Copies the artifacts of an attempt into a new folder. */
export class Copier implements AsyncDisposable {
  readonly #options: CopierOptions;
  readonly #buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  readonly #files = new Map<string, StoredFile>();
  readonly #folders = new Set<string>();
  #unsynced: FileHandle[] = [];
  #bytes = 0;

  constructor(options: CopierOptions) {
    this.#options = options;
  }

  /**
   * Copies a file, unless there is a copy with the same path. A file that grows meanwhile is copied up to its size at the
   * beginning. Throws ArtifactError.
   */
  async add(source: SourceFile): Promise<void> {
    const { path, sizeBytes: size } = source;
    if (this.#files.has(path)) return;
    if (this.#files.size >= MAX_FILES) throw new ArtifactError(`there are more than ${MAX_FILES} files`);
    this.#assertRoom(path, size);
    const to = await describing(`cannot store ${path}`, () => this.#create(path));
    this.#unsynced.push(to);
    const copied = await this.#copy(source, to);
    this.#bytes += copied.sizeBytes;
    this.#files.set(path, copied);
    if (this.#unsynced.length >= SYNC_FILES) await this.#sync();
  }

  /** Returns the copies when they are on the disk. */
  async finish(): Promise<readonly StoredFile[]> {
    await this.#sync();
    return [...this.#files.values()];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const handles = this.#unsynced;
    this.#unsynced = [];
    await Promise.allSettled(handles.map((handle) => handle.close()));
  }

  #assertRoom(path: string, size: number): void {
    const { limitBytes, usedBytes, folder } = this.#options;
    const before = usedBytes + this.#bytes;
    if (before + size > limitBytes)
      throw new ArtifactError(
        `${path} (${formatRoundedSize(size)}) exceeds artifact_limit, which is ${formatSize(limitBytes)} for a run; ` +
          `${formatRoundedSize(before)} of it are used`,
      );
    const { bsize, bavail, blocks } = statfsSync(dirname(folder));
    const reserved = Math.min(MAX_RESERVED_BYTES, blocks * bsize * RESERVED_PART);
    if (size > bavail * bsize - reserved)
      throw new ArtifactError(`cannot store ${path} (${formatRoundedSize(size)}): the disk is full`, { mayPass: true });
  }

  async #create(path: string): Promise<FileHandle> {
    const file = join(this.#options.folder, path);
    const folder = dirname(file);
    if (!this.#folders.has(folder)) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      this.#folders.add(folder);
    }
    return await open(file, "wx", 0o600);
  }

  async #copy({ path, sizeBytes: size, read }: SourceFile, to: FileHandle): Promise<StoredFile> {
    const hash = createHash("sha256");
    const buffer = this.#buffer;
    let sizeBytes = 0;
    while (sizeBytes < size) {
      this.#options.signal.throwIfAborted();
      const length = await read(buffer.subarray(0, Math.min(CHUNK_BYTES, size - sizeBytes)));
      if (length === 0) break;
      const chunk = buffer.subarray(0, length);
      hash.update(chunk);
      await describing(`cannot store ${path}`, () => writeAll(to, chunk, sizeBytes));
      sizeBytes += length;
    }
    return { path, sizeBytes, sha256: hash.digest("hex") };
  }

  async #sync(): Promise<void> {
    const handles = this.#unsynced;
    await describing("cannot store the files", () => Promise.all(handles.map((handle) => handle.datasync())));
    this.#unsynced = [];
    await Promise.all(handles.map((handle) => handle.close()));
  }
}

const writeAll = async (to: FileHandle, chunk: Buffer, position: number): Promise<void> => {
  for (let written = 0; written < chunk.length; ) {
    const { bytesWritten } = await to.write(chunk, written, chunk.length - written, position + written);
    written += bytesWritten;
  }
};
