import { rmSync, statSync, writeFileSync } from "node:fs";
import { trigramsOf } from "../domain/search/fold.ts";
import type { NeededTexts } from "../domain/search/needed-texts.ts";
import type { Runtime, SqlDatabase } from "../runtime/runtime.ts";
import { integer } from "../store/database/rows.ts";
import { createStatements, type Statements } from "../store/database/statements.ts";

/**
 * The index is a SQLite file of its own beside the database, and has only what can be computed from it again. A block is up to some KiB of
 * the output of a run, or one chunk of it. For each sequence of three characters, FTS5 has the blocks that contain it, without positions
 * (`detail=none`): about a third of the size of the output, instead of two and a half times. Whoever searches reads the blocks again.
 *
 * The blocks are divided into shards by the numbers of their runs. The oldest shard is dropped when the index is full.
 */
export type Block = {
  /** Number of the run. */
  readonly run: number;
  /** Number of the first and of the last line. */
  readonly first: number;
  readonly last: number;
  /** Number of the line from which chunks must be read: less than `first` if a line began in an earlier chunk. */
  readonly start: number;
};

export type BlockText = Block & { readonly text: string };

/** The output of a run, in blocks; null if the run has not ended. */
export type IndexedRun = { readonly run: number; readonly tail: number; readonly blocks: readonly BlockText[] | null };

/** Where runs are added: after those that the index has, before them, or in the places of runs that had not ended. */
export type AddedPart = "newer" | "older" | "later";

/** How far the index reaches. Runs have numbers (`seq`) in the order in which they were created. */
export type Reach = {
  /** All runs from `low` to `high` are in the index, or in `later`. */
  readonly low: number;
  readonly high: number;
  /** True if older runs do not fit into the index. */
  readonly isFull: boolean;
};

type Shard = {
  readonly id: number;
  readonly low: number;
  readonly high: number;
  readonly bytes: number;
};

/** Identifies the file, as `application_id` and `user_version`. Another version is built again. */
const APPLICATION_ID = 0x70657469;
const FORMAT = 2;

const SCHEMA = `
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA journal_mode = WAL;
-- The ids of blocks from first_id to before next_id are taken. They have the order of the runs, and few gaps, because the index has differences
-- between them.
CREATE TABLE state (token TEXT NOT NULL, low INTEGER NOT NULL, high INTEGER NOT NULL, is_full INTEGER NOT NULL,
  first_id INTEGER NOT NULL, next_id INTEGER NOT NULL) STRICT;
-- tail: the last 48 bits of the id of the run, because the number of a deleted run can be used again.
CREATE TABLE runs (run INTEGER PRIMARY KEY, tail INTEGER NOT NULL, first_id INTEGER NOT NULL, blocks INTEGER NOT NULL) STRICT;
-- Runs that had not ended when their neighbours were indexed, and the first of the ids that are kept for them; null if none are.
CREATE TABLE later (run INTEGER PRIMARY KEY, first_id INTEGER) STRICT;
CREATE TABLE blocks (id INTEGER PRIMARY KEY, run INTEGER NOT NULL, start INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL) STRICT;
CREATE TABLE shards (id INTEGER PRIMARY KEY, low INTEGER NOT NULL, high INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT;
PRAGMA application_id = ${APPLICATION_ID};
PRAGMA user_version = ${FORMAT};
`;

/** The first id of a block. Older ones have lower ids. */
const MIDDLE_ID = 2 ** 30;

/** Ids that are kept for a run that has not ended. If it has more blocks, they are joined. */
const KEPT_IDS = 256;

const BUSY_TIMEOUT_MS = 5_000;

/** After a power failure the index may lack its last steps, but it is consistent: WAL is synced before each checkpoint. */
const SETTINGS = `PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}; PRAGMA synchronous = NORMAL`;

/** Pages that FTS5 merges and writes at once; its default is 1,000 bytes. */
const FTS_PAGE_BYTES = 4_000;
/** How much of the index FTS5 collects in memory, in bytes. With its default of 1 MiB it writes and merges more often. */
const FTS_MEMORY_BYTES = 16 * 2 ** 20;

type IndexOptions = { readonly path: string; readonly runtime: Pick<Runtime, "openDatabase"> };

/** Deletes the index. */
export const deleteIndex = (path: string): void => {
  for (const suffix of ["", "-wal", "-shm", "-journal"]) rmSync(`${path}${suffix}`, { force: true });
};

/** Returns the size of the index in bytes, with its log. */
export const indexSize = (path: string): number =>
  ["", "-wal"].reduce((sum, suffix) => sum + (statSync(`${path}${suffix}`, { throwIfNoEntry: false })?.size ?? 0), 0);

/**
 * Opens the index of the database with this token for writing. Creates it if it is missing, or if it is of another database or format.
 * Throws the error of SQLite if it is damaged or can't be written.
 */
export const openIndex = ({ path, runtime, token }: IndexOptions & { readonly token: string }): SearchIndex => {
  const found = tryOpen({ path, runtime }, token);
  if (found !== null) return found;
  deleteIndex(path);
  writeFileSync(path, "", { mode: 0o600, flag: "wx" });
  const db = runtime.openDatabase(path);
  db.exec(SETTINGS);
  db.exec(SCHEMA);
  const index = new SearchIndex(db);
  index.begin(token);
  return index;
};

const tryOpen = ({ path, runtime }: IndexOptions, token: string): SearchIndex | null => {
  if (indexSize(path) === 0) return null;
  const db = runtime.openDatabase(path);
  try {
    db.exec(SETTINGS);
    if (isOf(db, token)) return new SearchIndex(db);
    db.close();
    return null;
  } catch (error) {
    db.close();
    if (!isDamage(error)) throw error;
    return null;
  }
};

/** Opens the index for reading. Returns null if it is missing, damaged or of another database, or can't be opened. */
export const openIndexToRead = ({
  path,
  runtime,
  token,
}: IndexOptions & { readonly token: string }): SearchIndex | null => {
  if (indexSize(path) === 0) return null;
  let db: SqlDatabase | null = null;
  try {
    // Not read-only: after a kill of the process that writes it, SQLite has to recover the log first.
    db = runtime.openDatabase(path);
    db.exec(SETTINGS);
    if (isOf(db, token)) return new SearchIndex(db);
  } catch {
    // A directory in its place, say. The process that writes the index says what is wrong.
  }
  db?.close();
  return null;
};

const isOf = (db: SqlDatabase, token: string): boolean =>
  db.prepare("PRAGMA application_id").get()?.application_id === APPLICATION_ID &&
  db.prepare("PRAGMA user_version").get()?.user_version === FORMAT &&
  db.prepare("SELECT token FROM state").get()?.token === token;

/** Returns whether an error of SQLite says that the file is damaged, or that it is no index. */
export const isDamage = (error: unknown): boolean =>
  error instanceof Error &&
  (("code" in error && /^SQLITE_(CORRUPT|NOTADB)/.test(String(error.code))) ||
    /no such (table|column)/.test(error.message));

/** The open index. */
export class SearchIndex implements Disposable {
  readonly #db: SqlDatabase;
  readonly #sql: Statements;

  constructor(db: SqlDatabase) {
    this.#db = db;
    this.#sql = createStatements(db);
  }

  /** Notes to which database a new index belongs. */
  begin(token: string): void {
    this.#sql.run(
      "INSERT INTO state (token, low, high, is_full, first_id, next_id) VALUES ($token, 0, -1, 0, $id, $id)",
      {
        token,
        id: MIDDLE_ID,
      },
    );
  }

  /** Runs `work` in one transaction. */
  transaction(work: () => void): void {
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      work();
      this.#db.exec("COMMIT");
    } catch (error) {
      // A full disk may have rolled it back already.
      try {
        this.#db.exec("ROLLBACK");
      } catch {
        // The first error says why.
      }
      throw error;
    }
  }

  /** Reads the index in one state, until it is closed. */
  freeze(): void {
    this.#db.exec("BEGIN");
  }

  /** Returns null before the first run. */
  get reach(): Reach | null {
    const row = this.#sql.get("SELECT low, high, is_full FROM state") ?? {};
    const [low, high] = [integer(row, "low"), integer(row, "high")];
    return low > high && low === 0 ? null : { low, high, isFull: integer(row, "is_full") === 1 };
  }

  setReach({ low, high, isFull }: Reach): void {
    this.#sql.run("UPDATE state SET low = $low, high = $high, is_full = $isFull", {
      low,
      high,
      isFull: isFull ? 1 : 0,
    });
  }

  /** Adds runs, in any order. Those that have not ended get their place for later. */
  add(runs: readonly IndexedRun[], part: AddedPart): void {
    // FTS5 writes what it has collected whenever a block is not after the last one.
    const ordered = runs.toSorted((one, other) => one.run - other.run);
    let id =
      part === "later"
        ? 0
        : this.#takeIds(
            ordered.reduce((sum, { blocks }) => sum + (blocks?.length ?? KEPT_IDS), 0),
            part,
          );
    for (const { run, tail, blocks } of ordered) {
      if (blocks === null) {
        this.#sql.run("INSERT OR REPLACE INTO later (run, first_id) VALUES ($run, $id)", { run, id });
        id += KEPT_IDS;
      } else if (part === "later") {
        this.#addRun({ run, tail, blocks: joinBlocks(blocks, KEPT_IDS) }, this.#takeLater(run));
      } else {
        this.#addRun({ run, tail, blocks }, id);
        id += blocks.length;
      }
    }
  }

  /** Takes ids at one end of those that are taken. Returns the first. */
  #takeIds(count: number, end: "newer" | "older"): number {
    const { first_id: first, next_id: next } = this.#sql.get("SELECT first_id, next_id FROM state") ?? {};
    if (end === "newer") {
      this.#sql.run("UPDATE state SET next_id = next_id + $count", { count });
      return Number(next);
    }
    this.#sql.run("UPDATE state SET first_id = first_id - $count", { count });
    return Number(first) - count;
  }

  /** Returns the first of the ids that are kept for a run, and removes the run from those for later. */
  #takeLater(run: number): number {
    const row = this.#sql.get("SELECT first_id FROM later WHERE run = $run", { run });
    this.#sql.run("DELETE FROM later WHERE run = $run", { run });
    return integer(row ?? {}, "first_id");
  }

  #addRun(
    { run, tail, blocks }: { readonly run: number; readonly tail: number; readonly blocks: readonly BlockText[] },
    firstId: number,
  ): void {
    if (blocks.length === 0) return;
    this.#sql.run("INSERT OR REPLACE INTO runs (run, tail, first_id, blocks) VALUES ($run, $tail, $firstId, $blocks)", {
      run,
      tail,
      firstId,
      blocks: blocks.length,
    });
    const shard = this.#shardFor(
      run,
      blocks.reduce((sum, block) => sum + block.text.length, 0),
    );
    for (const [index, { start, first, last, text: content }] of blocks.entries()) {
      const id = firstId + index;
      this.#sql.run("INSERT INTO blocks (id, run, start, first, last) VALUES ($id, $run, $start, $first, $last)", {
        id,
        run,
        start,
        first,
        last,
      });
      this.#sql.run(`INSERT INTO text_${shard} (rowid, text) VALUES ($id, $content)`, { id, content });
    }
  }

  /** Maximum of a shard, in bytes: of the output in it, or of its own size if that is larger. */
  shardBytes = 64 * 2 ** 20;

  /** Returns the shard for a run, which may be a new one, and adds the size of the run to it. */
  #shardFor(run: number, bytes: number): number {
    const shards = this.#shards();
    const found = shards.find(({ low, high }) => low <= run && run <= high) ?? this.#neighbourOf(run, shards);
    if (found === null) return this.#newShard(run, bytes);
    this.#sql.run(
      "UPDATE shards SET low = min(low, $run), high = max(high, $run), bytes = bytes + $bytes WHERE id = $id",
      {
        id: found.id,
        run,
        bytes,
      },
    );
    return found.id;
  }

  /** Returns the shard that a run extends: the one before it, unless that is full. `shards`: the newest first. */
  #neighbourOf(run: number, shards: readonly Shard[]): Shard | null {
    const before = shards.find(({ high }) => high < run);
    const after = shards.findLast(({ low }) => low > run);
    if (before !== undefined && (after !== undefined || before.bytes < this.shardBytes)) return before;
    return before === undefined && after !== undefined && after.bytes < this.shardBytes ? after : null;
  }

  #newShard(run: number, bytes: number): number {
    const id = Number(this.#sql.get("SELECT coalesce(max(id), 0) + 1 AS id FROM shards")?.id);
    this.#sql.run("INSERT INTO shards (id, low, high, bytes) VALUES ($id, $run, $run, $bytes)", { id, run, bytes });
    this.#db.exec(
      `CREATE VIRTUAL TABLE text_${id} USING fts5 (text, content = '', contentless_delete = 1, detail = none, tokenize = 'trigram case_sensitive 1')`,
    );
    this.#db.exec(`INSERT INTO text_${id} (text_${id}, rank) VALUES ('pgsz', ${FTS_PAGE_BYTES})`);
    this.#db.exec(`INSERT INTO text_${id} (text_${id}, rank) VALUES ('hashsize', ${FTS_MEMORY_BYTES})`);
    return id;
  }

  /** Returns the shards, the newest first. */
  #shards(): readonly Shard[] {
    return this.#sql.all("SELECT id, low, high, bytes FROM shards ORDER BY low DESC").map((row) => ({
      id: integer(row, "id"),
      low: integer(row, "low"),
      high: integer(row, "high"),
      bytes: integer(row, "bytes"),
    }));
  }

  /** Adds to the size of the shard at one end how much more it has grown than by the output that was added to it, in bytes. */
  noteGrowth(bytes: number, end: "newer" | "older"): void {
    const shard = this.#shards().at(end === "newer" ? 0 : -1);
    if (bytes <= 0 || shard === undefined) return;
    this.#sql.run("UPDATE shards SET bytes = bytes + $bytes WHERE id = $id", { id: shard.id, bytes });
  }

  /** Drops the oldest shard. Returns the number of the newest run in it, or null if there is none. */
  dropOldest(): number | null {
    const oldest = this.#shards().at(-1);
    if (oldest === undefined) return null;
    this.#drop(oldest);
    this.#sql.run("DELETE FROM later WHERE run <= $high", { high: oldest.high });
    return oldest.high;
  }

  #drop({ id, low, high }: Shard): void {
    this.#db.exec(`DROP TABLE text_${id}`);
    const ids = this.#sql.get(
      "SELECT min(first_id) AS first, max(first_id + blocks) AS next FROM runs WHERE run BETWEEN $low AND $high",
      { low, high },
    );
    if (ids?.first != null)
      this.#sql.run("DELETE FROM blocks WHERE id >= $first AND id < $next AND run BETWEEN $low AND $high", {
        first: integer(ids, "first"),
        next: integer(ids, "next"),
        low,
        high,
      });
    this.#sql.run("DELETE FROM runs WHERE run BETWEEN $low AND $high", { low, high });
    this.#sql.run("DELETE FROM shards WHERE id = $id", { id });
  }

  /** Removes runs. */
  remove(runs: readonly number[]): void {
    const shards = this.#shards();
    for (const run of runs) {
      this.#sql.run("DELETE FROM later WHERE run = $run", { run });
      const row = this.#sql.get("SELECT first_id, blocks FROM runs WHERE run = $run", { run });
      if (row === null) continue;
      const first = integer(row, "first_id");
      const shard = shards.find(({ low, high }) => low <= run && run <= high);
      for (let id = first; id < first + integer(row, "blocks"); id++) {
        if (shard !== undefined) this.#sql.run(`DELETE FROM text_${shard.id} WHERE rowid = $id`, { id });
        this.#sql.run("DELETE FROM blocks WHERE id = $id", { id });
      }
      this.#sql.run("DELETE FROM runs WHERE run = $run", { run });
    }
    for (const shard of shards) {
      const range = { low: shard.low, high: shard.high };
      if (this.#sql.get("SELECT 1 AS one FROM runs WHERE run BETWEEN $low AND $high LIMIT 1", range) === null)
        this.#drop(shard);
    }
  }

  /** Returns up to `limit` of the runs that the index has, after number `after`. */
  listRuns(after: number, limit: number): readonly { readonly run: number; readonly tail: number }[] {
    return this.#sql
      .all("SELECT run, tail FROM runs WHERE run > $after ORDER BY run LIMIT $limit", { after, limit })
      .map((row) => ({ run: integer(row, "run"), tail: integer(row, "tail") }));
  }

  /** Returns the last 48 bits of the id of an indexed run, or null. */
  tailOf(run: number): number | null {
    const row = this.#sql.get("SELECT tail FROM runs WHERE run = $run", { run });
    return row === null ? null : integer(row, "tail");
  }

  /** Notes runs that are to be added later, without a place of their own. */
  addLater(runs: readonly number[]): void {
    for (const run of runs) this.#sql.run("INSERT OR IGNORE INTO later (run, first_id) VALUES ($run, NULL)", { run });
  }

  removeLater(runs: readonly number[]): void {
    for (const run of runs) this.#sql.run("DELETE FROM later WHERE run = $run", { run });
  }

  /**
   * Returns the runs that had not ended when their neighbours were indexed, the newest first. Of those that have the number of a deleted run,
   * none has a place: they are always read.
   */
  listLater({ withPlace = false }: { readonly withPlace?: boolean } = {}): readonly number[] {
    const condition = withPlace ? "first_id IS NOT NULL" : "true";
    return this.#sql
      .all(`SELECT run FROM later WHERE ${condition} ORDER BY run DESC`)
      .map((row) => integer(row, "run"));
  }

  /** Size of what the file contains, without free pages, in bytes. */
  get usedBytes(): number {
    const [pages, free, size] = ["page_count", "freelist_count", "page_size"].map((name) =>
      Number(this.#db.prepare(`PRAGMA ${name}`).get()?.[name]),
    );
    return ((pages ?? 0) - (free ?? 0)) * (size ?? 0);
  }

  /** Gives the disk space of free pages back. */
  shrink(): void {
    // Each step of the statement gives one page back.
    this.#db.prepare("PRAGMA incremental_vacuum").all();
    this.#db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  }

  /** Returns how many blocks some runs have. */
  countBlocks(runs: readonly number[]): number {
    const row = this.#sql.get(
      "SELECT coalesce(sum(blocks), 0) AS blocks FROM runs WHERE run IN (SELECT value FROM json_each($runs))",
      { runs: JSON.stringify(runs) },
    );
    return integer(row ?? {}, "blocks");
  }

  /**
   * Returns the blocks in which lines that need these texts can be, the last one first. Reads them little by little, and leaves out runs
   * that `selected` does not return.
   */
  *candidates(
    needed: NeededTexts,
    upToRun: number,
    selected: ((runs: readonly number[]) => ReadonlySet<number>) | null,
  ): Generator<Block> {
    const query = matchQuery(needed);
    const newest = this.#sql.get(
      "SELECT first_id + blocks AS next FROM runs WHERE run <= $upToRun ORDER BY run DESC LIMIT 1",
      { upToRun },
    );
    let before = newest === null ? 0 : integer(newest, "next");
    for (const shard of this.#shards()) {
      if (shard.low > upToRun) continue;
      for (let limit = FIRST_CANDIDATES; ; limit = Math.min(2 * limit, MAX_CANDIDATES)) {
        const rows = this.#sql.all(
          `SELECT blocks.id, run, start, first, last FROM
             (SELECT rowid AS id FROM text_${shard.id} WHERE text_${shard.id} MATCH $query AND rowid < $before
              ORDER BY rowid DESC LIMIT $limit) AS found
           JOIN blocks ON blocks.id = found.id ORDER BY blocks.id DESC`,
          { query, before, limit },
        );
        const only = selected?.([...new Set(rows.map((row) => integer(row, "run")))]) ?? null;
        for (const row of rows) {
          before = integer(row, "id");
          const run = integer(row, "run");
          if (only !== null && !only.has(run)) continue;
          yield {
            run,
            start: integer(row, "start"),
            first: integer(row, "first"),
            last: integer(row, "last"),
          };
        }
        if (rows.length < limit) break;
      }
    }
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }
}

/** Joins neighbouring blocks until there are at most `max`. */
const joinBlocks = (blocks: readonly BlockText[], max: number): readonly BlockText[] => {
  if (blocks.length <= max) return blocks;
  const size = Math.ceil(blocks.length / max);
  return Array.from({ length: Math.ceil(blocks.length / size) }, (_, index) => {
    const parts = blocks.slice(index * size, (index + 1) * size);
    const [first, last] = [parts[0], parts.at(-1)];
    if (first === undefined || last === undefined) throw new Error("a block of nothing");
    const start = Math.min(...parts.map((part) => part.start));
    return {
      run: first.run,
      start,
      first: first.first,
      last: last.last,
      text: parts.map(({ text }) => text).join("\n"),
    };
  });
};

const FIRST_CANDIDATES = 64;
const MAX_CANDIDATES = 4_096;

/** Returns the query of FTS5 for blocks that have all sequences of three characters of the texts. */
const matchQuery = (needed: NeededTexts): string =>
  needed
    .map((texts) => {
      const alternatives = texts.map((each) => `(${[...trigramsOf(each)].map(quote).join(" AND ")})`);
      return `(${alternatives.join(" OR ")})`;
    })
    .join(" AND ");

const quote = (trigram: string): string => `"${trigram.replaceAll('"', '""')}"`;
