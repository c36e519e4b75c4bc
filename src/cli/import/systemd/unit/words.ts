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
 * is not known stays as it is. Escapes of bytes, such as `\303\251`, are UTF-8. Returns what is wrong if a quote is not closed, or bytes are
 * no text.
 */
export const splitWords = (text: string): readonly string[] | Problem => {
  const lists = readWords(text, { hasCommands: false });
  return "problem" in lists ? lists : lists.flat();
};

/** Splits a value into commands of words: a word `;` without quotes ends a command, and a word `\;` is a semicolon. */
export const splitCommands = (text: string): readonly (readonly string[])[] | Problem =>
  readWords(text, { hasCommands: true });

type Problem = { readonly problem: string };

const readWords = (
  text: string,
  { hasCommands }: { readonly hasCommands: boolean },
): readonly (readonly string[])[] | Problem => {
  const commands: string[][] = [];
  let words: string[] = [];
  let word: string | null = null;
  let quote: string | null = null;
  for (let at = 0; at < text.length; at++) {
    const character = text[at] ?? "";
    const semicolon =
      hasCommands && word === null && quote === null ? /^\\?;(?=\s|$)/.exec(text.slice(at, at + 3))?.[0] : undefined;
    if (semicolon === ";") {
      commands.push(words);
      words = [];
    } else if (semicolon !== undefined) {
      words.push(";");
      at++;
    } else if (character === "\\" && at + 1 < text.length) {
      const { value, length } = readEscape(text.slice(at));
      if (value === null) return { problem: `${text.slice(at, at + length)} is no text in UTF-8` };
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
  if (quote !== null) return { problem: "a quote is not closed" };
  return [...commands, word === null ? words : [...words, word]];
};

/** Reads the escape at the start of a text, or the escapes of successive bytes. The value is null if they are no text. */
const readEscape = (text: string): { readonly value: string | null; readonly length: number } => {
  const bytes = /^(?:\\x[0-9a-fA-F]{2}|\\[0-3][0-7]{2})+/.exec(text)?.[0];
  if (bytes !== undefined) return { value: textOfBytes(bytes), length: bytes.length };
  const [all, short, long] = /^\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/.exec(text) ?? [];
  if (all !== undefined) return { value: codePoint(Number.parseInt(short ?? long ?? "", 16)), length: all.length };
  const next = text[1] ?? "";
  return { value: Object.hasOwn(ESCAPES, next) ? (ESCAPES[next] ?? "") : `\\${next}`, length: 2 };
};

/** Decodes bytes such as `\xc3\251`. Returns null if they are not UTF-8, or one is NUL. */
const textOfBytes = (escapes: string): string | null => {
  const bytes = (escapes.match(/\\[^\\]+/g) ?? []).map((each) =>
    each.startsWith("\\x") ? Number.parseInt(each.slice(2), 16) : Number.parseInt(each.slice(1), 8),
  );
  if (bytes.includes(0)) return null;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes));
  } catch {
    return null;
  }
};

const codePoint = (code: number): string => (code <= 0x10ffff ? String.fromCodePoint(code) : "\uFFFD");

/** Splits the value of a variable as systemd does for a word `$NAME`: quotes count, and a backslash keeps the next character. */
export const splitValue = (value: string): readonly string[] => {
  const words: string[] = [];
  let word: string | null = null;
  let quote: string | null = null;
  for (let at = 0; at < value.length; at++) {
    const character = value[at] ?? "";
    if (character === "\\") word = (word ?? "") + (value[++at] ?? "");
    else if (character === quote) quote = null;
    else if (quote === null && /["']/.test(character)) {
      quote = character;
      word ??= "";
    } else if (quote === null && /\s/.test(character)) {
      if (word !== null) words.push(word);
      word = null;
    } else word = (word ?? "") + character;
  }
  return word === null ? words : [...words, word];
};
