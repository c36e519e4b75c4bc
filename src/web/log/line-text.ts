import type { LogRecord } from "../data/lines.ts";
import { withoutEscapes } from "./ansi/ansi.ts";
import { displayLine } from "./book/line.ts";

/** Returns the text of a line as a terminal displays it, without colours. */
export const lineText = (record: LogRecord): string => withoutEscapes(displayLine(record).text);
