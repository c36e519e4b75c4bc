import { type RefObject, useLayoutEffect, useState } from "react";

/** The number of rows that are drawn to measure the element: more than a panel has room for, but not all of a long list. */
const FIRST_ROWS = 8;

/** Returns how many rows of `rowRem` (height in rem) fit into an element, at least one; FIRST_ROWS before the first measurement. */
export const useFittingRows = (element: RefObject<HTMLElement | null>, rowRem: number): number => {
  const [count, setCount] = useState(FIRST_ROWS);
  useLayoutEffect(() => {
    const { current } = element;
    if (current === null) return;
    const measure = (): void => {
      const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
      setCount(Math.max(1, Math.floor(current.clientHeight / (rowRem * rem))));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(current);
    return () => observer.disconnect();
  }, [element, rowRem]);
  return count;
};
