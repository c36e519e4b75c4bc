import { findErrorLines, type LineMatch, type LogFilter } from "../../data/lines.ts";

type ErrorSearchOptions = { readonly runId: string; readonly filter: LogFilter };

/** A log at a moment: `generation` changes when its lines change their positions. */
type LogLength = { readonly total: number; readonly generation: number };

/** The error to go to, and its number among those that are known. */
export type FoundError = {
  readonly match: LineMatch;
  /** From 1. */
  readonly number: number;
  readonly count: number;
  /** False while the rest of the log is not searched. */
  readonly isComplete: boolean;
};

/** Maximum number of errors that are found. */
const MAX_ERRORS = 10_000;

/**
 * Finds the lines of a log that look like errors, by the rules that also find the cause of a failure. petit searches them, a part of
 * the log per request and only as far as a move needs, because ranking all lines of a long log takes seconds.
 */
export class ErrorSearch {
  readonly #options: ErrorSearchOptions;
  #matches: readonly LineMatch[] = [];
  #searchedTo = 0;
  /** The log that is searched as a whole; null if there is more to search. */
  #searched: LogLength | null = null;
  #generation = 0;

  constructor(options: ErrorSearchOptions) {
    this.#options = options;
  }

  /** Returns the next or the previous error from a position, around the end of the log. Null if there is none. */
  async find(step: 1 | -1, position: number, log: LogLength): Promise<FoundError | null> {
    for (;;) {
      const index = step === 1 ? this.#next(position) : this.#previous(position, log);
      if (index !== -1) return this.#found(index, log);
      if (this.#isComplete(log)) return this.#found(step === 1 ? 0 : this.#matches.length - 1, log);
      await this.#searchMore(log);
    }
  }

  #next(position: number): number {
    return this.#matches.findIndex(({ offset }) => offset > position);
  }

  /** Returns -1, too, while errors before the position may be unknown. */
  #previous(position: number, log: LogLength): number {
    const isKnown = this.#isComplete(log) || (this.#matches.at(-1)?.offset ?? -1) >= position;
    return isKnown ? this.#matches.findLastIndex(({ offset }) => offset < position) : -1;
  }

  #isComplete({ total, generation }: LogLength): boolean {
    if (this.#matches.length >= MAX_ERRORS) return true;
    return this.#searched?.total === total && this.#searched.generation === generation;
  }

  async #searchMore({ total, generation }: LogLength): Promise<void> {
    if (generation !== this.#generation) {
      this.#matches = [];
      this.#searchedTo = 0;
      this.#generation = generation;
    }
    const { runId, filter } = this.#options;
    const found = await findErrorLines(runId, { ...filter, after: this.#searchedTo, limit: MAX_ERRORS });
    this.#matches = [...this.#matches, ...found.matches];
    this.#searchedTo = found.searched_to;
    if (found.complete) this.#searched = { total, generation };
  }

  #found(index: number, log: LogLength): FoundError | null {
    const match = this.#matches[index];
    if (match === undefined) return null;
    return { match, number: index + 1, count: this.#matches.length, isComplete: this.#isComplete(log) };
  }
}
