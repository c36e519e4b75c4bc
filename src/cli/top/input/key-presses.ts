import type { Key } from "ink";
import type { KeyPress } from "../state/message.ts";

const SPECIAL = {
  upArrow: "up",
  downArrow: "down",
  leftArrow: "left",
  rightArrow: "right",
  pageUp: "page-up",
  pageDown: "page-down",
  home: "home",
  end: "end",
  return: "enter",
  escape: "escape",
  backspace: "backspace",
  delete: "backspace",
} as const satisfies Partial<Record<keyof Key, KeyPress>>;

/** Returns the keys of an input of ink. Keys that are pressed quickly, or repeat, arrive together. */
export const keyPresses = (input: string, key: Key): readonly KeyPress[] => {
  // A terminal sends Esc before a key with Alt. No such key has a meaning here, so it was Esc and then another key, quickly.
  if (key.meta && key.escape) return ["escape", "escape"];
  if (key.tab) return [key.shift ? "shift-tab" : "tab"];
  for (const [name, press] of Object.entries(SPECIAL)) if (key[name as keyof typeof SPECIAL]) return [press];
  if (key.ctrl) return [`ctrl-${input}`];
  const characters = [...input].map((character) => (character === "\r" || character === "\n" ? "enter" : character));
  return key.meta ? ["escape", ...characters] : characters;
};
