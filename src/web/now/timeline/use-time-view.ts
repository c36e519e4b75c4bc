import { useEffect, useRef, useState } from "react";
import { useSearchParams } from "wouter";
import { parseView, type TimeView, writeView } from "./time-window.ts";

/** Ms without another change until the URL says it: a browser takes only so many changes of it. */
const DEBOUNCE_MS = 200;

/** What the time line looks at. The URL keeps it; it changes at once, and the URL when it has settled. */
export const useTimeView = (): readonly [TimeView, (change: (view: TimeView) => TimeView) => void] => {
  const [query, setQuery] = useSearchParams();
  const [pendingView, setPendingView] = useState<TimeView | null>(null);
  const view = pendingView ?? parseView(query);
  const newest = useRef(view);
  newest.current = view;
  useEffect(() => {
    if (pendingView === null) return;
    const timer = setTimeout(() => {
      setQuery((now) => writeView(now, pendingView), { replace: true });
      setPendingView(null);
    }, DEBOUNCE_MS);
    return () => clearTimeout(timer);
  }, [pendingView, setQuery]);
  const change = (of: (view: TimeView) => TimeView): void => {
    // More than one may come before it is drawn.
    newest.current = of(newest.current);
    setPendingView(newest.current);
  };
  return [view, change];
};
