import { areEqual, NO_STYLES, type StreamStyles, type StyledLine, stylesAfter } from "../ansi/line-styles.ts";
import type { DisplayLine } from "./line.ts";

/** Lines of a page. */
export const PAGE = 500;

/** Pages that are kept at most: a log of any length takes no more memory than this. */
const MAX_PAGES = 40;

/** The lines of a log that are at hand, by position from 0; the pages that were looked at last are kept. */
export class LogPages {
  /** The newest last. */
  readonly #pages = new Map<number, (StyledLine | undefined)[]>();

  /** Undefined where it isn't at hand. */
  at(position: number): StyledLine | undefined {
    return this.#pages.get(pageOf(position))?.[position % PAGE];
  }

  /** Puts lines where they belong, from a position on. */
  put(position: number, lines: readonly DisplayLine[]): void {
    for (const [index, line] of lines.entries()) this.#set(position + index, line);
    this.#restyle(position + lines.length);
    this.#forget();
  }

  /** Adds the newest lines, unless what comes just before them is not at hand: then they are asked for when they are looked at. */
  append(position: number, lines: readonly DisplayLine[]): void {
    const isAtHand = position === 0 || this.at(position - 1) !== undefined;
    if (isAtHand) this.put(position, lines);
  }

  /** Looks at the lines from `from` up to `to`; the first of them that isn't at hand, or null. */
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

  /** What lies before a line that isn't at hand may have coloured it: it is seen when that is. */
  #stylesAt(position: number): StreamStyles {
    const before = this.at(position - 1);
    return before === undefined ? NO_STYLES : stylesAfter(before);
  }

  /** Has what is at hand from a position on go on as what was put before it does. */
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
    const made: (StyledLine | undefined)[] = [];
    this.#pages.set(page, made);
    return made;
  }

  #touch(page: number): void {
    const known = this.#pages.get(page);
    if (known === undefined) return;
    this.#pages.delete(page);
    this.#pages.set(page, known);
  }

  #forget(): void {
    for (const page of this.#pages.keys()) {
      if (this.#pages.size <= MAX_PAGES) return;
      this.#pages.delete(page);
    }
  }
}

const pageOf = (position: number): number => Math.floor(position / PAGE);
