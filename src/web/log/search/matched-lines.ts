import { type LineMatch, type LogFilter, searchLines } from "../../data/lines.ts";
import type { StyledLine } from "../ansi/line-styles.ts";
import type { LineSource, LogState } from "../book/book.ts";
import { displayLine } from "../book/line.ts";
import { LogPages, PAGE } from "../book/pages.ts";

type MatchedLinesOptions = {
  readonly runId: string;
  readonly filter: LogFilter;
  /** What the lines contain. */
  readonly text: string;
};

/** The lines of a log that contain a text. Loads pages of them on demand, however far they are apart. */
export class MatchedLines implements LineSource {
  readonly #options: MatchedLinesOptions;
  readonly #pages = new LogPages();
  readonly #listeners = new Set<() => void>();
  #matches: readonly LineMatch[] = [];
  #wanted: readonly [number, number] | null = null;
  #loading: Promise<void> | null = null;
  #version = 0;
  state: LogState = "ended";

  constructor(options: MatchedLinesOptions) {
    this.#options = options;
  }

  /** Number of lines. */
  get total(): number {
    return this.#matches.length;
  }

  /** Takes what the search has found so far, and the state of the log. */
  update(matches: readonly LineMatch[], state: LogState): void {
    // After petit dropped lines in the middle of a long log, the first match may be another one.
    if (matches[0]?.seq !== this.#matches[0]?.seq || matches.length < this.#matches.length) this.#pages.clear();
    this.#matches = matches;
    this.state = state;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  readonly version = (): number => this.#version;

  line(position: number): StyledLine | undefined {
    return this.#pages.at(position);
  }

  want(from: number, to: number): void {
    this.#wanted = [Math.max(0, from), Math.min(to, this.total)];
    this.#loading ??= this.#load().finally(() => {
      this.#loading = null;
    });
  }

  async #load(): Promise<void> {
    const { runId, filter, text } = this.#options;
    while (this.#wanted !== null && this.#listeners.size > 0) {
      const first = this.#pages.missing(...this.#wanted);
      if (first === null) return;
      const start = first - (first % PAGE);
      const position = this.#pages.at(start) === undefined ? start : first;
      const after = this.#matches[position - 1]?.seq ?? 0;
      const query = { ...filter, q: text, lines: true, after, limit: PAGE };
      const answer = await searchLines(runId, query).catch(() => null);
      const lines = answer?.lines ?? [];
      if (lines.length === 0) return;
      // A line inherits no colour from the one above, which is another one in the whole log.
      const shown = lines.map((line) => ({ ...displayLine(line), styleChange: "" }));
      this.#pages.put(position, shown);
      this.#version++;
      for (const listener of this.#listeners) listener();
    }
  }
}
