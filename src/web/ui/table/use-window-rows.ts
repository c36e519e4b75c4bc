import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { type RefObject, useLayoutEffect, useRef, useState } from "react";

export type WindowRowsOptions = {
  readonly count: number;
  /** Of a row, in px, until it was measured. */
  readonly estimatePx: number;
  readonly keyAt: (index: number) => string;
};

export type WindowRows<Around extends HTMLElement> = {
  /** Of what the rows are in. */
  readonly container: RefObject<Around | null>;
  readonly rows: readonly { readonly index: number; readonly start: number }[];
  /** Px of what is left out above and below. */
  readonly above: number;
  readonly below: number;
  /** `ref` of a row that has `data-index`. */
  readonly measure: (row: Element | null) => void;
};

/** Of a long list in the page, only the rows that are in sight, and some container. */
export const useWindowRows = <Around extends HTMLElement>({
  count,
  estimatePx,
  keyAt,
}: WindowRowsOptions): WindowRows<Around> => {
  const container = useRef<Around>(null);
  const scrollMargin = useTop(container);
  const virtualizer = useWindowVirtualizer<Element>({
    count,
    estimateSize: () => estimatePx,
    getItemKey: keyAt,
    overscan: 8,
    scrollMargin,
  });
  const rows = virtualizer.getVirtualItems();
  const [first, last] = [rows[0], rows.at(-1)];
  return {
    container,
    rows: rows.map(({ index, start }) => ({ index, start: start - scrollMargin })),
    above: first === undefined ? 0 : first.start - scrollMargin,
    below: last === undefined ? 0 : virtualizer.getTotalSize() - (last.end - scrollMargin),
    measure: virtualizer.measureElement,
  };
};

/** Of an element in the page, in px; known anew when something in the page has changed its size. */
const useTop = (element: RefObject<HTMLElement | null>): number => {
  const [top, setTop] = useState(0);
  useLayoutEffect(() => {
    const measure = (): void => {
      if (element.current !== null) setTop(element.current.getBoundingClientRect().top + scrollY);
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(document.body);
    return () => observer.disconnect();
  }, [element]);
  return top;
};
