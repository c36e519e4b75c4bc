import { stripVTControlCharacters } from "node:util";
import { shorten } from "../../../../lib/text.ts";
import { oneLine } from "../../../terminal/text-width.ts";
import type { TopLine } from "../../data/shapes.ts";

/** A line of output, ready for the screen: without control characters, at most `MAX_LINE` characters long. */
export type BookLine = {
  readonly seq: number;
  readonly taskId: string;
  /** Position of the item that wrote it; null for a task without items. */
  readonly item: number | null;
  /** Key of the item. */
  readonly itemKey: string | null;
  readonly stream: "stdout" | "stderr";
  readonly at: number;
  readonly text: string;
};

/**
 * The lines of a log that are in memory: a gapless part of the log that ends with its newest line. The oldest lines are dropped
 * when there are too many, so its size is bounded.
 */
export type LogBook = {
  readonly lines: readonly BookLine[];
  /** Number of lines of the log before the first line in memory. */
  readonly before: number;
  /** Whether the log is complete: the run has ended. */
  readonly ended: boolean;
  readonly characters: number;
};

/** Number of earlier lines that are loaded at once. */
export const EARLIER_LINES = 1_000;

const MAX_LINE = 2_000;
const MAX_LINES = 20_000;
const MAX_CHARACTERS = 4_000_000;

/** Prepares a line for the screen. Text before a carriage return was overwritten, as by a progress bar. */
export const bookLine = ({ seq, task_id, item, item_key, stream, at, text }: TopLine): BookLine => ({
  seq,
  taskId: task_id,
  item: item ?? null,
  itemKey: item_key ?? null,
  stream,
  at,
  text: shorten(oneLine(stripVTControlCharacters(lastPart(text)).replaceAll("\t", "    ")), MAX_LINE),
});

const lastPart = (text: string): string => text.trimEnd().split("\r").at(-1) ?? "";

/** Returns a book with the newest lines of a log. */
export const openBook = (lines: readonly BookLine[], { before, ended }: Pick<LogBook, "before" | "ended">): LogBook =>
  trimmed({ lines, before, ended, characters: charactersIn(lines) });

/** Adds lines that were written after the newest line. `skipped` lines between them did not fit into memory. */
export const append = (book: LogBook, lines: readonly BookLine[], skipped = 0): LogBook => {
  const last = book.lines.at(-1)?.seq ?? 0;
  const fresh = lines.filter(({ seq }) => seq > last);
  if (fresh.length === 0) return book;
  if (skipped > 0) {
    return openBook(fresh, { before: book.before + book.lines.length + skipped, ended: book.ended });
  }
  return trimmed({
    ...book,
    lines: [...book.lines, ...fresh],
    characters: book.characters + charactersIn(fresh),
  });
};

/** Adds lines from directly before the oldest line. Returns the book unchanged if they have no room. */
export const prepend = (book: LogBook, lines: readonly BookLine[]): LogBook => {
  const first = book.lines[0]?.seq ?? Number.POSITIVE_INFINITY;
  const earlier = lines.filter(({ seq }) => seq < first);
  const characters = book.characters + charactersIn(earlier);
  if (earlier.length === 0 || !hasRoom(book.lines.length + earlier.length, characters)) return book;
  return { ...book, lines: [...earlier, ...book.lines], before: Math.max(0, book.before - earlier.length), characters };
};

/** Returns true if a page of `count` earlier lines may be loaded. */
export const canLoadEarlier = ({ lines, before, characters }: LogBook, count: number): boolean =>
  before > 0 && hasRoom(lines.length + count, characters);

const hasRoom = (lines: number, characters: number): boolean => lines <= MAX_LINES && characters <= MAX_CHARACTERS;

const trimmed = (book: LogBook): LogBook => {
  let { characters } = book;
  let dropped = 0;
  while (dropped < book.lines.length && !hasRoom(book.lines.length - dropped, characters)) {
    characters -= book.lines[dropped]?.text.length ?? 0;
    dropped++;
  }
  if (dropped === 0) return book;
  return { ...book, lines: book.lines.slice(dropped), before: book.before + dropped, characters };
};

const charactersIn = (lines: readonly BookLine[]): number => lines.reduce((sum, { text }) => sum + text.length, 0);
