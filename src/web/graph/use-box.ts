import { type RefObject, useLayoutEffect, useState } from "react";
import type { GraphBox } from "./plan.ts";

/** Returns the space for a graph in an element, or null before the first measurement. */
export const useBox = (element: RefObject<HTMLElement | null>): GraphBox | null => {
  const [box, setBox] = useState<GraphBox | null>(null);
  useLayoutEffect(() => {
    if (element.current === null) return;
    const { current } = element;
    const measure = (): void => {
      const width = Math.round(current.clientWidth);
      setBox((before) => (before?.width === width ? before : boxOf(width)));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(current);
    return () => observer.disconnect();
  }, [element]);
  return box;
};

/** Maximum share of the height of the window. */
const SHARE = 0.72;

const boxOf = (width: number): GraphBox => {
  const scale = Number.parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
  return { width, maxHeight: Math.max(320, Math.round(innerHeight * SHARE)), maxZoom: scale };
};
