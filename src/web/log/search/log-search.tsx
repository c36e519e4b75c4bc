import { useRef } from "react";
import { useShortcut } from "../../keyboard/shortcuts.ts";
import { Button } from "../../ui/button.tsx";
import type { LogSearchState } from "./use-log-search.ts";

type LogSearchProps = {
  readonly state: LogSearchState;
  /** Whether only the matching lines are shown. */
  readonly isOnly: boolean;
  readonly onOnly: () => void;
  /** Called to end the search. */
  readonly onClear: () => void;
  /** Leaves the full screen; null if the log does not fill it. */
  readonly onLeave: (() => void) | null;
};

/** Searches the whole log on the server. Enter moves to the next match, Shift+Enter to the previous one, and Escape ends the search, then leaves full screen. */
export const LogSearch = ({ state, isOnly, onOnly, onClear, onLeave }: LogSearchProps) => {
  const field = useRef<HTMLInputElement>(null);
  const { text, matches, current, isComplete, isBusy, search, move } = state;
  useShortcut({ key: "n", what: "Log: next match", run: () => move(1), isOn: matches.length > 0, doesRepeat: true });
  useShortcut({
    key: "N",
    what: "Log: previous match",
    run: () => move(-1),
    isOn: matches.length > 0,
    doesRepeat: true,
  });
  useShortcut({
    key: "m",
    what: "Log: show only matches, or all lines",
    run: onOnly,
    isOn: matches.length > 0 || isOnly,
  });
  return (
    <search className={`log-find${text === "" ? " is-empty" : ""}`}>
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
          if (event.key !== "Escape") return;
          // Browsers clear the field themselves, but not the filter.
          event.preventDefault();
          if (text !== "") return onClear();
          field.current?.blur();
          onLeave?.();
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
      <Button
        kind="quiet"
        aria-pressed={isOnly}
        disabled={text === "" || (matches.length === 0 && !isOnly)}
        title="Show only the matching lines (m)"
        onClick={onOnly}
      >
        Only matches
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
