import { useVirtualizer, type VirtualItem } from "@tanstack/react-virtual";
import { type RefObject, useEffect, useLayoutEffect, useMemo, useRef } from "react";
import { Button } from "../ui/button.tsx";
import { counted } from "../ui/text/format.ts";
import type { LineSource } from "./book/book.ts";
import type { LogCause } from "./cause.ts";
import { LogRow } from "./log-row.tsx";
import { useFollow } from "./use-follow.ts";
import type { LogDisplay } from "./use-log-display.ts";

/** A line to scroll to. */
export type ScrollTarget = { readonly position: number; readonly align: "start" | "center" | "end" };

/** The positions of the first and of the last row that can be seen. */
export type VisibleRows = { readonly first: number; readonly last: number };

type BodyProps = {
  readonly lines: LineSource;
  /** Is set to the visible rows. */
  readonly visible: RefObject<VisibleRows>;
  readonly display: LogDisplay;
  /** Whether each line shows its task and item. */
  readonly hasTasks: boolean;
  /** Text to highlight. */
  readonly searchText: string;
  /** Number of the line in the URL. */
  readonly marked: number | null;
  /** The lines that explain failures. */
  readonly causes: readonly LogCause[];
  /** The log scrolls to each new target. */
  readonly target: ScrollTarget | null;
  readonly isFollowing: boolean;
  readonly onFollowing: (isFollowing: boolean) => void;
  /** Shown if there are no lines. */
  readonly empty: string;
};

const NO_RANGE = { startIndex: 0, endIndex: -1 };

/** Additional rows to render before and after the visible ones. */
const OVERSCAN = 8;

/** Renders the visible lines of a log. */
export const LogBody = (props: BodyProps) => {
  const { lines, visible, display, causes, target, isFollowing, onFollowing } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const rowHeight = useRowHeight();
  const virtual = useVirtualizer({
    count: lines.total,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: OVERSCAN,
  });
  const rows = virtual.getVirtualItems();
  const { startIndex: first, endIndex: last } = virtual.range ?? NO_RANGE;
  useEffect(() => {
    visible.current = { first, last };
  });
  const causeSeqs = useMemo(() => new Set(causes.map(({ seq }) => seq)), [causes]);
  useLoadedRange(lines, rows[0]?.index ?? 0, (rows.at(-1)?.index ?? -1) + 1);
  useScrollTarget(virtual, target, lines);
  useScrollAnchor(virtual, display.isWrapped);
  const size = virtual.getTotalSize();
  const slots = slotsFor(rows.length);
  const { onScroll, newLines } = useFollow({ scroller, size, total: lines.total, isFollowing, onFollowing });
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
        onKeyDown={({ key }) => key === "End" && lines.state !== "ended" && onFollowing(true)}
      >
        <div className="log-lines" style={{ height: size }}>
          {rows.map(({ index, start }) => (
            <LogRow
              // Rows of equal height are reused for other lines, so that scrolling creates no elements.
              key={display.isWrapped ? `line ${index}` : index % slots}
              index={index}
              start={start}
              line={lines.line(index)}
              hasTimes={display.hasTimes}
              hasTask={props.hasTasks}
              searchText={props.searchText}
              marked={props.marked}
              isCause={causeSeqs.has(lines.line(index)?.seq ?? 0)}
              isCurrent={target?.align === "center" && target.position === index}
              measure={display.isWrapped ? virtual.measureElement : null}
            />
          ))}
        </div>
        {lines.total === 0 && <p className="log-empty muted">{props.empty}</p>}
      </section>
      {lines.state !== "ended" && !isFollowing && (
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
const useLoadedRange = (lines: LineSource, from: number, to: number): void => {
  const version = lines.version();
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new version may have other lines.
  useEffect(() => {
    if (to > from) lines.want(from, to);
  }, [lines, version, from, to]);
};

type Virtual = ReturnType<typeof useVirtualizer<HTMLDivElement, Element>>;

/** Scrolls to each new target, and again until the rows around it are loaded and measured: wrapped lines become higher. */
const useScrollTarget = (virtual: Virtual, target: ScrollTarget | null, lines: LineSource): void => {
  const awaited = useRef<ScrollTarget | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the log scrolls to a target once.
  useLayoutEffect(() => {
    if (target === null || target.position < 0) return;
    awaited.current = target;
    virtual.scrollToIndex(target.position, { align: target.align });
  }, [target]);
  useLayoutEffect(() => {
    const { current } = awaited;
    const rows = virtual.getVirtualItems();
    const isThere = rows.some(({ index }) => index === current?.position);
    if (current === null || !isThere || rows.some(({ index }) => lines.line(index) === undefined)) return;
    if (rows.every((each) => isMeasured(virtual, each))) awaited.current = null;
    virtual.scrollToIndex(current.position, { align: current.align });
  });
};

const isMeasured = (virtual: Virtual, { key, size }: VirtualItem): boolean => {
  const height = virtual.elementsCache.get(key)?.getBoundingClientRect().height;
  return height === undefined || Math.abs(height - size) < 1;
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
