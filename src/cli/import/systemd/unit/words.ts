const ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  s: " ",
  "\\": "\\",
  '"': '"',
  "'": "'",
};

/**
 * Splits a value into words as systemd does: by white space, with quotes and C escapes. Quotes within a word count, too. An escape that
 * is not known stays as it is. Returns null if a quote is not closed.
 */
export const splitWords = (text: string): readonly string[] | null => {
  const words: string[] = [];
  let word: string | null = null;
  let quote: string | null = null;
  for (let at = 0; at < text.length; at++) {
    const character = text[at] ?? "";
    if (character === "\\" && at + 1 < text.length) {
      const { value, length } = readEscape(text.slice(at));
      word = (word ?? "") + value;
      at += length - 1;
    } else if (quote !== null) {
      if (character === quote) quote = null;
      else word = (word ?? "") + character;
    } else if (character === '"' || character === "'") {
      quote = character;
      word ??= "";
    } else if (/\s/.test(character)) {
      if (word !== null) words.push(word);
      word = null;
    } else word = (word ?? "") + character;
  }
  if (quote !== null) return null;
  return word === null ? words : [...words, word];
};

/** Reads the escape at the start of a text. */
const readEscape = (text: string): { readonly value: string; readonly length: number } => {
  const [all, hex, octal, short, long] =
    /^\\(?:x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/.exec(text) ?? [];
  const digits = hex ?? short ?? long;
  if (all !== undefined)
    return {
      value: codePoint(digits === undefined ? Number.parseInt(octal ?? "", 8) : Number.parseInt(digits, 16)),
      length: all.length,
    };
  const next = text[1] ?? "";
  return { value: Object.hasOwn(ESCAPES, next) ? (ESCAPES[next] ?? "") : `\\${next}`, length: 2 };
};

const codePoint = (code: number): string => (code <= 0x10ffff ? String.fromCodePoint(code) : "\uFFFD");
