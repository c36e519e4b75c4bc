import type { JobId } from "../domain/ids.ts";
import type { RunStatus } from "../domain/run.ts";
import type { SearchPattern } from "../domain/search/search-pattern.ts";
import type { OutputStream } from "../domain/task-run.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { type Block, indexSize, openIndexToRead, type Reach, type SearchIndex } from "./index-file.ts";
import { tailOf } from "./indexing.ts";
import { PlaceCipher } from "./place-cipher.ts";
import { type ContextLine, type FoundLine, RunOutput, type SearchedRun } from "./run-output.ts";

export type LineSearch = {
  readonly pattern: SearchPattern;
  /** Only runs of these jobs; null for all jobs. */
  readonly jobIds: readonly JobId[] | null;
  readonly stream: OutputStream | null;
  /** Only runs that ended with this status. */
  readonly status: RunStatus | null;
  /** Only lines that petit read at this time or later, in ms since the Unix epoch. */
  readonly since: number | null;
  /** Only lines before this one, in the order of the answer. */
  readonly before: LinePosition | null;
  /** Maximum of lines. */
  readonly limit: number;
  /** How many lines before and after each line are read. */
  readonly context: number;
  /** Time after which the search ends, in ms. */
  readonly maxMs: number;
};

/** A line of a run. */
export type LinePosition = {
  readonly runId: string;
  readonly seq: number;
  /** The number of the run, enciphered, so that the line has its place when the run has been deleted. */
  readonly place: number;
};

export type LineWithContext = FoundLine & {
  readonly position: LinePosition;
  readonly before: readonly ContextLine[];
  readonly after: readonly ContextLine[];
};

export type LinesFound = {
  /** The newest run first, and its last line first. */
  readonly lines: readonly LineWithContext[];
  /** Where to continue; null if nothing is left to search. */
  readonly next: LinePosition | null;
  /** False if `before` is of no answer. Then nothing was searched. */
  readonly isKnown: boolean;
  readonly reach: SearchReach;
};

/** How far back a search reaches, among the runs of the jobs that were searched. */
type SearchReach = {
  /** False if the index is missing, so that all runs are read. */
  readonly hasIndex: boolean;
  /** True if the index lacks older runs. Unless it is full, these are read. */
  readonly hasOlder: boolean;
  /** True if older runs do not fit into the index. They are not searched. */
  readonly isFull: boolean;
  /** When the oldest run in the index was created, in ms since the Unix epoch; null if there is none. */
  readonly since: number | null;
  /** Size of the index in bytes; null for people who are limited to some jobs. */
  readonly sizeBytes: number | null;
};

/** Number of runs that one statement lists. */
const LISTED_RUNS = 200;

type Files = { readonly db: string; readonly index: string; readonly runtime: Pick<Runtime, "openDatabase"> };

/** Searches the output of ended runs: those in the index, and those that have ended since it was written. */
export const findLines = ({ db, index: path, runtime }: Files, search: LineSearch): LinesFound => {
  using output = new RunOutput(runtime.openDatabase(db, { readonly: true }));
  using index = openIndexToRead({ path, runtime, token: output.token });
  index?.freeze();
  const cipher = new PlaceCipher(output.token);
  const reach = reachOf({ output, index, path, jobIds: search.jobIds });
  const begin = search.before === null ? NEWEST : beginOf(search.before, output, cipher);
  if (begin === null) return { lines: [], next: null, isKnown: false, reach };
  const positionOf: PositionOf = (run, seq) => ({ runId: run.id, seq, place: cipher.encipher(run.id, run.seq) });
  const answer = (shown: readonly FoundLine[], next: LinePosition | null): LinesFound => ({
    lines: shown.map((line) => ({
      ...line,
      ...output.context(line, search.context),
      position: positionOf(line.run, line.seq),
    })),
    next,
    isKnown: true,
    reach,
  });
  const found: FoundLine[] = [];
  const until = performance.now() + search.maxMs;
  const jobIds = search.jobIds === null ? null : new Set(search.jobIds);
  for (const { run, block } of parts({ output, index, search, upToRun: begin.run })) {
    if (jobIds !== null && !jobIds.has(run.jobId)) continue;
    if (search.status !== null && run.status !== search.status) continue;
    if (search.since !== null && run.endedAt !== null && run.endedAt < search.since) continue;
    const last = run.seq === begin.run ? Math.min(block.last, begin.seq - 1) : block.last;
    if (last < block.first) continue;
    const range = { first: block.first, last, stream: search.stream, since: search.since };
    const lines = output.find(run, { start: block.start, last }, { pattern: search.pattern, range });
    // One more than asked for says that there are more.
    found.push(...lines.toReversed().slice(0, search.limit + 1 - found.length));
    if (found.length > search.limit) break;
    if (performance.now() >= until) return answer(found, positionOf(run, block.first));
  }
  const shown = found.slice(0, search.limit);
  const oldest = shown.at(-1);
  const next = found.length > shown.length && oldest !== undefined ? positionOf(oldest.run, oldest.seq) : null;
  return answer(shown, next);
};

type PositionOf = (run: SearchedRun, seq: number) => LinePosition;

const NEWEST = { run: Number.MAX_SAFE_INTEGER, seq: Number.MAX_SAFE_INTEGER };

/** Returns the run and the line before which a page begins; null if `before` is of no answer. */
const beginOf = ({ runId, seq, place }: LinePosition, output: RunOutput, cipher: PlaceCipher) => {
  const run = cipher.decipher(runId, place);
  if (run === null) return null;
  // The number may belong to another run by now, which is newer.
  return { run, seq: output.findRun(run)?.id === runId ? seq : 0 };
};

type ReachQuery = {
  readonly output: RunOutput;
  readonly index: SearchIndex | null;
  readonly path: string;
  readonly jobIds: readonly JobId[] | null;
};

const reachOf = ({ output, index, path, jobIds }: ReachQuery): SearchReach => {
  const reach = index?.reach ?? null;
  const low = reach?.low ?? 0;
  return {
    hasIndex: index !== null,
    hasOlder: output.hasRunBefore(low, jobIds),
    isFull: reach?.isFull ?? false,
    since: output.createdFrom(low, jobIds),
    sizeBytes: index === null ? 0 : indexSize(path),
  };
};

type Part = { readonly run: SearchedRun; readonly block: Pick<Block, "start" | "first" | "last"> };

type PartsQuery = {
  readonly output: RunOutput;
  readonly index: SearchIndex | null;
  readonly search: Pick<LineSearch, "pattern" | "jobIds">;
  /** Newer runs are left out. */
  readonly upToRun: number;
};

/** If the jobs that are searched have no more runs and blocks than these, all of them are read, without the index. */
const MAX_READ_RUNS = 512;
const MAX_READ_BLOCKS = 512;

const WHOLE = { start: 1, first: 1, last: Number.MAX_SAFE_INTEGER } as const;

/** Returns what must be read, the newest run first, and its last block first. */
function* parts({ output, index, search, upToRun }: PartsQuery): Generator<Part> {
  const reach = index?.reach ?? null;
  // All runs are read while the index is built again.
  const high = reach?.high ?? 0;
  for (let before = Math.min(upToRun, Number.MAX_SAFE_INTEGER - 1) + 1; before > high + 1; ) {
    const runs = output.listBefore(before, LISTED_RUNS).filter(({ seq }) => seq > high);
    for (const run of runs) if (run.hasEnded) yield { run, block: WHOLE };
    before = runs.at(-1)?.seq ?? 0;
    if (runs.length < LISTED_RUNS) break;
  }
  if (index === null || reach === null) return;
  yield* reach.high < reach.low ? [] : indexedParts({ output, index, search, upToRun: Math.min(upToRun, high) }, reach);
  // While the index is being built, what it lacks is read, however long that takes.
  if (reach.isFull) return;
  for (let before = Math.min(upToRun + 1, reach.low); ; ) {
    const runs = output.listBefore(before, LISTED_RUNS);
    for (const run of runs) if (run.hasEnded) yield { run, block: WHOLE };
    before = runs.at(-1)?.seq ?? 0;
    if (runs.length < LISTED_RUNS) return;
  }
}

type IndexedPartsQuery = PartsQuery & { readonly index: SearchIndex };

/**
 * Returns what must be read of the runs that the index reaches. How long this takes tells nothing of what other jobs print if the jobs
 * that are searched have little output. Otherwise, the index has candidates in other jobs, too, which are left out, but take time.
 */
function* indexedParts({ output, index, search, upToRun }: IndexedPartsQuery, { low }: Reach): Generator<Part> {
  const { jobIds } = search;
  const few = jobIds === null ? null : output.listOfJobs(jobIds, { first: low, last: upToRun, max: MAX_READ_RUNS });
  if (few !== null && index.countBlocks(few) <= MAX_READ_BLOCKS) {
    for (const seq of few) {
      const run = output.findRun(seq);
      if (run?.hasEnded) yield { run, block: WHOLE };
    }
    return;
  }
  const later = index.listLater().filter((seq) => seq <= upToRun);
  const takeLater = function* (downTo: number): Generator<Part> {
    while ((later[0] ?? -1) > downTo) {
      const run = output.findRun(later.shift() ?? 0);
      if (run?.hasEnded) yield { run, block: WHOLE };
    }
  };
  let current = null as SearchedRun | null;
  const selected = jobIds === null ? null : (runs: readonly number[]) => output.ofJobs(runs, jobIds);
  for (const block of index.candidates(search.pattern.needed, upToRun, selected)) {
    if (current?.seq !== block.run) {
      yield* takeLater(block.run);
      const run = output.findRun(block.run);
      // Its number may belong to another run by now.
      current = run !== null && tailOf(run.id) === index.tailOf(block.run) ? run : null;
    }
    if (current !== null) yield { run: current, block };
  }
  yield* takeLater(-1);
}
