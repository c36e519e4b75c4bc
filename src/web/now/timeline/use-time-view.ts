import { useEffect, useRef, useState } from "react";
import { useSearchParams } from "wouter";
import { DEFAULT_ZOOM, parseView, type TimeView, writeView } from "./time-window.ts";

/** Ms without a change until the URL is updated: browsers limit the rate of URL changes. */
const DEBOUNCE_MS = 200;

/**
 * Returns the view of the timeline and a function that changes it. The view changes immediately, the URL after a delay.
 */
export const useTimeView = (): readonly [TimeView, (change: (view: TimeView) => TimeView) => void] => {
  const [query, setQuery] = useSearchParams();
  const [pendingView, setPendingView] = useState<TimeView | null>(null);
  const view = pendingView ?? parseView(query) ?? { zoom: DEFAULT_ZOOM, from: null };
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
  const change = (update: (view: TimeView) => TimeView): void => {
    // Several changes can happen before the next render.
    newest.current = update(newest.current);
    setPendingView(newest.current);
  };
  return [view, change];
};
