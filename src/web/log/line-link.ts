import { useEffect, useState } from "react";
import type { LogBook } from "./book/book.ts";

/** Number of the line that the address leads to, as `#L123`; null where it leads to none. */
export const lineLink = (): number | null => {
  const digits = /^#L(\d{1,15})$/.exec(location.hash)?.[1];
  return digits === undefined ? null : Number(digits);
};

/** Goes to the line that the address leads to, at first and whenever that changes; answers its number. */
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
