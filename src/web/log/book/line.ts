import type { LogRecord } from "../../data/lines.ts";
import { type AnsiStyle, styleEscape, styleIn } from "../ansi/style.ts";

/** A line of output as displayed. */
export type DisplayLine = Omit<LogRecord, "text"> & {
  /** The text, truncated to MAX_TEXT characters. */
  readonly text: string;
  /** Number of characters that were cut off. */
  readonly cut: number;
  /** The style change that the line leaves for the next line of its stream. */
  readonly styleChange: AnsiStyle;
};

/** Maximum number of displayed characters of a line; longer rows are slow to render. */
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

/** Returns the text after the last carriage return, as a terminal displays a progress bar. */
const afterLastReturn = (text: string): string => {
  const line = text.endsWith("\r") ? text.slice(0, -1) : text;
  return line.slice(line.lastIndexOf("\r") + 1);
};
