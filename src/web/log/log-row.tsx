import { type CSSProperties, memo, useMemo } from "react";
import { PAGE_ZONE } from "../ui/display.ts";
import { counted } from "../ui/text/format.ts";
import { segmentsOf } from "./ansi/ansi.ts";
import { type HighlightedSegment, highlight } from "./ansi/highlight.ts";
import { type StyledLine, styledText } from "./ansi/line-styles.ts";

type LogRowProps = {
  readonly index: number;
  /** Distance from the top of all lines, in CSS px. */
  readonly start: number;
  /** Undefined until it is loaded. */
  readonly line: StyledLine | undefined;
  readonly hasTimes: boolean;
  readonly hasTask: boolean;
  readonly searchText: string;
  readonly marked: number | null;
  /** Whether the line explains a failure. */
  readonly isCause: boolean;
  readonly isCurrent: boolean;
  /** Measures a row if lines are wrapped; null if all rows have the same height. */
  readonly measure: ((element: Element | null) => void) | null;
};

export const LogRow = memo(
  ({ index, start, line, hasTimes, hasTask, searchText, marked, isCause, isCurrent, measure }: LogRowProps) => (
    <div
      ref={measure}
      data-index={index}
      data-seq={line?.seq}
      className={[
        "log-row",
        line?.stream ?? "",
        line !== undefined && line.seq === marked ? "is-marked" : "",
        isCause ? "is-cause" : "",
        isCurrent ? "is-current" : "",
      ].join(" ")}
      style={{ transform: `translateY(${start}px)` }}
    >
      {line !== undefined && (
        <>
          <a className="log-seq" href={`#L${line.seq}`} aria-label={`Line ${line.seq}`} tabIndex={-1}>
            {line.seq}
          </a>
          {hasTimes && <time className="log-time">{clockText(line.at)}</time>}
          {hasTask && (
            <span
              className="log-task"
              title={line.item_key === undefined ? line.task_id : `${line.task_id}[${line.item_key}]`}
            >
              {line.task_id}
              {line.item !== undefined && `[${line.item_key ?? line.item}]`}
            </span>
          )}
          {isCause && (
            <span className="log-cause" title="The line that explains the failure">
              cause
            </span>
          )}
          <Text line={line} searchText={searchText} />
        </>
      )}
    </div>
  ),
);

const Text = ({ line, searchText }: { readonly line: StyledLine; readonly searchText: string }) => {
  const text = styledText(line);
  const segments = useMemo(() => segmentsOf(text), [text]);
  return (
    <bdi className="log-text">
      {highlight(segments, searchText).map((segment, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: segments of a line have no other key and keep their order.
        <SegmentText key={index} segment={segment} />
      ))}
      {line.cut > 0 && <span className="log-cut"> … {counted(line.cut, "more character")}, in the download</span>}
    </bdi>
  );
};

const SegmentText = ({ segment }: { readonly segment: HighlightedSegment }) => {
  const { text, classes, color, background, isMatch } = segment;
  if (isMatch) return <mark>{text}</mark>;
  if (classes.length === 0 && color === null && background === null) return text;
  return (
    <span className={classesOf(segment)} style={styleOf(segment)}>
      {text}
    </span>
  );
};

const classesOf = ({ classes, color, background }: HighlightedSegment): string =>
  [...classes, color === null ? "" : "ansi-own-fg", background === null ? "" : "ansi-own-bg"]
    .filter((name) => name !== "")
    .join(" ");

const styleOf = ({ color, background }: HighlightedSegment): CSSProperties & Record<`--${string}`, string> => ({
  ...(color === null ? {} : { "--ansi-fg": color }),
  ...(background === null ? {} : { "--ansi-bg": background }),
});

const CLOCK = new Intl.DateTimeFormat(undefined, {
  timeZone: PAGE_ZONE,
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
  hourCycle: "h23",
});

/** Formats a local time: `14:03:09.123`. */
const clockText = (at: number): string => CLOCK.format(at);
