import { useEffect, useState } from "react";
import type { LogBook } from "./book/book.ts";

/** Returns the line number in the URL, such as `#L123`, or null. */
export const lineLink = (): number | null => {
  const digits = /^#L(\d{1,15})$/.exec(location.hash)?.[1];
  return digits === undefined ? null : Number(digits);
};

type LineLinkOptions = {
  /** Number of the line that the log opens at if the URL has none. Null for none. */
  readonly openAt: number | null;
  /** Number of the line that the summary of the run is about. Null for none. */
  readonly summaryLine: number | null;
  /** Called with the position of the line to scroll to. */
  readonly onPosition: (position: number) => void;
};

/**
 * Scrolls to the line in the URL: initially, when the URL changes, and when a link to the same line is followed again. Returns its
 * number. The links of alerts name a task and a line; a page that they open stays at the top if its summary is about that line, or shows
 * it on the first screen.
 */
export const useLineLink = (book: LogBook, { openAt, summaryLine, onPosition }: LineLinkOptions): number | null => {
  const [marked, setMarked] = useState(lineLink);
  useEffect(() => {
    let stopHolding = (): void => {};
    const follow = (isOpening: boolean): void => {
      const linked = lineLink();
      setMarked(linked);
      const seq = linked ?? (isOpening ? openAt : null);
      if (seq === null) return;
      void book.positionOf(seq).then(
        (position) => {
          const isShownAbove = isOpening && isAlertLink() && (linked === summaryLine || isInSummary(seq));
          stopHolding();
          if (linked !== null && !isShownAbove) stopHolding = holdLogInView();
          onPosition(position);
        },
        () => {},
      );
    };
    const onHashChange = (): void => follow(false);
    // No event reports that the URL stays as it is.
    const onClick = ({ target }: MouseEvent): void => {
      const href = target instanceof Element ? target.closest("a")?.getAttribute("href") : null;
      if (href?.startsWith("#L") === true && href === location.hash) follow(false);
    };
    follow(true);
    addEventListener("hashchange", onHashChange);
    addEventListener("click", onClick);
    return () => {
      stopHolding();
      removeEventListener("hashchange", onHashChange);
      removeEventListener("click", onClick);
    };
  }, [book, openAt, summaryLine, onPosition]);
  return marked;
};

/** Returns whether the URL is that of an alert, which names the task of its line. A line's own link in a log needs none. */
const isAlertLink = (): boolean => new URLSearchParams(location.search).has("task");

/** Returns whether the summary of the run shows a line where it can be seen. */
const isInSummary = (seq: number): boolean => {
  const box = document.querySelector(`[data-summary-line="${seq}"]`)?.getBoundingClientRect();
  return box !== undefined && box.top >= 0 && box.bottom <= innerHeight;
};

/** How long the parts above the log may take to load, in ms. */
const HELD_MS = 5_000;
/** What says that the user scrolls, or goes elsewhere. */
const USER_EVENTS = ["wheel", "touchstart", "pointerdown", "keydown"] as const;

/** Scrolls to the log, and again while what is above it grows, until the user does something. Returns a function that ends that. */
const holdLogInView = (): (() => void) => {
  const [log, main] = [document.getElementById("log"), document.querySelector("main")];
  if (log === null || main === null) return () => {};
  const show = (): void => log.scrollIntoView({ block: "start" });
  const observer = new ResizeObserver(show);
  const stop = (): void => {
    observer.disconnect();
    clearTimeout(timer);
    for (const event of USER_EVENTS) removeEventListener(event, stop);
  };
  const timer = setTimeout(stop, HELD_MS);
  for (const event of USER_EVENTS) addEventListener(event, stop, { passive: true });
  show();
  observer.observe(main);
  return stop;
};
