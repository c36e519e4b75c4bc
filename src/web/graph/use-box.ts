import { type RefObject, useLayoutEffect, useState } from "react";
import type { GraphBox } from "./layout/sizes.ts";

/** Returns the space for a graph in an element, or null before the first measurement. */
export const useBox = (element: RefObject<HTMLElement | null>, isFilling: boolean): GraphBox | null => {
  const [box, setBox] = useState<GraphBox | null>(null);
  useLayoutEffect(() => {
    if (element.current === null) return;
    const { current } = element;
    const measure = (): void => {
      const { clientWidth: width, clientHeight } = current;
      if (width === 0) return;
      const height = isFilling ? clientHeight - Math.round(TOOLBAR_REM * 16 * rootScale()) : maxHeight();
      setBox((before) =>
        before !== null && before.width === width && (before.height === height || !isFilling)
          ? before
          : { width, height: Math.max(MIN_HEIGHT, height), maxZoom: rootScale() },
      );
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(current);
    return () => observer.disconnect();
  }, [element, isFilling]);
  return box;
};

/** Height of the buttons below a graph that fills its parent. */
const TOOLBAR_REM = 2.5;
/** Maximum share of the height of the window, for a graph between other content. */
const SHARE = 0.72;
const MIN_HEIGHT = 120;

const maxHeight = (): number => Math.max(320, Math.round(innerHeight * SHARE));

const rootScale = (): number => Number.parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
