import { useEffect, useState } from "react";
import type { LogBook } from "./book/book.ts";

/** Returns the line number in the URL, such as `#L123`, or null. */
export const lineLink = (): number | null => {
  const digits = /^#L(\d{1,15})$/.exec(location.hash)?.[1];
  return digits === undefined ? null : Number(digits);
};

/** Scrolls to the line in the URL, initially and when the URL changes. Returns its number. */
export const useLineLink = (book: LogBook, onPosition: (position: number) => void): number | null => {
  const [marked, setMarked] = useState(lineLink);
  useEffect(() => {
    const follow = (): void => {
      const seq = lineLink();
      setMarked(seq);
      if (seq === null) return;
      void book.positionOf(seq).then(
        (position) => {
          document.getElementById("log")?.scrollIntoView({ block: "start" });
          onPosition(position);
        },
        () => {},
      );
    };
    follow();
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, [book, onPosition]);
  return marked;
};
