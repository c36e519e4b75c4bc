import { useRef } from "react";
import type { LogFilter } from "../data/lines.ts";
import { useShortcut } from "../keyboard/shortcuts.ts";
import { Button } from "../ui/button.tsx";
import type { LogBook } from "./book/book.ts";
import { useLogSearch } from "./use-log-search.ts";

type LogSearchProps = {
  readonly book: LogBook;
  readonly runId: string;
  readonly filter: LogFilter;
  /** Called with the text that the user searches for. */
  readonly onText: (text: string) => void;
  /** Called with the position of the line to scroll to. */
  readonly onMatch: (position: number) => void;
};

/** Searches the whole log on the server. Enter moves to the next match, Shift+Enter to the previous one. */
export const LogSearch = ({ book, runId, filter, onText, onMatch }: LogSearchProps) => {
  const field = useRef<HTMLInputElement>(null);
  const { text, matches, current, isComplete, isBusy, search, move } = useLogSearch({
    book,
    runId,
    filter,
    onText,
    onMatch,
  });
  useShortcut({ key: "n", what: "Log: next match", run: () => move(1), isOn: matches.length > 0, doesRepeat: true });
  useShortcut({
    key: "N",
    what: "Log: previous match",
    run: () => move(-1),
    isOn: matches.length > 0,
    doesRepeat: true,
  });
  return (
    <search className="log-find">
      <input
        ref={field}
        type="search"
        data-search
        aria-label="Search the log"
        placeholder="Search the whole log"
        maxLength={200}
        autoComplete="off"
        spellCheck={false}
        value={text}
        onChange={(event) => search(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter") move(event.shiftKey ? -1 : 1);
          if (event.key === "Escape") field.current?.blur();
        }}
      />
      <output className="log-matches" aria-live="polite">
        {countText({ text, count: matches.length, current, isComplete, isBusy })}
      </output>
      <Button kind="quiet" aria-label="Previous match" disabled={matches.length === 0} onClick={() => move(-1)}>
        ↑
      </Button>
      <Button kind="quiet" aria-label="Next match" disabled={matches.length === 0} onClick={() => move(1)}>
        ↓
      </Button>
    </search>
  );
};

type Count = {
  readonly text: string;
  readonly count: number;
  readonly current: number | null;
  readonly isComplete: boolean;
  readonly isBusy: boolean;
};

const countText = ({ text, count, current, isComplete, isBusy }: Count): string => {
  if (text === "") return "";
  if (count === 0) return isBusy ? "…" : "no matches";
  const all = `${count.toLocaleString()}${isComplete ? "" : "+"}`;
  return current === null ? `${all} lines` : `${(current + 1).toLocaleString()} of ${all}`;
};
