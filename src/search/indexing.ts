import { statfsSync } from "node:fs";
import { dirname } from "node:path";
import type { IndexFault } from "../domain/search/index-fault.ts";
import { errorMessage } from "../lib/error-message.ts";
import type { Runtime } from "../runtime/runtime.ts";
import {
  type AddedPart,
  deleteIndex,
  type IndexedRun,
  indexSize,
  isDamage,
  openIndex,
  type Reach,
  type SearchIndex,
} from "./index-file.ts";
import { RunOutput, type SearchedRun } from "./run-output.ts";

export type IndexingOptions = {
  /** Paths of the database and of the index. */
  readonly db: string;
  readonly index: string;
  readonly limitBytes: number;
  readonly runtime: Pick<Runtime, "openDatabase">;
  /** Waits between two steps. */
  readonly rest: (ms: number) => Promise<void>;
  /** Called after each step. */
  readonly onStep: (status: IndexStatus) => void;
  /** Ends the work after the current step. */
  readonly signal: AbortSignal;
};

/** How far the index reaches. Times are in ms since the Unix epoch. */
export type IndexStatus = {
  /** True if older runs are still to be added. */
  readonly isBuilding: boolean;
  /** True if older runs do not fit into the index. */
  readonly isFull: boolean;
  /** When the oldest run in the index was created; null if it has none. */
  readonly reachesTo: number | null;
  readonly sizeBytes: number;
  /** Why the index can't be written; null if it can. */
  readonly failure: IndexFailure | null;
};

type IndexFailure = { readonly fault: IndexFault; readonly error: string };

/** Maximum of runs, and about how many bytes of output, that one step adds. */
const STEP_RUNS = 500;
const STEP_BYTES = 8 * 2 ** 20;
/** A step adds at most this part of the limit, because the index of some texts is many times as large as they are. */
const MAX_STEP_PART = 1 / 256;

/** Runs whose existence one statement checks. */
const CHECKED_RUNS = 5_000;

/** Indexing rests for so many times as long as it has worked. */
const REST = 0.5;
/** The same while runs start: they wait for the same disk, caches and processors. */
const BUSY_REST = 6;
const MAX_REST_MS = 10_000;

/** The index leaves so much of the disk free for the database: this part of the disk, up to so many bytes. */
const FREE_PART = 0.05;
const FREE_BYTES = 256 * 2 ** 20;

/** How many parts the index has. The oldest is dropped when it is full. */
const SHARDS = 8;
/** With a small limit it has fewer, because each has the same sequences of characters again. */
const MIN_SHARDS = 4;

/** The output of a run that is larger than this part of the limit would displace that of most others. Searches read it instead. */
const MAX_RUN_PART = 1 / 16;

/**
 * Brings the index up to date: removes deleted runs, adds those that have ended since, then older ones from the newest back, until all are
 * in it or the limit is reached. Each step is one transaction. A damaged index is built again. Returns the last status.
 */
export const updateIndex = async (options: IndexingOptions): Promise<IndexStatus> => {
  for (let isSecond = false; ; isSecond = true) {
    try {
      return await update(options);
    } catch (error) {
      if (isDamage(error) && !isSecond) {
        deleteIndex(options.index);
        continue;
      }
      return failed(options, error);
    }
  }
};

const failed = ({ index }: IndexingOptions, error: unknown): IndexStatus => {
  const isDiskFull =
    error instanceof DiskFull ||
    (error instanceof Error && "code" in error && /SQLITE_FULL|ENOSPC/.test(String(error.code)));
  return {
    isBuilding: true,
    isFull: false,
    reachesTo: null,
    sizeBytes: indexSize(index),
    failure: { fault: isDiskFull ? "disk_full" : "unwritable", error: errorMessage(error) },
  };
};

class DiskFull extends Error {}

const update = async (options: IndexingOptions): Promise<IndexStatus> => {
  const { db, index: path, runtime, signal } = options;
  using output = new RunOutput(runtime.openDatabase(db, { readonly: true }));
  using index = openIndex({ path, runtime, token: output.token });
  const work = new Indexing(options, output, index);
  const steps = [() => work.removeDeleted(), () => work.addNewer(), () => work.addLater(), () => work.addOlder()];
  let newest = output.newestRun;
  // What has ended meanwhile comes before what is older.
  for (let next = 0; next < steps.length && !signal.aborted; ) {
    const began = performance.now();
    const isOver = steps[next]?.() ?? true;
    if (isOver) next++;
    else {
      options.onStep(work.status);
      if (next > 1) next = 1;
    }
    const isBusy = output.newestRun !== newest;
    newest = output.newestRun;
    await options.rest(Math.min(MAX_REST_MS, (performance.now() - began) * (isBusy ? BUSY_REST : REST)));
  }
  return work.status;
};

class Indexing {
  readonly #options: IndexingOptions;
  readonly #output: RunOutput;
  readonly #index: SearchIndex;
  /** Up to which run those that were deleted are removed. */
  #checked = 0;

  constructor(options: IndexingOptions, output: RunOutput, index: SearchIndex) {
    this.#options = options;
    this.#output = output;
    this.#index = index;
    index.shardBytes = Math.max(options.limitBytes / SHARDS, Math.min(2 ** 20, options.limitBytes / MIN_SHARDS));
    if (index.reach === null) {
      const newest = output.newestRun;
      index.setReach({ low: newest + 1, high: newest, isFull: false });
    }
    this.#reconsiderLimit();
  }

  get #reach(): Reach {
    const { reach } = this.#index;
    if (reach === null) throw new Error("the index reaches nowhere");
    return reach;
  }

  get status(): IndexStatus {
    const { low, high, isFull } = this.#reach;
    const oldest = low > high ? null : (this.#output.listAfter(low - 1, 1)[0] ?? null);
    return {
      isBuilding: !isFull && this.#output.listBefore(low, 1).length > 0,
      isFull,
      reachesTo: oldest?.createdAt ?? null,
      sizeBytes: indexSize(this.#options.index),
      failure: null,
    };
  }

  /** Each step returns true if nothing is left to do. */
  removeDeleted(): boolean {
    const known = this.#index.listRuns(this.#checked, CHECKED_RUNS);
    const last = known.at(-1);
    if (last === undefined) return true;
    const existing = new Map(
      this.#output.listExisting(known.map(({ run }) => run)).map(({ seq, id }) => [seq, tailOf(id)]),
    );
    const gone = known.filter(({ run, tail }) => existing.get(run) !== tail).map(({ run }) => run);
    if (gone.length > 0)
      this.#index.transaction(() => {
        this.#index.remove(gone);
        // Their numbers are those of other runs by now.
        this.#index.addLater(gone.filter((run) => existing.has(run)));
      });
    this.#checked = last.run;
    return known.length < CHECKED_RUNS;
  }

  addNewer(): boolean {
    const reach = this.#reach;
    const newest = this.#output.newestRun;
    // The numbers begin again if all runs were deleted.
    if (newest < reach.high) {
      const low = Math.min(reach.low, newest + 1);
      this.#index.transaction(() => this.#index.setReach({ ...reach, low, high: newest }));
      return false;
    }
    const runs = this.#output.listAfter(reach.high, STEP_RUNS);
    if (runs.length === 0) return true;
    this.#add(runs, "newer", (taken) => {
      const now = this.#reach;
      const high = taken.at(-1)?.seq ?? now.high;
      this.#index.setReach({ ...now, low: Math.min(now.low, taken[0]?.seq ?? now.low), high });
    });
    return false;
  }

  addLater(): boolean {
    const waiting = this.#index.listLater();
    const existing = this.#output.listExisting(waiting);
    const known = new Set(existing.map(({ seq }) => seq));
    const gone = waiting.filter((seq) => !known.has(seq));
    if (gone.length > 0) this.#index.transaction(() => this.#index.removeLater(gone));
    const placed = new Set(this.#index.listLater({ withPlace: true }));
    const ended = existing.filter(({ seq, hasEnded }) => hasEnded && placed.has(seq)).slice(0, STEP_RUNS);
    if (ended.length === 0) return true;
    this.#add(ended, "later");
    return false;
  }

  addOlder(): boolean {
    const reach = this.#reach;
    if (reach.isFull) return true;
    const runs = this.#output.listBefore(reach.low, STEP_RUNS);
    if (runs.length === 0) return true;
    if (!this.#hasRoom()) {
      this.#index.transaction(() => this.#index.setReach({ ...reach, isFull: true }));
      return true;
    }
    this.#add(runs, "older", (taken) => this.#index.setReach({ ...this.#reach, low: taken.at(-1)?.seq ?? reach.low }));
    return false;
  }

  /** Adds the first of some runs, as many as are good for one step. `then` gets them, in the same transaction. */
  #add(runs: readonly SearchedRun[], part: AddedPart, then: (taken: readonly SearchedRun[]) => void = () => {}): void {
    this.#assertSpace();
    const indexed: IndexedRun[] = [];
    const tooLarge: number[] = [];
    let [taken, bytes] = [0, 0];
    for (const run of runs) {
      taken++;
      const blocks = run.hasEnded ? this.#output.readBlocks(run.seq) : null;
      const size = blocks?.reduce((sum, { text }) => sum + text.length, 0) ?? 0;
      const isTooLarge = size > this.#options.limitBytes * MAX_RUN_PART;
      if (isTooLarge) tooLarge.push(run.seq);
      else bytes += size;
      indexed.push({ run: run.seq, tail: tailOf(run.id), blocks: isTooLarge ? [] : blocks });
      if (bytes >= Math.min(STEP_BYTES, this.#options.limitBytes * MAX_STEP_PART)) break;
    }
    const usedBefore = this.#index.usedBytes;
    this.#index.transaction(() => {
      this.#index.add(indexed, part);
      this.#index.addLater(tooLarge);
      then(runs.slice(0, taken));
    });
    // FTS5 writes what it has collected at the end of the transaction.
    if (part !== "later") this.#index.noteGrowth(this.#index.usedBytes - usedBefore - bytes, part);
    while (!this.#hasRoom()) if (!this.#dropOldest()) break;
  }

  /** Returns whether another part fits into the index. */
  #hasRoom(): boolean {
    return this.#index.usedBytes <= this.#options.limitBytes * (1 - 1 / SHARDS);
  }

  #dropOldest(): boolean {
    let dropped: number | null = null;
    this.#index.transaction(() => {
      dropped = this.#index.dropOldest();
      if (dropped === null) return;
      const { high } = this.#reach;
      this.#index.setReach({ low: Math.min(dropped, high) + 1, high, isFull: true });
    });
    if (indexSize(this.#options.index) > this.#options.limitBytes) this.#index.shrink();
    return dropped !== null;
  }

  /** Follows a limit that was changed since. */
  #reconsiderLimit(): void {
    while (this.#index.usedBytes > this.#options.limitBytes) if (!this.#dropOldest()) break;
    const reach = this.#reach;
    // Half of the limit, so that what was dropped is not added again at once.
    if (reach.isFull && this.#index.usedBytes < this.#options.limitBytes / 2)
      this.#index.transaction(() => this.#index.setReach({ ...reach, isFull: false }));
  }

  /** Throws if so little of the disk is left that the database may need it. */
  #assertSpace(): void {
    const { bavail, bsize, blocks } = statfsSync(dirname(this.#options.index));
    const needed = Math.min(FREE_BYTES, blocks * bsize * FREE_PART);
    if (bavail * bsize < needed)
      throw new DiskFull(
        `only ${Math.floor((bavail * bsize) / 2 ** 20)} MiB of the disk are free, which the index leaves to the database`,
      );
  }
}

/** Returns the last 48 bits of the id of a run, which are random. */
export const tailOf = (runId: string): number => Number.parseInt(runId.slice(-12), 16);
