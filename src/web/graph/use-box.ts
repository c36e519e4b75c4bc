import { type RefObject, useLayoutEffect, useState } from "react";
import type { GraphBox } from "./plan.ts";

/** The room that a graph has, from the width of what it is drawn in; null until that is known. */
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

/** Of a screen, a graph takes what leaves room for something else. */
const SHARE = 0.72;

const boxOf = (width: number): GraphBox => {
  const scale = Number.parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
  return { width, maxHeight: Math.max(320, Math.round(innerHeight * SHARE)), maxZoom: scale };
};
