import { useEffect, useState } from "react";
import type { LogBook } from "./book/book.ts";

/** Returns the line number in the URL, such as `#L123`, or null. */
export const lineLink = (): number | null => {
  const digits = /^#L(\d{1,15})$/.exec(location.hash)?.[1];
  return digits === undefined ? null : Number(digits);
};

type LineLinkOptions = {
  /** Number of the line that the log opens at if the URL has none. Null for none. */
  readonly openAt: number | null;
  /** Number of the line that the summary of the run is about. Null for none. */
  readonly summaryLine: number | null;
  /** Called with the position of the line to scroll to. */
  readonly onPosition: (position: number) => void;
};

/**
 * Scrolls to the line in the URL, initially and when the URL changes. Returns its number. A page that opens at a line which its summary
 * is about, or shows on the first screen, stays at the top, where the summary is.
 */
export const useLineLink = (book: LogBook, { openAt, summaryLine, onPosition }: LineLinkOptions): number | null => {
  const [marked, setMarked] = useState(lineLink);
  useEffect(() => {
    const follow = (isOpening: boolean): void => {
      const linked = lineLink();
      setMarked(linked);
      const seq = linked ?? (isOpening ? openAt : null);
      if (seq === null) return;
      void book.positionOf(seq).then(
        (position) => {
          if (linked !== null && !(isOpening && (linked === summaryLine || isInSummary(linked))))
            document.getElementById("log")?.scrollIntoView({ block: "start" });
          onPosition(position);
        },
        () => {},
      );
    };
    const onHashChange = (): void => follow(false);
    follow(true);
    addEventListener("hashchange", onHashChange);
    return () => removeEventListener("hashchange", onHashChange);
  }, [book, openAt, summaryLine, onPosition]);
  return marked;
};

/** Returns whether the summary of the run shows a line where it can be seen. */
const isInSummary = (seq: number): boolean => {
  const box = document.querySelector(`[data-summary-line="${seq}"]`)?.getBoundingClientRect();
  return box !== undefined && box.top >= 0 && box.bottom <= innerHeight;
};
