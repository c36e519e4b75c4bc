import { type RefObject, useLayoutEffect, useState } from "react";

/** Returns how many rows of `rowRem` (height in rem) fit into an element, at least one; null before the first measurement. */
export const useFittingRows = (element: RefObject<HTMLElement | null>, rowRem: number): number | null => {
  const [count, setCount] = useState<number | null>(null);
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
