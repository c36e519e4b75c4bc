import { type CSSProperties, memo, useMemo } from "react";
import { counted } from "../ui/format.ts";
import { segmentsOf } from "./ansi/ansi.ts";
import { highlight, type Piece } from "./ansi/highlight.ts";
import { type ShownLine, shownText } from "./ansi/line-styles.ts";
import { clockText } from "./log-time.ts";

type RowProps = {
  readonly index: number;
  /** CSS px from the top of all lines. */
  readonly start: number;
  /** Undefined while it is on its way. */
  readonly line: ShownLine | undefined;
  readonly hasTimes: boolean;
  readonly hasTask: boolean;
  readonly wanted: string;
  readonly marked: number | null;
  readonly isCurrent: boolean;
  /** Where rows are as high as their text takes. */
  readonly measure: ((element: Element | null) => void) | null;
};

export const LogRow = memo(
  ({ index, start, line, hasTimes, hasTask, wanted, marked, isCurrent, measure }: RowProps) => (
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

const Text = ({ line, wanted }: { readonly line: ShownLine; readonly wanted: string }) => {
  const text = shownText(line);
  const segments = useMemo(() => segmentsOf(text), [text]);
  return (
    <bdi className="log-text">
      {highlight(segments, wanted).map((piece, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the pieces of a line have no other name, and keep their order.
        <PieceText key={index} piece={piece} />
      ))}
      {line.cut > 0 && <span className="log-cut"> … {counted(line.cut, "more character")}, in the download</span>}
    </bdi>
  );
};

const PieceText = ({ piece }: { readonly piece: Piece }) => {
  const { text, classes, color, ground, isMatch } = piece;
  if (isMatch) return <mark>{text}</mark>;
  if (classes.length === 0 && color === null && ground === null) return text;
  return (
    <span className={classesOf(piece)} style={styleOf(piece)}>
      {text}
    </span>
  );
};

const classesOf = ({ classes, color, ground }: Piece): string =>
  [...classes, color === null ? "" : "ansi-own-fg", ground === null ? "" : "ansi-own-bg"]
    .filter((name) => name !== "")
    .join(" ");

const styleOf = ({ color, ground }: Piece): CSSProperties & Record<`--${string}`, string> => ({
  ...(color === null ? {} : { "--ansi-fg": color }),
  ...(ground === null ? {} : { "--ansi-bg": ground }),
});
