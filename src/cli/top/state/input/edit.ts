import type { KeyPress } from "../message.ts";

/** Maximum length of what can be typed. */
export const MAX_TEXT = 200;

/** Returns a text after a key at its end. Keys that are not characters change nothing. */
export const typeText = (text: string, key: KeyPress): string => {
  if (key === "backspace") return [...text].slice(0, -1).join("");
  if (key === "ctrl-u") return "";
  if (key === "ctrl-w") return text.trimEnd().replace(/\S+$/, "");
  return isCharacter(key) && text.length < MAX_TEXT ? text + key : text;
};

/** Names of special keys have several letters. */
const isCharacter = (key: KeyPress): boolean => [...key].length === 1 && !/\p{Cc}/u.test(key);
