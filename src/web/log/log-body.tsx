import { useVirtualizer } from "@tanstack/react-virtual";
import { type CSSProperties, useEffect, useLayoutEffect, useRef, useState } from "react";
import { Button } from "../ui/button.tsx";
import { counted } from "../ui/text/format.ts";
import type { LogBook } from "./book/book.ts";
import { LogRow } from "./log-row.tsx";
import { useFollow } from "./use-follow.ts";
import type { LogDisplay } from "./use-log-display.ts";

/** A line to go to. */
export type ScrollTarget = { readonly position: number; readonly align: "start" | "center" | "end" };

type BodyProps = {
  readonly book: LogBook;
  readonly display: LogDisplay;
  /** Whether each line says which task wrote it. */
  readonly hasTasks: boolean;
  /** Text to mark. */
  readonly wanted: string;
  /** Number of the line that the address leads to. */
  readonly marked: number | null;
  /** Gone to whenever another is given. */
  readonly target: ScrollTarget | null;
  readonly isFollowing: boolean;
  readonly onFollowing: (isFollowing: boolean) => void;
};

/** Rows that are drawn beyond what is seen, at either end. */
const OVERSCAN = 8;

/** The lines that are seen, of however many there are. */
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
  // One that grows has its room from the start: what is read must not move.
  const [isWhole] = useState(() => book.state === "ended");
  const slots = slotsFor(rows.length);
  const { onScroll, newLines } = useFollow({ scroller, size, total: book.total, isFollowing, onFollowing });
  return (
    <div className="log-frame">
      <section
        ref={scroller}
        className={classOf(props)}
        style={isWhole ? roomFor(size) : undefined}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
        tabIndex={0}
        aria-label="Lines"
        onScroll={onScroll}
        // What is written meanwhile would be quicker than a browser that scrolls to where the end was.
        onKeyDown={({ key }) => key === "End" && book.state !== "ended" && onFollowing(true)}
      >
        <div className="log-lines" style={{ height: size }}>
          {rows.map(({ index, start }) => (
            <LogRow
              // Rows that are all of one height are used again for other lines: a scroll makes no element.
              key={display.isWrapped ? `line ${index}` : index % slots}
              index={index}
              start={start}
              line={book.line(index)}
              hasTimes={display.hasTimes}
              hasTask={props.hasTasks}
              wanted={props.wanted}
              marked={props.marked}
              isCurrent={target?.align === "center" && target.position === index}
              measure={display.isWrapped ? virtual.measureElement : null}
            />
          ))}
        </div>
        {book.total === 0 && (
          <p className="log-empty muted">
            {book.state === "ended" ? "Nothing was written." : "Nothing was written yet."}
          </p>
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

/** So many are never more than are drawn at once; it changes seldom. */
const slotsFor = (rows: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, rows)));

/** As much as all lines take, where that is less than there is. */
const roomFor = (size: number): CSSProperties & Record<`--${string}`, string> => ({ "--log-size": `${size}px` });

const classOf = ({ display }: BodyProps): string =>
  ["log-scroll", display.isWrapped ? "is-wrapped" : "", display.hasTimes ? "has-times" : ""].join(" ");

/** In CSS px, as the stylesheet has it. */
const useRowHeight = (): number => {
  const height = useRef(0);
  if (height.current === 0) {
    height.current = Math.round(1.25 * Number.parseFloat(getComputedStyle(document.documentElement).fontSize));
  }
  return height.current;
};

/** Has what is seen, and a little around it, loaded. */
const useLoadedRange = (book: LogBook, from: number, to: number): void => {
  const version = book.version();
  // biome-ignore lint/correctness/useExhaustiveDependencies: another version may have other lines.
  useEffect(() => {
    if (to > from) book.want(from, to);
  }, [book, version, from, to]);
};

type Virtual = ReturnType<typeof useVirtualizer<HTMLDivElement, Element>>;

const useScrollTarget = (virtual: Virtual, target: ScrollTarget | null): void => {
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is gone to once.
  useLayoutEffect(() => {
    if (target !== null && target.position >= 0) virtual.scrollToIndex(target.position, { align: target.align });
  }, [target]);
};

/** The line at the top stays there when lines take another height. */
const useScrollAnchor = (virtual: Virtual, isWrapped: boolean): void => {
  const isFirst = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only the way lines are drawn counts.
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
