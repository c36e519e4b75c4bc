import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { type RefObject, useLayoutEffect, useRef, useState } from "react";

type WindowRowsOptions = {
  readonly count: number;
  /** Height of a row in px, until it is measured. */
  readonly estimatePx: number;
  readonly keyAt: (index: number) => string;
  /** Top of the list in the page in px, until it is measured: rows below the window are not rendered. */
  readonly estimateTop: number;
};

type WindowRows<Container extends HTMLElement> = {
  /** `ref` of the element that contains the rows. */
  readonly container: RefObject<Container | null>;
  readonly rows: readonly { readonly index: number; readonly start: number }[];
  /** Height in px of the rows above and below that are not rendered. */
  readonly above: number;
  readonly below: number;
  /** `ref` of a row that has `data-index`. */
  readonly measure: (row: Element | null) => void;
};

/** Virtualizes a long list that scrolls with the window: returns only the rows that are visible, and a few around them. */
export const useWindowRows = <Container extends HTMLElement>({
  count,
  estimatePx,
  keyAt,
  estimateTop,
}: WindowRowsOptions): WindowRows<Container> => {
  const container = useRef<Container>(null);
  const scrollMargin = useTop(container, estimateTop);
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

/** Returns the top of an element in the page in px. Measures again when the page changes its size. */
const useTop = (element: RefObject<HTMLElement | null>, estimate: number): number => {
  const [top, setTop] = useState(estimate);
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
