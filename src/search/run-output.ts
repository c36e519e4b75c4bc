import type { JobId, RunId } from "../domain/ids.ts";
import { isFinal, RUN_STATUSES, type RunStatus } from "../domain/run.ts";
import { foldText } from "../domain/search/fold.ts";
import type { SearchPattern } from "../domain/search/search-pattern.ts";
import type { OutputStream } from "../domain/task-run.ts";
import { removeEscapes, shorten } from "../lib/text.ts";
import type { SqlDatabase, SqlRow } from "../runtime/runtime.ts";
import { id, integer, text, word } from "../store/database/rows.ts";
import { createStatements, type Statements } from "../store/database/statements.ts";
import { tokenOf } from "../store/identity.ts";
import { type OutputChunk, toOutputChunk } from "../store/output.ts";
import { DELETED } from "../store/runs/deletion.ts";
import type { Block, BlockText } from "./index-file.ts";

/** A run as the search sees it. */
export type SearchedRun = {
  readonly seq: number;
  readonly id: RunId;
  readonly jobId: JobId;
  readonly status: RunStatus;
  readonly hasEnded: boolean;
  readonly createdAt: number;
  readonly endedAt: number | null;
};

/** A chunk of output. A marker says that output was dropped. */
type Chunk = OutputChunk & { readonly isMarker: boolean };

/** A line that matches. */
export type FoundLine = Omit<Chunk, "lines" | "bytes" | "isMarker"> & {
  readonly run: SearchedRun;
  /** Without escape sequences, cut around the match. */
  readonly text: string;
  /** Where the match is within `text`, in UTF-16 code units. */
  readonly start: number;
  readonly end: number;
};

/** Which lines are found. */
export type LineRange = {
  readonly first: number;
  readonly last: number;
  readonly stream: OutputStream | null;
  /** Only lines that petit read at this time or later, in ms since the Unix epoch. */
  readonly since: number | null;
};

/** Bytes of output that make a block. Larger ones make the index smaller, and more of them are read in vain. */
const BLOCK_BYTES = 8_192;

/** Number of chunks, and about how many bytes of them, that one statement reads. */
const READ_CHUNKS = 64;

/** Bytes of the beginning of a line that go with its rest in the next chunk: enough for the longest text that can be searched for. */
const CARRIED_BYTES = 1_000;

/** Longest text of a line in an answer, in UTF-16 code units, and how much of it precedes the match. */
const MAX_TEXT = 500;
const TEXT_BEFORE = 120;

/** Maximum distance of a line of context, in lines of any task. */
const MAX_DISTANCE = 1_000;

const NEWLINE = 10;

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Reads runs and their output for the search. */
export class RunOutput implements Disposable {
  readonly #db: SqlDatabase;
  readonly #sql: Statements;

  constructor(db: SqlDatabase) {
    this.#db = db;
    this.#sql = createStatements(db);
  }

  /** The name of the database at its incarnation. */
  get token(): string {
    const row = this.#sql.get("SELECT id, incarnation FROM identity") ?? {};
    return tokenOf({ id: text(row, "id"), incarnation: text(row, "incarnation") });
  }

  get newestRun(): number {
    return integer(this.#sql.get("SELECT coalesce(max(seq), 0) AS seq FROM runs") ?? {}, "seq");
  }

  findRun(seq: number): SearchedRun | null {
    const row = this.#sql.get(`SELECT ${RUN} FROM runs WHERE seq = $seq AND ${NOT_DELETED}`, { seq });
    return row === null ? null : toRun(row);
  }

  /** Returns runs with numbers after `after`, the oldest first. */
  listAfter(after: number, limit: number): readonly SearchedRun[] {
    return this.#sql
      .all(`SELECT ${RUN} FROM runs WHERE seq > $after AND ${NOT_DELETED} ORDER BY seq LIMIT $limit`, { after, limit })
      .map(toRun);
  }

  /** Returns runs with numbers before `before`, the newest first. */
  listBefore(before: number, limit: number): readonly SearchedRun[] {
    return this.#sql
      .all(`SELECT ${RUN} FROM runs WHERE seq < $before AND ${NOT_DELETED} ORDER BY seq DESC LIMIT $limit`, {
        before,
        limit,
      })
      .map(toRun);
  }

  /** Returns whether there is a run with a number before `seq`, of some jobs if given. */
  hasRunBefore(seq: number, jobIds: readonly JobId[] | null): boolean {
    if (jobIds === null) return this.listBefore(seq, 1).length > 0;
    const row = this.#sql.get(
      "SELECT 1 AS one FROM json_each($jobIds) AS job WHERE EXISTS (SELECT 1 FROM runs WHERE job_id = job.value AND seq < $seq) LIMIT 1",
      { jobIds: JSON.stringify(jobIds), seq },
    );
    return row !== null;
  }

  /** Returns when the first run with a number from `seq` on was created, of some jobs if given; null if there is none. */
  createdFrom(seq: number, jobIds: readonly JobId[] | null): number | null {
    if (jobIds === null) return this.listAfter(seq - 1, 1)[0]?.createdAt ?? null;
    const row = this.#sql.get(
      `SELECT created_at FROM runs WHERE seq =
         (SELECT min((SELECT min(seq) FROM runs WHERE job_id = job.value AND seq >= $seq)) FROM json_each($jobIds) AS job)`,
      { jobIds: JSON.stringify(jobIds), seq },
    );
    return row === null ? null : integer(row, "created_at");
  }

  /** Returns the numbers of the runs of some jobs from `first` to `last`, the newest first; null if there are more than `max`. */
  listOfJobs(
    jobIds: readonly JobId[],
    { first, last, max }: { readonly first: number; readonly last: number; readonly max: number },
  ): readonly number[] | null {
    const rows = this.#sql.all(
      `SELECT runs.seq FROM json_each($jobIds) AS job JOIN runs ON runs.job_id = job.value
       WHERE runs.seq >= $first AND runs.seq <= $last LIMIT $limit`,
      { jobIds: JSON.stringify(jobIds), first, last, limit: max + 1 },
    );
    if (rows.length > max) return null;
    return rows.map((row) => integer(row, "seq")).toSorted((one, other) => other - one);
  }

  /** Returns those of some runs that are of some jobs. */
  ofJobs(seqs: readonly number[], jobIds: readonly JobId[]): ReadonlySet<number> {
    const rows = this.#sql.all(
      `SELECT seq FROM runs WHERE seq IN (SELECT value FROM json_each($seqs))
         AND +job_id IN (SELECT value FROM json_each($jobIds))`,
      { seqs: JSON.stringify(seqs), jobIds: JSON.stringify(jobIds) },
    );
    return new Set(rows.map((row) => integer(row, "seq")));
  }

  /** Returns those of some runs that still exist. */
  listExisting(seqs: readonly number[]): readonly SearchedRun[] {
    return this.#sql
      .all(`SELECT ${RUN} FROM runs WHERE seq IN (SELECT value FROM json_each($seqs)) AND ${NOT_DELETED}`, {
        seqs: JSON.stringify(seqs),
      })
      .map(toRun);
  }

  /** Returns the output of a run in blocks, folded. */
  readBlocks(run: number): readonly BlockText[] {
    const blocks: BlockText[] = [];
    const carry = new Carry();
    let block: { start: number; first: number; last: number; texts: Uint8Array[]; bytes: number } | null = null;
    const end = (): void => {
      if (block === null) return;
      const { start, first, last, texts } = block;
      // FTS5 reads a text only up to its first zero.
      blocks.push({
        run,
        start,
        first,
        last,
        text: foldText(decoder.decode(Buffer.concat(texts)).replaceAll("\0", " ")),
      });
      block = null;
    };
    for (const chunk of this.#chunks(run, { start: 1, last: Number.MAX_SAFE_INTEGER })) {
      const { begun, begunAt } = carry.next(chunk);
      block ??= { start: chunk.seq, first: chunk.seq, last: 0, texts: [], bytes: 0 };
      block.start = Math.min(block.start, begunAt);
      block.last = chunk.seq + chunk.lines - 1;
      block.texts.push(begun, chunk.bytes, LINE_END);
      block.bytes += chunk.bytes.length;
      if (block.bytes >= BLOCK_BYTES) end();
    }
    end();
    return blocks;
  }

  /** Returns the matching lines of a block, or of a whole run, in order. */
  find(
    run: SearchedRun,
    block: Pick<Block, "start" | "last">,
    search: { readonly pattern: SearchPattern; readonly range: LineRange },
  ): readonly FoundLine[] {
    const found: FoundLine[] = [];
    const { pattern, range } = search;
    const carry = new Carry();
    for (const chunk of this.#chunks(run.seq, block)) {
      const { begun } = carry.next(chunk);
      if (chunk.seq + chunk.lines <= range.first || chunk.seq > range.last) continue;
      if (range.stream !== null && chunk.stream !== range.stream) continue;
      if (range.since !== null && chunk.at < range.since) continue;
      for (const line of matchesIn(chunk, begun, pattern)) {
        if (line.seq < range.first || line.seq > range.last) continue;
        const { bytes: _bytes, lines: _lines, isMarker: _isMarker, ...writer } = chunk;
        found.push({ ...writer, run, ...line });
      }
    }
    return found;
  }

  *#chunks(run: number, { start, last }: Pick<Block, "start" | "last">): Generator<Chunk> {
    for (let from = start; from <= last; ) {
      const rows = this.#sql.all(
        `SELECT *, (SELECT key FROM items WHERE items.run = output.run AND items.task_id = output.task_id AND items.item = output.item) AS item_key
         FROM output WHERE run = $run AND seq >= $from AND seq <= $last ORDER BY seq LIMIT ${READ_CHUNKS}`,
        { run, from, last },
      );
      for (const row of rows) {
        const chunk = toChunk(row);
        from = chunk.seq + chunk.lines;
        yield chunk;
      }
      if (rows.length < READ_CHUNKS) return;
    }
  }

  /** Returns the lines of the same stream of an attempt before and after a line. */
  context(
    line: FoundLine,
    count: number,
  ): { readonly before: readonly ContextLine[]; readonly after: readonly ContextLine[] } {
    if (count === 0) return { before: [], after: [] };
    const writer = {
      run: line.run.seq,
      taskId: line.taskId,
      item: line.item ?? -1,
      attempt: line.attempt,
      stream: line.stream,
    };
    const read = (condition: string, order: string, params: { readonly from: number; readonly to: number }) =>
      this.#sql
        .all(
          `SELECT *, NULL AS item_key FROM output WHERE run = $run AND task_id = $taskId AND item = $item AND attempt = $attempt AND stream = $stream
             AND ${condition} ORDER BY seq ${order} LIMIT ${count + 1}`,
          { ...writer, ...params },
        )
        .map(toChunk);
    const { seq } = line;
    const before = read("seq > $from AND seq <= $to", "DESC", {
      from: seq - MAX_DISTANCE - READ_CHUNKS,
      to: seq,
    }).toReversed();
    const after = read("seq + lines > $from AND seq >= $from - 65536 AND seq < $to", "ASC", {
      from: seq,
      to: seq + MAX_DISTANCE,
    });
    const linesOf = (chunks: readonly Chunk[]): readonly ContextLine[] =>
      chunks.flatMap((chunk) =>
        plainLines(chunk.bytes).map((content, index) => ({ seq: chunk.seq + index, text: shorten(content, MAX_TEXT) })),
      );
    return {
      before: linesOf(before)
        .filter((each) => each.seq < seq)
        .slice(-count),
      after: linesOf(after)
        .filter((each) => each.seq > seq)
        .slice(0, count),
    };
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }
}

export type ContextLine = { readonly seq: number; readonly text: string };

const RUN = "seq, id, job_id, status, created_at, ended_at";
const NOT_DELETED = `job_id <> '${DELETED}'`;

const toRun = (row: SqlRow): SearchedRun => {
  const status = word(row, "status", RUN_STATUSES);
  return {
    seq: integer(row, "seq"),
    id: id<RunId>(row, "id"),
    jobId: id<JobId>(row, "job_id"),
    status,
    hasEnded: isFinal(status),
    createdAt: integer(row, "created_at"),
    endedAt: row.ended_at === null ? null : integer(row, "ended_at"),
  };
};

const toChunk = (row: SqlRow): Chunk => ({ ...toOutputChunk(row), isMarker: integer(row, "dropped") > 0 });

const NONE = new Uint8Array();
const LINE_END = new Uint8Array([NEWLINE]);

/** Knows the beginnings of lines that continue in the next chunk of their stream, because they are longer than a chunk. */
class Carry {
  readonly #open = new Map<string, { readonly bytes: Uint8Array; readonly at: number }>();

  /** Returns the end of the part of a chunk's first line that earlier chunks have, and in which line that begins. */
  next({ seq, taskId, item, attempt, stream, bytes: content, isMarker }: Chunk): {
    readonly begun: Uint8Array;
    readonly begunAt: number;
  } {
    const writer = `${taskId} ${item} ${attempt} ${stream}`;
    const open = isMarker ? undefined : this.#open.get(writer);
    const { bytes: begun, at: begunAt } = open ?? { bytes: NONE, at: seq };
    if (content.at(-1) === NEWLINE || isMarker) this.#open.delete(writer);
    else {
      const lineAt = content.lastIndexOf(NEWLINE) + 1;
      const line = content.subarray(lineAt);
      const all = lineAt === 0 && begun.length > 0 ? Buffer.concat([begun, line]) : line;
      this.#open.set(writer, {
        bytes: all.subarray(-CARRIED_BYTES),
        at: all.length > CARRIED_BYTES || begun.length === 0 ? seq : begunAt,
      });
    }
    return { begun, begunAt };
  }
}

type Match = { readonly seq: number; readonly text: string; readonly start: number; readonly end: number };

/** Returns the matching lines of a chunk, whose first line begins with the bytes `begun`. */
const matchesIn = (chunk: Chunk, begun: Uint8Array, pattern: SearchPattern): readonly Match[] => {
  const all = begun.length === 0 ? chunk.bytes : Buffer.concat([begun, chunk.bytes]);
  const decoded = decoder.decode(all);
  const folded = foldText(decoded);
  // Most blocks are read in vain.
  if (!pattern.needed.every((texts) => texts.some((each) => folded.includes(each)))) return [];
  const begunLength = foldText(decoder.decode(begun)).length;
  const matches: Match[] = [];
  const lines = folded.split("\n");
  let originals: readonly string[] | null = null;
  for (const [index, line] of lines.entries()) {
    const match = pattern.find(line, index === 0 ? begunLength : 0);
    if (match === null) continue;
    originals ??= plainLines(all);
    matches.push({ seq: chunk.seq + index, ...excerptOf(originals[index] ?? "", line, match) });
  }
  return matches;
};

/** Returns the lines of a chunk without escape sequences. */
const plainLines = (content: Uint8Array): readonly string[] =>
  removeEscapes(decoder.decode(content.at(-1) === NEWLINE ? content.subarray(0, -1) : content)).split("\n");

type Span = { readonly start: number; readonly end: number };

/** Returns where in a line the character begins whose lower case has the unit `at` of the folded line, or where the one `after` it does. */
const unfoldedAt = (line: string, at: number, after: 0 | 1 = 0): number => {
  let [begin, folded] = [0, 0];
  // The length of a few characters is another one in lower case, such as that of İ.
  for (const character of line) {
    folded += character.toLowerCase().length;
    if (folded > at) return begin + after * character.length;
    begin += character.length;
  }
  return line.length;
};

/** Cuts a line around a match. */
const excerptOf = (line: string, folded: string, { start, end }: Span): Omit<Match, "seq"> => {
  const [from, to] =
    folded.length === line.length ? [start, end] : [unfoldedAt(line, start), unfoldedAt(line, end - 1, 1)];
  if (line.length <= MAX_TEXT) return { text: line, start: from, end: to };
  const begin = Math.max(0, Math.min(from - TEXT_BEFORE, line.length - MAX_TEXT));
  const cut = line.slice(begin, begin + MAX_TEXT).toWellFormed();
  return { text: cut, start: from - begin, end: Math.min(to - begin, cut.length) };
};
