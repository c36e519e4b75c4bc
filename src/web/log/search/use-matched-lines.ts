import { useMemo, useSyncExternalStore } from "react";
import type { LineMatch, LogFilter } from "../../data/lines.ts";
import type { LogBook } from "../book/book.ts";
import { MatchedLines } from "./matched-lines.ts";

type UseMatchedLinesOptions = {
  readonly book: LogBook;
  readonly runId: string;
  readonly filter: LogFilter;
  readonly text: string;
  readonly matches: readonly LineMatch[];
};

/** Returns the lines that match a search, and renders the component again when some are loaded. */
export const useMatchedLines = ({ book, runId, filter, text, matches }: UseMatchedLinesOptions): MatchedLines => {
  const lines = useMemo(() => new MatchedLines({ runId, filter, text }), [runId, filter, text]);
  lines.update(matches, book.state);
  useSyncExternalStore(lines.subscribe, lines.version);
  return lines;
};
