import type { LogRecord } from "../../data/lines.ts";
import { type AnsiStyle, styleEscape, styleIn } from "../ansi/style.ts";

/** A line of output as it is shown. */
export type DisplayLine = Omit<LogRecord, "text"> & {
  /** Its text, or the beginning of it. */
  readonly text: string;
  /** How many characters are not in `text`. */
  readonly cut: number;
  /** What it leaves to the next of its stream. */
  readonly styleChange: AnsiStyle;
};

/** Characters of a line that are shown: more would be a row that nobody reads and that is slow to draw. */
const MAX_TEXT = 2_000;

export const displayLine = (record: LogRecord): DisplayLine => {
  const text = afterLastReturn(record.text);
  const before = record.text.slice(0, record.text.lastIndexOf(text));
  return {
    ...record,
    text: `${styleEscape(styleIn(before))}${text.slice(0, MAX_TEXT)}`,
    cut: Math.max(0, text.length - MAX_TEXT),
    styleChange: styleIn(record.text),
  };
};

/** A program that draws over its line, such as a progress bar, shows what a terminal would: the last of it. */
const afterLastReturn = (text: string): string => {
  const line = text.endsWith("\r") ? text.slice(0, -1) : text;
  return line.slice(line.lastIndexOf("\r") + 1);
};

/** Which lines of a run are shown. */
export type LogFilter = {
  readonly task?: string;
  readonly attempt?: number;
  readonly stream?: "stdout" | "stderr";
};
