/** Removes escape sequences of terminals (ECMA-48) from a text: control sequences and operating system commands. */
export const removeEscapes = (text: string): string => (text.includes("\u001b") ? text.replaceAll(ESCAPES, "") : text);

/** An escape sequence of a terminal. */
export const ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b\n]*(?:\u0007|\u001b\\)?|[@-Z\\-_])/g;

/** Control characters, and characters that change the direction of text. */
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/** Returns untrusted text as one line that is safe on a terminal. Unprintable characters become `\u{1b}`. */
export const escapeUnprintable = (text: string): string =>
  text.replace(UNPRINTABLE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);

/** Shortens a text to `length` UTF-16 code units, the last of which is then `…`. Divides no character. */
export const shorten = (text: string, length = 80): string =>
  text.length > length ? `${text.slice(0, length - 1).replace(/[\ud800-\udbff]$/, "")}…` : text;

/** Returns untrusted text as one line of at most `length` UTF-16 code units that is safe on a terminal. */
export const shortLine = (text: string, length = 200): string =>
  shorten(escapeUnprintable(shorten(text, length)), length);

/** Shortens a text to `length` UTF-16 code units by its middle, for which `…` stands: what matters can be at either end. Divides no character. */
export const shortenMiddle = (text: string, length: number): string => {
  if (text.length <= length) return text;
  const start = Math.ceil((length - 1) / 2);
  const end = text.slice(text.length - (length - 1 - start)).replace(/^[\udc00-\udfff]/, "");
  return `${shorten(text, start + 1)}${end}`;
};

/** Returns a count with its noun: `1 job`, `2 jobs`. */
export const pluralize = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;
