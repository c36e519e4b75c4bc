import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ARTIFACTS, makeSpoolFolder, tryRename } from "./spool.ts";
import type { SpoolTrash } from "./spool-trash.ts";

/** Number of folders that are created together, in a folder of their own. */
const BATCH = 32;

/** Below this number of folders in stock, more are created while attempts start. */
const LOW = 64;

/** Maximum number of folders that are kept for the next attempts. */
const MAX_STOCK = 512;

/**
 * Creates new empty folders for attempts, each with a folder of artifacts. While many attempts start, that happens in other threads:
 * on ext4 without a journal, the kernel can need a ms for each folder.
 */
export class NewFolders implements Disposable {
  readonly #spoolDir: string;
  readonly #trash: SpoolTrash;
  #stock: string[] = [];
  /** The folders that contain the stock. */
  readonly #batches = new Set<string>();
  #target = 0;
  #isCreating = false;
  #isClosed = false;

  constructor({ spoolDir, trash }: { readonly spoolDir: string; readonly trash: SpoolTrash }) {
    this.#spoolDir = spoolDir;
    this.#trash = trash;
  }

  /** Creates a folder, or moves one from the stock to `path`. */
  make(path: string): void {
    const made = this.#stock.pop();
    if (made === undefined || !tryRename(made, path)) makeSpoolFolder(path);
  }

  /** Keeps a small stock, because many attempts start now. */
  stock(): void {
    this.#fill(LOW);
  }

  /** Creates a stock for `count` attempts that start together. */
  prepare(count: number): void {
    this.#fill(Math.min(count, MAX_STOCK));
  }

  /** Deletes the stock, and creates no more. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#stock = [];
    this.#deleteUsed();
  }

  #fill(target: number): void {
    this.#target = target;
    if (!this.#isCreating) void this.#create();
  }

  async #create(): Promise<void> {
    this.#isCreating = true;
    try {
      while (!this.#isClosed && this.#stock.length < this.#target) this.#stock.push(...(await this.#createBatch()));
    } catch {
      // The disk may be full. Then `make` says so.
    } finally {
      this.#isCreating = false;
    }
  }

  async #createBatch(): Promise<readonly string[]> {
    this.#deleteUsed();
    const batch = join(this.#spoolDir, `free-new-${randomUUID()}`);
    this.#batches.add(batch);
    await mkdir(batch, { mode: 0o700 });
    const paths: string[] = [];
    for (let index = 0; index < BATCH && !this.#isClosed; index++) {
      const path = join(batch, String(index));
      await mkdir(path, { mode: 0o700 });
      await mkdir(join(path, ARTIFACTS), { mode: 0o700 });
      paths.push(path);
    }
    return this.#isClosed ? [] : paths;
  }

  #deleteUsed(): void {
    const needed = new Set(this.#stock.map(dirname));
    for (const batch of this.#batches) {
      if (needed.has(batch)) continue;
      this.#batches.delete(batch);
      this.#trash.add(batch);
    }
  }
}
