/** Any JSON value. */
export type Json = null | boolean | number | ExactNumber | string | readonly Json[] | { readonly [key: string]: Json };

/** How deep a value may be nested that comes from outside. SQLite accepts 1000 levels. */
export const MAX_JSON_DEPTH = 100;

/** How many names the maps of a value from outside may have together. To read and to search more of them takes longer than 50 ms. */
export const MAX_JSON_NAMES = 50_000;

/** A number of a JSON text that no JavaScript number has, such as a 64-bit id. `JSON.stringify` writes it as it was written. */
export class ExactNumber {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }

  toJSON(): unknown {
    return rawJson(this.source);
  }

  toString(): string {
    return this.source;
  }
}

const rawJson = (source: string): unknown => {
  const { rawJSON } = JSON as { readonly rawJSON?: (text: string) => unknown };
  return rawJSON === undefined ? Number(source) : rawJSON(source);
};

/** The reason why a text is no JSON that petit takes, to complete a sentence: `the text …`. */
export class JsonError extends Error {
  override readonly name = "JsonError";
}

/** Parses a JSON text from outside, without rounding numbers. Throws JsonError if it is not JSON, nested too deep, or has too many names. */
export const parseJson = (text: string): Json => {
  const { depth, names, mayBeRounded } = scan(text);
  if (depth > MAX_JSON_DEPTH) throw new JsonError(`is nested more than ${MAX_JSON_DEPTH} levels deep`);
  if (names > MAX_JSON_NAMES) throw new JsonError(`has more than ${MAX_JSON_NAMES} names`);
  try {
    const value = parseText(text, mayBeRounded);
    if (typeof value === "object" && value !== null) texts.set(value, text);
    return value;
  } catch (cause) {
    throw new JsonError("is not JSON", { cause });
  }
};

/** Parses a JSON text that petit itself has written, without rounding numbers. Throws a SyntaxError if it is not JSON. */
export const parseExactly = (text: string): Json =>
  parseText(text, MAY_BE_ROUNDED.test(text) && scan(text).mayBeRounded);

const parseText = (text: string, mayBeRounded: boolean): Json =>
  JSON.parse(text, mayBeRounded ? keepExact : undefined) as Json;

/** The texts of values that `parseJson` has returned. */
const texts = new WeakMap<object, string>();

/** Returns a value as JSON: one that `parseJson` has returned as the text that it had, which takes no time. */
export const toJson = (value: Json): string =>
  (typeof value === "object" && value !== null ? texts.get(value) : undefined) ?? JSON.stringify(value);

/** Matches every text with a number that may not fit a JavaScript number, and others: a string may have the hash of a commit. */
const MAY_BE_ROUNDED = /[\d.]{16}|\d[eE]/;

/** Digits that every JavaScript number keeps, with the point. */
const KEPT_DIGITS = 15;

const keepExact = (_key: string, value: unknown, context?: { readonly source?: string }): unknown =>
  typeof value === "number" && context?.source !== undefined && !isKept(context.source)
    ? new ExactNumber(context.source)
    : value;

/** Returns whether a JavaScript number has exactly the value of a decimal number. */
export const isKept = (source: string): boolean => {
  if (hasTooManyDigits(source)) return false;
  const kept = decimalOf(String(Number(source)));
  return kept !== null && compareDecimals(kept, decimalOf(source)) === 0;
};

/** Returns whether a decimal number certainly has more digits than the shortest text of a JavaScript number, which has at most 17. */
const hasTooManyDigits = (source: string): boolean => {
  let count = 0;
  let zeros = 0;
  for (let at = 0; at < source.length; at++) {
    const code = source.charCodeAt(at);
    if (code === 0x65 || code === 0x45) break;
    if (code === 0x30) zeros++;
    else if (code > 0x30 && code <= 0x39) {
      count = count === 0 ? 1 : count + zeros + 1;
      zeros = 0;
      if (count > 17) return true;
    }
  }
  return false;
};

/** A decimal number: `digits` × 10^`exponent`, without zeros at either end of the digits. Of 0 there are no digits. */
export type Decimal = { readonly isNegative: boolean; readonly digits: string; readonly exponent: number };

/** Returns the value of a decimal number as in JSON, or null if the text is none. */
export const decimalOf = (text: string): Decimal | null => {
  const [, sign, whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  if (sign === undefined) return null;
  const all = `${whole}${fraction}`;
  let start = 0;
  while (all[start] === "0") start++;
  let end = all.length;
  while (end > start && all[end - 1] === "0") end--;
  const digits = all.slice(start, end);
  if (digits === "") return { isNegative: false, digits, exponent: 0 };
  return { isNegative: sign === "-", digits, exponent: Number(exponent) - fraction.length + (all.length - end) };
};

/** Returns a negative number, 0 or a positive number, as for a sort; NaN if one of them is null. */
export const compareDecimals = (a: Decimal | null, b: Decimal | null): number => {
  if (a === null || b === null) return Number.NaN;
  const sign = signOf(a) - signOf(b);
  if (sign !== 0) return sign;
  const magnitude = compareMagnitudes(a, b);
  return a.isNegative ? -magnitude : magnitude;
};

const signOf = ({ digits, isNegative }: Decimal): number => {
  if (digits === "") return 0;
  return isNegative ? -1 : 1;
};

const compareMagnitudes = (a: Decimal, b: Decimal): number => {
  const size = a.digits.length + a.exponent - (b.digits.length + b.exponent);
  if (size !== 0) return size;
  const length = Math.max(a.digits.length, b.digits.length);
  const [first, second] = [a.digits.padEnd(length, "0"), b.digits.padEnd(length, "0")];
  if (first === second) return 0;
  return first < second ? -1 : 1;
};

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const POINT = 0x2e;
const COLON = 0x3a;

/**
 * Returns how deep a JSON text is nested, how many names its maps have, and whether one of its numbers may not fit a JavaScript number. It stops as soon as the text is
 * nested too deep.
 */
const scan = (text: string): { readonly depth: number; readonly names: number; readonly mayBeRounded: boolean } => {
  let depth = 0;
  let deepest = 0;
  let names = 0;
  let digits = 0;
  let mayBeRounded = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if ((code >= 0x30 && code <= 0x39) || code === POINT) {
      digits++;
      mayBeRounded ||= digits > KEPT_DIGITS;
      continue;
    }
    mayBeRounded ||= digits > 0 && (code | 0x20) === 0x65;
    digits = 0;
    if (code === QUOTE) at = endOfString(text, at);
    else if (code === COLON) names++;
    else if (code === 0x5b || code === 0x7b) {
      depth++;
      if (depth > deepest) deepest = depth;
      if (deepest > MAX_JSON_DEPTH) break;
    } else if (code === 0x5d || code === 0x7d) depth--;
  }
  return { depth: deepest, names, mayBeRounded };
};

/** Returns the position of the quote that ends the string which begins at `start`, or the end of the text. */
const endOfString = (text: string, start: number): number => {
  let end = start;
  for (;;) {
    end = text.indexOf('"', end + 1);
    if (end === -1) return text.length;
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return end;
  }
};

/** Returns whether a value is nested deeper than a value from outside may be. */
export const isTooDeep = (value: Json, levels = MAX_JSON_DEPTH): boolean => {
  if (typeof value !== "object" || value === null || value instanceof ExactNumber) return false;
  return levels === 0 || Object.values(value).some((each) => isTooDeep(each, levels - 1));
};

/** Returns whether a value is a map, as opposed to a list or a scalar. */
export const isJsonMap = (value: Json | undefined): value is { readonly [key: string]: Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber);
