import { type CSSProperties, memo, useMemo } from "react";
import { counted } from "../ui/text/format.ts";
import { segmentsOf } from "./ansi/ansi.ts";
import { type HighlightedSegment, highlight } from "./ansi/highlight.ts";
import { type StyledLine, shownText } from "./ansi/line-styles.ts";
import { clockText } from "./log-time.ts";

type LogRowProps = {
  readonly index: number;
  /** CSS px from the top of all lines. */
  readonly start: number;
  /** Undefined while it is on its way. */
  readonly line: StyledLine | undefined;
  readonly hasTimes: boolean;
  readonly hasTask: boolean;
  readonly wanted: string;
  readonly marked: number | null;
  readonly isCurrent: boolean;
  /** Where rows are as high as their text takes. */
  readonly measure: ((element: Element | null) => void) | null;
};

export const LogRow = memo(
  ({ index, start, line, hasTimes, hasTask, wanted, marked, isCurrent, measure }: LogRowProps) => (
    <div
      ref={measure}
      data-index={index}
      data-seq={line?.seq}
      className={`log-row ${line?.stream ?? ""} ${line !== undefined && line.seq === marked ? "is-marked" : ""} ${isCurrent ? "is-current" : ""}`}
      style={{ transform: `translateY(${start}px)` }}
    >
      {line !== undefined && (
        <>
          <a className="log-seq" href={`#L${line.seq}`} aria-label={`Line ${line.seq}`} tabIndex={-1}>
            {line.seq}
          </a>
          {hasTimes && <time className="log-time">{clockText(line.at)}</time>}
          {hasTask && (
            <span className="log-task" title={line.task_id}>
              {line.task_id}
            </span>
          )}
          <Text line={line} wanted={wanted} />
        </>
      )}
    </div>
  ),
);

const Text = ({ line, wanted }: { readonly line: StyledLine; readonly wanted: string }) => {
  const text = shownText(line);
  const segments = useMemo(() => segmentsOf(text), [text]);
  return (
    <bdi className="log-text">
      {highlight(segments, wanted).map((piece, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the pieces of a line have no other name, and keep their order.
        <SegmentText key={index} piece={piece} />
      ))}
      {line.cut > 0 && <span className="log-cut"> … {counted(line.cut, "more character")}, in the download</span>}
    </bdi>
  );
};

const SegmentText = ({ piece }: { readonly piece: HighlightedSegment }) => {
  const { text, classes, color, background, isMatch } = piece;
  if (isMatch) return <mark>{text}</mark>;
  if (classes.length === 0 && color === null && background === null) return text;
  return (
    <span className={classesOf(piece)} style={styleOf(piece)}>
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
