import { useEffect, useRef, useState } from "react";
import { useSearchParams } from "wouter";
import { readView, type View, writeView } from "./time-window.ts";

/** Ms without another change until the URL says it: a browser takes only so many changes of it. */
const SETTLED_MS = 200;

/** What the time line looks at. The URL keeps it; it changes at once, and the URL when it has settled. */
export const useView = (): readonly [View, (change: (view: View) => View) => void] => {
  const [query, setQuery] = useSearchParams();
  const [ahead, setAhead] = useState<View | null>(null);
  const view = ahead ?? readView(query);
  const newest = useRef(view);
  newest.current = view;
  useEffect(() => {
    if (ahead === null) return;
    const timer = setTimeout(() => {
      setQuery((now) => writeView(now, ahead), { replace: true });
      setAhead(null);
    }, SETTLED_MS);
    return () => clearTimeout(timer);
  }, [ahead, setQuery]);
  const change = (of: (view: View) => View): void => {
    // More than one may come before it is drawn.
    newest.current = of(newest.current);
    setAhead(newest.current);
  };
  return [view, change];
};
