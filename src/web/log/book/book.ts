import { fetchLines, type LinePage, type LinesQuery, type LogFilter } from "../../data/lines.ts";
import type { StyledLine } from "../ansi/line-styles.ts";
import { followLog } from "./follow.ts";
import { displayLine } from "./line.ts";
import { LogPages, PAGE } from "./pages.ts";

export type LogOptions = { readonly runId: string; readonly filter: LogFilter };

/** State of a log: `loading` at first, `live` while it follows a run, `away` while petit is unreachable, then `ended`. */
export type LogState = "loading" | "live" | "away" | "ended";

/** Lines that a log shows. Those that it wants are loaded. */
export type LineSource = Pick<LogBook, "total" | "state" | "line" | "want" | "version">;

/** Minimum interval between renders in ms, so that a burst of lines is rendered once. */
const DRAW_EVERY_MS = 60;

/**
 * The lines of a run's log. Loads pages on demand and appends new lines as they arrive. Broken connections cause no gap
 * and no duplicate.
 */
export class LogBook {
  readonly #options: LogOptions;
  readonly #pages = new LogPages();
  readonly #ending = new AbortController();
  readonly #listeners = new Set<() => void>();
  #loading: Promise<void> | null = null;
  #wanted: readonly [number, number] | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  /** Unique id. */
  readonly id = crypto.getRandomValues(new Uint32Array(2)).join("-");
  #version = 0;
  #lastSeq = 0;
  /** Number of lines. */
  total = 0;
  state: LogState = "loading";
  /** The error that prevents loading, or null. */
  failure: unknown = null;
  /** Incremented when lines change their positions, because petit dropped lines in the middle of a long log. */
  generation = 0;

  constructor(options: LogOptions) {
    this.#options = options;
  }

  /** Loads the first or the last page, then follows the run until it ends. */
  async start(from: "start" | "end"): Promise<void> {
    try {
      const page = await this.#ask(from === "end" ? { tail: true } : { offset: 0 });
      this.#begin(page);
      this.#take(page);
      if (page.ended) return this.#become("ended");
      this.#become("live");
      await this.#follow();
    } catch (error) {
      if (!this.#ending.signal.aborted) this.#fail(error);
    }
  }

  stop(): void {
    this.#ending.abort();
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  /** Changes whenever the log must be rendered again. */
  readonly version = (): number => this.#version;

  line(position: number): StyledLine | undefined {
    return this.#pages.at(position);
  }

  /** Requests the lines from `from` up to `to` (exclusive). Replaces an earlier request that has not been loaded yet. */
  want(from: number, to: number): void {
    this.#wanted = [Math.max(0, from), Math.min(to, this.total)];
    this.#loading ??= this.#load().finally(() => {
      this.#loading = null;
    });
  }

  /** Returns the position of the line with this number, or of the next line that passes the filter. */
  async positionOf(seq: number): Promise<number> {
    const page = await this.#ask({ after: Math.max(0, seq - 1) });
    this.#take(page);
    return page.offset;
  }

  async #load(): Promise<void> {
    while (this.#wanted !== null && !this.#ending.signal.aborted) {
      const first = this.#pages.missing(...this.#wanted);
      if (first === null) return;
      // Start at the beginning of the page unless it is loaded, so that each page is requested once.
      const start = first - (first % PAGE);
      const offset = this.#pages.at(start) === undefined ? start : first;
      const page = await this.#ask({ offset }).catch(() => null);
      if (page === null || page.count === 0) return;
      this.#take(page);
    }
  }

  #ask(query: LinesQuery): Promise<LinePage> {
    const { runId, filter } = this.#options;
    return fetchLines(runId, { limit: PAGE, ...filter, ...query });
  }

  #take(page: LinePage): void {
    if (this.#ending.signal.aborted) return;
    const isCurrent = page.last_seq === this.#lastSeq;
    if (isCurrent && page.total !== this.total) this.#begin(page);
    this.#pages.put(page.offset, page.lines.map(displayLine));
    this.#draw();
  }

  #begin({ total, last_seq }: LinePage): void {
    if (this.total > 0) this.generation++;
    this.#pages.clear();
    this.total = total;
    this.#lastSeq = last_seq;
  }

  async #follow(): Promise<void> {
    const { runId, filter } = this.#options;
    const { signal } = this.#ending;
    await followLog({
      runId,
      filter,
      signal,
      lastSeq: () => this.#lastSeq,
      onRecord: (record) => {
        if (record.seq <= this.#lastSeq) return;
        this.#pages.append(this.total, [displayLine(record)]);
        this.total++;
        this.#lastSeq = record.seq;
        this.#draw();
      },
      onState: (state) => this.#become(state),
      isEnded: async () => {
        const page = await this.#ask({ tail: true, limit: 1 });
        // A different total means that petit dropped lines meanwhile.
        if (page.ended && page.total !== this.total) this.#begin(page);
        return page.ended;
      },
    });
    if (!signal.aborted) this.#become("ended");
  }

  #fail(error: unknown): void {
    this.failure = error;
    this.#become("ended");
  }

  #become(state: LogState): void {
    this.state = state;
    this.#draw();
  }

  #draw(): void {
    if (this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#version++;
      for (const listener of this.#listeners) listener();
    }, DRAW_EVERY_MS);
  }
}
