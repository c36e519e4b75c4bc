import { ESCAPES } from "../../lib/text.ts";
import { type ByteRange, ByteSearch, union } from "./byte-search.ts";
import { ESCAPE_MARKS, escapedForms } from "./escaped-forms.ts";

/** What a secret is replaced by. */
const REPLACEMENT = "***";

/** Shorter texts are not masked: they would hide much that is no secret. In characters. */
export const MIN_MASKED_LENGTH = 4;

/** Hides secrets in what a task prints. */
export type Mask = {
  /** True if it hides everything, because the secrets are not known. */
  readonly hidesAll: boolean;
  /** Length of the longest text that is searched for, in bytes. */
  readonly maxBytes: number;
  /** Replaces the secrets in bytes that begin and end outside of secrets. */
  bytes(bytes: Uint8Array): Uint8Array;
  /** As `bytes`, for an output that may end inside a secret: also replaces the beginning of a secret at its end. */
  lastBytes(bytes: Uint8Array): Uint8Array;
  text(text: string): string;
  /**
   * Returns the last position up to `at` that is inside neither a secret nor the beginning of what may become one when more
   * bytes follow.
   */
  boundary(bytes: Uint8Array, at: number): number;
};

/**
 * Returns a mask for these secrets, or null if none of them can be masked. Each line of a secret is masked on its own, also as it is
 * written in JSON and in URLs.
 */
export const maskOf = (secrets: Iterable<string>): Mask | null => {
  const texts = new Set([...secrets].flatMap(linesOf));
  if (texts.size === 0) return null;
  const escaped = new Set([...texts].flatMap(escapedForms));
  return new SecretMask(toBytes(texts), toBytes(escaped));
};

const toBytes = (texts: ReadonlySet<string>): readonly Uint8Array[] => [...texts].map((text) => Buffer.from(text));

/** Returns whether a secret is so short that no part of it is masked. */
export const isTooShort = (secret: string): boolean => linesOf(secret).length === 0;

/** Returns the lines of a secret that are long enough, as they are and without white space around them. */
const linesOf = (secret: string): readonly string[] =>
  secret
    .split(/[\r\n]+/)
    .flatMap((line) => [line, line.trim()])
    .filter((line) => [...line].length >= MIN_MASKED_LENGTH);

class SecretMask implements Mask {
  readonly hidesAll = false;
  readonly maxBytes: number;
  readonly #patterns: readonly Uint8Array[];
  readonly #plain: ByteSearch;
  /** Searched for only where `#marks` are: most output has none. */
  readonly #escaped: ByteSearch | null;
  /** Each escaped pattern contains one of these bytes. */
  readonly #marks: readonly number[];

  constructor(plain: readonly Uint8Array[], escaped: readonly Uint8Array[]) {
    this.#patterns = [...plain, ...escaped];
    this.#plain = new ByteSearch(plain);
    this.#escaped = escaped.length === 0 ? null : new ByteSearch(escaped);
    const marks = escaped.map((pattern) => ESCAPE_MARKS.find((mark) => pattern.includes(mark)));
    this.#marks = [...new Set(marks)].filter((mark) => mark !== undefined);
    this.maxBytes = this.#patterns.reduce((max, { length }) => Math.max(max, length), 0);
  }

  bytes(bytes: Uint8Array): Uint8Array {
    const ranges = this.#find(bytes);
    if (ranges.length === 0) return bytes;
    const parts: Uint8Array[] = [];
    let at = 0;
    for (const { from, to } of ranges) {
      parts.push(bytes.subarray(at, from), REPLACEMENT_BYTES);
      at = to;
    }
    return Buffer.concat([...parts, bytes.subarray(at)]);
  }

  lastBytes(bytes: Uint8Array): Uint8Array {
    const open = this.#openLength(bytes);
    if (open < MIN_MASKED_LENGTH) return this.bytes(bytes);
    const from = this.boundary(bytes, bytes.length);
    return Buffer.concat([this.bytes(bytes.subarray(0, from)), REPLACEMENT_BYTES]);
  }

  text(text: string): string {
    const bytes = Buffer.from(text);
    const masked = this.bytes(bytes);
    return masked === bytes ? text : Buffer.from(masked).toString();
  }

  boundary(bytes: Uint8Array, at: number): number {
    const position = Math.min(at, bytes.length - this.#openLength(bytes));
    const inside = this.#find(bytes).find(({ from, to }) => from < position && position < to);
    return inside?.from ?? position;
  }

  /** Finds the secrets, also those with escape sequences of a terminal inside: who shows the text without these must not show a secret. */
  #find(bytes: Uint8Array): readonly ByteRange[] {
    const found = this.#findAsWritten(bytes);
    if (!bytes.includes(ESCAPE)) return found;
    const { shown, positionOf } = withoutEscapes(bytes);
    const across = this.#findAsWritten(shown).map(({ from, to }) => ({
      from: positionOf(from),
      to: positionOf(to - 1) + 1,
    }));
    return union(found, across);
  }

  #findAsWritten(bytes: Uint8Array): readonly ByteRange[] {
    const plain = this.#plain.find(bytes);
    if (this.#escaped === null || !this.#marks.some((mark) => bytes.includes(mark))) return plain;
    return union(plain, this.#escaped.find(bytes));
  }

  /** Returns how many of the last bytes are the beginning of a secret. */
  #openLength(bytes: Uint8Array): number {
    const asWritten = this.#openLengthAsWritten(bytes);
    if (!bytes.includes(ESCAPE)) return asWritten;
    const { shown, positionOf } = withoutEscapes(bytes);
    const across = this.#openLengthAsWritten(shown);
    return Math.max(asWritten, across === 0 ? 0 : bytes.length - positionOf(shown.length - across));
  }

  #openLengthAsWritten(bytes: Uint8Array): number {
    for (let from = Math.max(0, bytes.length - this.maxBytes + 1); from < bytes.length; from++) {
      const end = bytes.subarray(from);
      const isBeginning = (pattern: Uint8Array): boolean =>
        pattern[0] === end[0] &&
        pattern.length > end.length &&
        Buffer.compare(pattern.subarray(0, end.length), end) === 0;
      if (this.#patterns.some(isBeginning)) return end.length;
    }
    return 0;
  }
}

const REPLACEMENT_BYTES = Buffer.from(REPLACEMENT);

const ESCAPE = 0x1b;

/** Returns bytes without escape sequences, and a function that returns where one of them was. */
const withoutEscapes = (
  bytes: Uint8Array,
): { readonly shown: Uint8Array; readonly positionOf: (index: number) => number } => {
  const parts: { readonly at: number; readonly from: number; readonly to: number }[] = [];
  let [at, from] = [0, 0];
  const keepUntil = (to: number): void => {
    if (to === from) return;
    parts.push({ at, from, to });
    at += to - from;
  };
  // Latin 1 has a character for each byte.
  for (const { index, 0: sequence } of Buffer.from(bytes).toString("latin1").matchAll(ESCAPES)) {
    keepUntil(index);
    from = index + sequence.length;
  }
  keepUntil(bytes.length);
  return {
    shown: Buffer.concat(parts.map((part) => bytes.subarray(part.from, part.to))),
    positionOf: (index) => {
      let [low, high] = [0, parts.length - 1];
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if ((parts[middle]?.at ?? 0) <= index) low = middle;
        else high = middle - 1;
      }
      const part = parts[low];
      return part === undefined ? 0 : part.from + index - part.at;
    },
  };
};

const NEWLINE = 10;

/** Hides every line, because the secrets are not known. The first line is replaced by the reason. */
export class TotalMask implements Mask {
  readonly hidesAll = true;
  readonly maxBytes = 0;
  readonly #reason: string;
  #isExplained = false;

  constructor(reason: string) {
    this.#reason = reason;
  }

  bytes(bytes: Uint8Array): Uint8Array {
    const isEnded = bytes.at(-1) === NEWLINE;
    const count = bytes.reduce((lines, byte) => lines + (byte === NEWLINE ? 1 : 0), isEnded ? 0 : 1);
    const lines = new Array<string>(count).fill(REPLACEMENT);
    if (!this.#isExplained) lines[0] = `[petit: the output from here on is hidden: ${this.#reason}]`;
    this.#isExplained = true;
    return Buffer.from(lines.join("\n") + (isEnded ? "\n" : ""));
  }

  lastBytes(bytes: Uint8Array): Uint8Array {
    return this.bytes(bytes);
  }

  text(): string {
    return REPLACEMENT;
  }

  boundary(_bytes: Uint8Array, at: number): number {
    return at;
  }
}
