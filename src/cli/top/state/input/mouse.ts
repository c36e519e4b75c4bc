import { cursorOf, moved, movedIn, scrolled, selected } from "../list/cursor.ts";
import { isPanel, type Pane, paneAt } from "../list/layout.ts";
import { keysOf } from "../list/lists.ts";
import { tabAt } from "../list/tabs.ts";
import { type MouseEvent, type Step, unchanged } from "../message.ts";
import { activeList, type TopState } from "../state.ts";
import { focus, open } from "./keys.ts";

/** Lines per step of the wheel. */
const WHEEL = 3;

/** Returns the state after a click or a step of the wheel. Dialogs take keys only. */
export const handleMouse = (state: TopState, { kind, x, y }: MouseEvent, isDouble: boolean): Step => {
  const pane = paneAt(state, x, y);
  if (state.overlay !== null || pane === null) return unchanged(state);
  if (kind !== "press") return { state: turned(state, pane, kind === "wheel-up" ? -WHEEL : WHEEL), effects: [] };
  return { state: clicked(state, pane, { x, y, isDouble }), effects: [] };
};

const turned = (state: TopState, { list }: Pane, by: number): TopState => {
  if (list === "log") return scrolled(state, by);
  return list === activeList(state) ? moved(state, by) : movedIn(state, list, by);
};

type Click = { readonly x: number; readonly y: number; readonly isDouble: boolean };

/** A click selects, a double click opens. */
const clicked = (state: TopState, pane: Pane, { x, y, isDouble }: Click): TopState => {
  const focused = isPanel(pane.list) ? focus({ ...state, typing: null }, pane.list) : state;
  if (y === pane.y) {
    const tab = tabAt(state, pane, x);
    return tab === null ? focused : focus(state, tab);
  }
  if (pane.list === "log") return focused;
  const index = cursorOf(state, pane.list).top + y - pane.y - 1;
  if (index >= keysOf(state, pane.list).length) return focused;
  const chosen = selected(focused, pane.list, index);
  return isDouble ? open(chosen) : chosen;
};
