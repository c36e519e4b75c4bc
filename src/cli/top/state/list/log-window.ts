import { splitText, textWidth } from "../../../terminal/text-width.ts";
import type { TopState } from "../state.ts";
import { layoutOf } from "./layout.ts";
import { logRows } from "./lists.ts";
import type { BookLine } from "./log-book.ts";

/** What determines which lines of a log fit on the screen. */
export type LogWindow = {
  readonly rows: number;
  /** Columns for time, writer and text. */
  readonly width: number;
  /** Columns for the name of the task; 0 if all lines are of one task. */
  readonly taskWidth: number;
  /** Whether long lines continue in the next row. */
  readonly wraps: boolean;
};

/** Columns of the mark of the selected row, which a log leaves empty. */
const MARK = 2;
/** Columns of the time with a space. */
const TIME = 9;
const TASK = 17;
/** Long lines are cut where less room than this is left for them. */
const MIN_TEXT = 16;

/** Returns the window of the log; null if no log is on the screen. */
export const logWindowOf = (state: TopState): LogWindow | null => {
  const pane = layoutOf(state).panes.find(({ list }) => list === "log");
  if (pane === undefined || state.log === null) return null;
  const taskWidth = state.log.target.taskId === null ? TASK : 0;
  return { rows: Math.max(1, pane.height - 1), width: pane.width - MARK, taskWidth, wraps: state.wraps };
};

/** Returns the text that names the writer before a line: its task, or only its item. */
export const writerWidth = ({ item }: BookLine, taskWidth: number): number => {
  if (taskWidth > 0) return taskWidth;
  return item === null ? 0 : `[${item}] `.length;
};

/** The rows of lines that were visible lately: a line that scrolls is measured many times. */
const measured = new WeakMap<BookLine, { readonly width: number; readonly parts: readonly string[] }>();

/** Returns the text of a line in parts, one for each row of the screen. */
export const partsOf = (line: BookLine, { width, taskWidth, wraps }: LogWindow): readonly string[] => {
  const room = width - TIME - writerWidth(line, taskWidth);
  if (!wraps || room < MIN_TEXT || line.text.length * 2 <= room) return [line.text];
  const known = measured.get(line);
  if (known?.width === room) return known.parts;
  const parts = textWidth(line.text) <= room ? [line.text] : splitText(line.text, room);
  measured.set(line, { width: room, parts });
  return parts;
};

/** Returns how many lines fit on the screen, at least 1, counted from the line at `from` towards the end or the start. */
export const fittingLines = (
  lines: readonly BookLine[],
  window: LogWindow,
  { from, towards }: { readonly from: number; readonly towards: "end" | "start" },
): number => {
  let room = window.rows;
  let count = 0;
  for (let index = from; index >= 0 && index < lines.length; index += towards === "end" ? 1 : -1) {
    const line = lines[index];
    room -= line === undefined ? 1 : partsOf(line, window).length;
    if (room < 0) break;
    count++;
  }
  return Math.max(1, count);
};

/** Returns the index of the first visible line when the end of the log is visible. */
export const lastTop = (state: TopState): number => {
  const lines = logRows(state);
  const window = logWindowOf(state);
  if (window === null || lines.length === 0) return 0;
  return lines.length - fittingLines(lines, window, { from: lines.length - 1, towards: "start" });
};
