import { useEffect, useRef, useState } from "react";
import { type LineMatch, type LogFilter, searchLines } from "../../data/lines.ts";
import type { LogBook } from "../book/book.ts";

type SearchOptions = {
  readonly book: LogBook;
  readonly runId: string;
  readonly filter: LogFilter;
  /** Called with a match, and its number from 0, to scroll to. */
  readonly onMatch: (match: LineMatch, index: number) => void;
};

type LogSearchResult = {
  readonly text: string;
  readonly matches: readonly LineMatch[];
  readonly searchedTo: number;
  readonly isComplete: boolean;
};

const NO_RESULT: LogSearchResult = { text: "", matches: [], searchedTo: 0, isComplete: true };

/** Maximum number of matching lines. */
const MAX_MATCHES = 10_000;
/** Delay of a search after the last key, or after the log has grown. */
const WAIT_MS = { typed: 200, grown: 600 } as const;

export type LogSearchState = ReturnType<typeof useLogSearch>;

/** Searches the whole log for a text, and then the lines that are added. */
export const useLogSearch = ({ book, runId, filter, onMatch }: SearchOptions) => {
  const [text, setText] = useState("");
  const [result, setResult] = useState(NO_RESULT);
  const [current, setCurrent] = useState<number | null>(null);
  const isFresh = result.text === text;
  const { total, generation } = book;
  const searchedGeneration = useRef(generation);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a change of `total` means new lines to search.
  useEffect(() => {
    if (text === "") return;
    const isSame = isFresh && searchedGeneration.current === generation;
    if (isSame && result.matches.length >= MAX_MATCHES) return;
    searchedGeneration.current = generation;
    const before = isSame ? result : NO_RESULT;
    let isStale = false;
    const timer = setTimeout(
      () => {
        const query = { ...filter, q: text, limit: MAX_MATCHES, after: before.searchedTo };
        void searchLines(runId, query).then(
          (answer) => {
            if (isStale) return;
            const matches = [...before.matches, ...answer.matches].slice(0, MAX_MATCHES);
            setResult({ text, matches, searchedTo: answer.searched_to, isComplete: answer.complete });
            const first = isSame ? undefined : firstMatch(matches);
            if (first !== undefined) go(matches, first);
          },
          () => {},
        );
      },
      isSame ? WAIT_MS.grown : WAIT_MS.typed,
    );
    return () => {
      isStale = true;
      clearTimeout(timer);
    };
  }, [text, total, generation, isFresh]);

  const go = (matches: readonly LineMatch[], index: number): void => {
    const match = matches[index];
    if (match === undefined) return;
    setCurrent(index);
    onMatch(match, index);
  };
  const search = (next: string): void => {
    setText(next);
    setCurrent(null);
    if (next === "") setResult(NO_RESULT);
  };
  const matches = isFresh ? result.matches : NO_RESULT.matches;
  const move = (step: 1 | -1): void => {
    if (matches.length > 0) go(matches, ((current ?? -step) + step + matches.length) % matches.length);
  };
  return { text, matches, current, isComplete: result.isComplete, isBusy: !isFresh, search, move };
};

/** Returns the index of the first match. */
const firstMatch = (matches: readonly LineMatch[]): number | undefined => (matches.length === 0 ? undefined : 0);
