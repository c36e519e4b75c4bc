import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useLayoutEffect, useRef } from "react";
import { Button } from "../ui/button.tsx";
import { counted } from "../ui/text/format.ts";
import type { LogBook } from "./book/book.ts";
import { LogRow } from "./log-row.tsx";
import { useFollow } from "./use-follow.ts";
import type { LogDisplay } from "./use-log-display.ts";

/** A line to scroll to. */
export type ScrollTarget = { readonly position: number; readonly align: "start" | "center" | "end" };

type BodyProps = {
  readonly book: LogBook;
  readonly display: LogDisplay;
  /** Whether each line shows its task and item. */
  readonly hasTasks: boolean;
  /** Text to highlight. */
  readonly searchText: string;
  /** Number of the line in the URL. */
  readonly marked: number | null;
  /** The log scrolls to each new target. */
  readonly target: ScrollTarget | null;
  readonly isFollowing: boolean;
  readonly onFollowing: (isFollowing: boolean) => void;
};

/** Additional rows to render before and after the visible ones. */
const OVERSCAN = 8;

/** Renders the visible lines of a log. */
export const LogBody = (props: BodyProps) => {
  const { book, display, target, isFollowing, onFollowing } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const rowHeight = useRowHeight();
  const virtual = useVirtualizer({
    count: book.total,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: OVERSCAN,
  });
  const rows = virtual.getVirtualItems();
  useLoadedRange(book, rows[0]?.index ?? 0, (rows.at(-1)?.index ?? -1) + 1);
  useScrollTarget(virtual, target);
  useScrollAnchor(virtual, display.isWrapped);
  const size = virtual.getTotalSize();
  const slots = slotsFor(rows.length);
  const { onScroll, newLines } = useFollow({ scroller, size, total: book.total, isFollowing, onFollowing });
  return (
    <div className="log-frame">
      <section
        ref={scroller}
        className={classOf(props)}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: keyboard users must be able to scroll the log.
        tabIndex={0}
        aria-label="Lines"
        onScroll={onScroll}
        // The End key follows the log: new lines may move the end while the browser scrolls.
        onKeyDown={({ key }) => key === "End" && book.state !== "ended" && onFollowing(true)}
      >
        <div className="log-lines" style={{ height: size }}>
          {rows.map(({ index, start }) => (
            <LogRow
              // Rows of equal height are reused for other lines, so that scrolling creates no elements.
              key={display.isWrapped ? `line ${index}` : index % slots}
              index={index}
              start={start}
              line={book.line(index)}
              hasTimes={display.hasTimes}
              hasTask={props.hasTasks}
              searchText={props.searchText}
              marked={props.marked}
              isCurrent={target?.align === "center" && target.position === index}
              measure={display.isWrapped ? virtual.measureElement : null}
            />
          ))}
        </div>
        {book.total === 0 && (
          <p className="log-empty muted">{book.state === "ended" ? "No output." : "No output yet."}</p>
        )}
      </section>
      {book.state !== "ended" && !isFollowing && (
        <Button kind="primary" className="log-follow" onClick={() => onFollowing(true)}>
          {newLines > 0 ? `↓ ${counted(newLines, "new line")}` : "↓ Follow"}
        </Button>
      )}
    </div>
  );
};

/** Returns the number of reusable rows: a power of two, so that it changes rarely. */
const slotsFor = (rows: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, rows)));

const classOf = ({ display }: BodyProps): string =>
  ["log-scroll", display.isWrapped ? "is-wrapped" : "", display.hasTimes ? "has-times" : ""].join(" ");

/** Returns the height of a row in CSS px, as in the stylesheet. */
const useRowHeight = (): number => {
  const height = useRef(0);
  if (height.current === 0) {
    height.current = Math.round(1.25 * Number.parseFloat(getComputedStyle(document.documentElement).fontSize));
  }
  return height.current;
};

/** Loads the rendered lines. */
const useLoadedRange = (book: LogBook, from: number, to: number): void => {
  const version = book.version();
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new version may have other lines.
  useEffect(() => {
    if (to > from) book.want(from, to);
  }, [book, version, from, to]);
};

type Virtual = ReturnType<typeof useVirtualizer<HTMLDivElement, Element>>;

const useScrollTarget = (virtual: Virtual, target: ScrollTarget | null): void => {
  // biome-ignore lint/correctness/useExhaustiveDependencies: the log scrolls to a target once.
  useLayoutEffect(() => {
    if (target !== null && target.position >= 0) virtual.scrollToIndex(target.position, { align: target.align });
  }, [target]);
};

/** Keeps the top line in place when the height of lines changes. */
const useScrollAnchor = (virtual: Virtual, isWrapped: boolean): void => {
  const isFirst = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only the display mode matters.
  useLayoutEffect(() => {
    if (isFirst.current) {
      isFirst.current = false;
      return;
    }
    const top = virtual.getVirtualItemForOffset(virtual.scrollOffset ?? 0)?.index ?? 0;
    virtual.measure();
    virtual.scrollToIndex(top, { align: "start" });
  }, [isWrapped]);
};
