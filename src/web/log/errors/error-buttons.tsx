import { useMemo, useState } from "react";
import type { LogFilter } from "../../data/lines.ts";
import { useShortcut } from "../../keyboard/shortcuts.ts";
import { Button } from "../../ui/button.tsx";
import type { LogBook } from "../book/book.ts";
import { ErrorSearch, type FoundError } from "./error-search.ts";

type ErrorButtonsProps = {
  readonly book: LogBook;
  readonly runId: string;
  readonly filter: LogFilter;
  /** Returns the position that a move starts from. */
  readonly from: (step: 1 | -1) => number;
  /** Called with the position of the line to scroll to. */
  readonly onFound: (position: number) => void;
};

/** Result of the last move: `none` if the log has no errors, `failed` if petit did not answer. */
type Result = FoundError | "none" | "failed" | null;

/** Buttons and keys that go to the next and the previous line that looks like an error. */
export const ErrorButtons = ({ book, runId, filter, from, onFound }: ErrorButtonsProps) => {
  const search = useMemo(() => new ErrorSearch({ runId, filter }), [runId, filter]);
  const [result, setResult] = useState<Result>(null);
  const [isBusy, setBusy] = useState(false);
  const move = async (step: 1 | -1): Promise<void> => {
    if (isBusy) return;
    setBusy(true);
    const { total, generation } = book;
    const found = await search.find(step, from(step), { total, generation }).catch(() => "failed" as const);
    setBusy(false);
    setResult(found ?? "none");
    if (found !== null && found !== "failed") onFound(found.match.offset);
  };
  useShortcut({ key: "e", what: "Log: next error", run: () => void move(1), doesRepeat: true });
  useShortcut({ key: "E", what: "Log: previous error", run: () => void move(-1), doesRepeat: true });
  return (
    <fieldset className="log-errors" aria-label="Errors">
      <span aria-hidden="true">Errors</span>
      <output className="log-matches" aria-live="polite">
        {isBusy ? "…" : resultText(result)}
      </output>
      <Button kind="quiet" aria-label="Previous error" title="Previous error (E)" onClick={() => void move(-1)}>
        ↑
      </Button>
      <Button kind="quiet" aria-label="Next error" title="Next error (e)" onClick={() => void move(1)}>
        ↓
      </Button>
    </fieldset>
  );
};

const resultText = (result: Result): string => {
  if (result === null) return "";
  if (result === "none") return "none";
  if (result === "failed") return "search failed";
  const { number, count, isComplete } = result;
  return `${number.toLocaleString()} of ${count.toLocaleString()}${isComplete ? "" : "+"}`;
};
