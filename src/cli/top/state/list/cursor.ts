import { activeList, type Cursor, type ListId, type TopState } from "../state.ts";
import { isTooSmall, layoutOf } from "./layout.ts";
import { keysOf, logRows } from "./lists.ts";
import { fittingLines, lastTop, logWindowOf } from "./log-window.ts";

const START: Cursor = { key: null, index: 0, top: 0 };

export const cursorOf = ({ cursors }: TopState, list: ListId): Cursor => cursors[list] ?? START;

/** Keeps each cursor on its item, and the item on the screen. */
export const settle = (state: TopState): TopState => {
  if (isTooSmall(state)) return state;
  const cursors = { ...state.cursors };
  for (const { list, height } of layoutOf(state).panes) {
    const rows = Math.max(1, height - 1);
    cursors[list] = list === "log" ? settledLog(state) : settled(cursorOf(state, list), keysOf(state, list), rows);
  }
  return { ...state, cursors };
};

const settled = (cursor: Cursor, keys: readonly string[], rows: number): Cursor => {
  // The list may not be loaded yet.
  if (keys.length === 0) return { ...cursor, index: 0, top: 0 };
  const found = cursor.key === null ? 0 : keys[cursor.index] === cursor.key ? cursor.index : keys.indexOf(cursor.key);
  // If the item is gone, the one in its place is selected.
  const index = clamp(found === -1 ? cursor.index : found, keys.length - 1);
  return {
    key: cursor.key === null ? null : (keys[index] ?? null),
    index,
    top: visibleTop({ top: cursor.top, index, rows, count: keys.length }),
  };
};

type Window = { readonly top: number; readonly index: number; readonly rows: number; readonly count: number };

const visibleTop = ({ top, index, rows, count }: Window): number =>
  clamp(Math.max(index - rows + 1, Math.min(top, index)), count - rows);

/** A log has no selected line: the cursor is on its first visible line. */
const settledLog = (state: TopState): Cursor => {
  const lines = logRows(state);
  const last = lastTop(state);
  if (state.log?.follows !== false) return { key: null, index: last, top: last };
  const { key, top } = cursorOf(state, "log");
  const at = String(lines[top]?.seq) === key ? top : lines.findIndex(({ seq }) => seq >= Number(key));
  const index = clamp(at === -1 ? last : at, last);
  return { key, index, top: index };
};

/** Moves the cursor of the active list by a number of items. */
export const moved = (state: TopState, by: number): TopState =>
  activeList(state) === "log" ? scrolled(state, by) : movedIn(state, activeList(state), by);

/** Moves the cursor of a list by a number of items. */
export const movedIn = (state: TopState, list: ListId, by: number): TopState =>
  selected(state, list, cursorOf(state, list).index + by);

/** Selects an item of a list by its index. */
export const selected = (state: TopState, list: ListId, index: number): TopState => {
  const keys = keysOf(state, list);
  const to = clamp(index, keys.length - 1);
  const cursor = { ...cursorOf(state, list), index: to, key: keys[to] ?? null };
  return { ...state, cursors: { ...state.cursors, [list]: cursor } };
};

/** Scrolls the log by a number of lines. At its end, it follows again. */
export const scrolled = (state: TopState, by: number): TopState => {
  if (state.log === null) return state;
  const last = lastTop(state);
  const top = clamp(cursorOf(state, "log").top + by, last);
  const cursor = { key: String(logRows(state)[top]?.seq), index: top, top };
  return { ...state, log: { ...state.log, follows: top === last }, cursors: { ...state.cursors, log: cursor } };
};

/** Scrolls the log by a page, so that no line is left out. */
export const pageScrolled = (state: TopState, towards: "end" | "start"): TopState => {
  const window = logWindowOf(state);
  if (window === null) return state;
  const { top } = cursorOf(state, "log");
  const from = towards === "end" ? top : top - 1;
  const count = fittingLines(logRows(state), window, { from, towards });
  return scrolled(state, towards === "end" ? count : -count);
};

/** Returns the number of rows of a list on the screen. */
export const pageOf = (state: TopState, list: ListId): number =>
  Math.max(1, (layoutOf(state).panes.find((pane) => pane.list === list)?.height ?? 2) - 1);

const clamp = (value: number, max: number): number => Math.max(0, Math.min(value, max));
