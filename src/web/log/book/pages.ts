import { forgetOldest } from "../../../lib/forget-oldest.ts";
import { areEqual, NO_STYLES, type StreamStyles, type StyledLine, stylesAfter } from "../ansi/line-styles.ts";
import type { DisplayLine } from "./line.ts";

/** Number of lines in a page. */
export const PAGE = 500;

/** Maximum number of cached pages, which bounds the memory for a log of any length. */
const MAX_PAGES = 40;

/** Caches lines of a log by position (from 0). Evicts the least recently used pages. */
export class LogPages {
  /** In order of use, the most recently used page last. */
  readonly #pages = new Map<number, (StyledLine | undefined)[]>();

  /** Returns undefined if the line is not cached. */
  at(position: number): StyledLine | undefined {
    return this.#pages.get(pageOf(position))?.[position % PAGE];
  }

  /** Stores lines from a position on. */
  put(position: number, lines: readonly DisplayLine[]): void {
    for (const [index, line] of lines.entries()) this.#set(position + index, line);
    this.#restyle(position + lines.length);
    forgetOldest(this.#pages, MAX_PAGES);
  }

  /** Appends new lines if the preceding line is cached. Otherwise they are loaded on demand later. */
  append(position: number, lines: readonly DisplayLine[]): void {
    const isCached = position === 0 || this.at(position - 1) !== undefined;
    if (isCached) this.put(position, lines);
  }

  /** Marks the pages as used and returns the first uncached position from `from` up to `to` (exclusive), or null. */
  missing(from: number, to: number): number | null {
    for (let page = pageOf(from); page <= pageOf(to); page++) this.#touch(page);
    for (let position = from; position < to; position++) if (this.at(position) === undefined) return position;
    return null;
  }

  clear(): void {
    this.#pages.clear();
  }

  #set(position: number, line: DisplayLine): void {
    this.#page(pageOf(position))[position % PAGE] = { ...line, styles: this.#stylesAt(position) };
  }

  /** Returns the styles at the start of a line. Without a cached predecessor the line has no inherited style. */
  #stylesAt(position: number): StreamStyles {
    const before = this.at(position - 1);
    return before === undefined ? NO_STYLES : stylesAfter(before);
  }

  /** Updates the inherited styles of the cached lines from a position on. */
  #restyle(from: number): void {
    for (let position = from; ; position++) {
      const line = this.at(position);
      if (line === undefined || areEqual(line.styles, this.#stylesAt(position))) return;
      this.#set(position, line);
    }
  }

  #page(page: number): (StyledLine | undefined)[] {
    const known = this.#pages.get(page);
    if (known !== undefined) return known;
    const created: (StyledLine | undefined)[] = [];
    this.#pages.set(page, created);
    return created;
  }

  #touch(page: number): void {
    const known = this.#pages.get(page);
    if (known === undefined) return;
    this.#pages.delete(page);
    this.#pages.set(page, known);
  }
}

const pageOf = (position: number): number => Math.floor(position / PAGE);
