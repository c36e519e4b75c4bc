import { useEffect, useRef, useState } from "react";
import { type LineMatch, searchLines } from "../data/lines.ts";
import type { LogBook } from "./book/book.ts";
import type { LogFilter } from "./book/line.ts";

type SearchOptions = {
  readonly book: LogBook;
  readonly runId: string;
  readonly filter: LogFilter;
  readonly onText: (text: string) => void;
  readonly onMatch: (position: number) => void;
};

type LogSearchResult = {
  readonly text: string;
  readonly matches: readonly LineMatch[];
  readonly searchedTo: number;
  readonly isComplete: boolean;
};

const NO_RESULT: LogSearchResult = { text: "", matches: [], searchedTo: 0, isComplete: true };

/** Lines that are found at most. */
const MAX_MATCHES = 10_000;
/** After the last key, or since the log was looked through last. */
const WAIT_MS = { typed: 200, grown: 600 } as const;

/** Looks for a text in all of a log, and in what is added to it. */
export const useLogSearch = ({ book, runId, filter, onText, onMatch }: SearchOptions) => {
  const [text, setText] = useState("");
  const [found, setFound] = useState(NO_RESULT);
  const [current, setCurrent] = useState<number | null>(null);
  const isFresh = found.text === text;
  const { total, generation } = book;
  const known = useRef(generation);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `total` stands for new lines to look through.
  useEffect(() => {
    if (text === "") return;
    const isSame = isFresh && known.current === generation;
    if (isSame && found.matches.length >= MAX_MATCHES) return;
    known.current = generation;
    const before = isSame ? found : NO_RESULT;
    let isStale = false;
    const timer = setTimeout(
      () => {
        const query = { ...filter, q: text, limit: MAX_MATCHES, after: before.searchedTo };
        void searchLines(runId, query).then(
          (answer) => {
            if (isStale) return;
            const matches = [...before.matches, ...answer.matches].slice(0, MAX_MATCHES);
            setFound({ text, matches, searchedTo: answer.searched_to, isComplete: answer.complete });
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
    setCurrent(index);
    onMatch(matches[index]?.offset ?? 0);
  };
  const search = (next: string): void => {
    setText(next);
    setCurrent(null);
    onText(next);
    if (next === "") setFound(NO_RESULT);
  };
  const matches = isFresh ? found.matches : NO_RESULT.matches;
  const move = (step: 1 | -1): void => {
    if (matches.length > 0) go(matches, ((current ?? -step) + step + matches.length) % matches.length);
  };
  return { text, matches, current, isComplete: found.isComplete, isBusy: !isFresh, search, move };
};

/** What is looked at first. */
const firstMatch = (matches: readonly LineMatch[]): number | undefined => (matches.length === 0 ? undefined : 0);
