import { DURATION_FORM, formatDuration, parseDuration } from "../../lib/duration.ts";
import { formatSize, parseSize, SIZE_FORM } from "../../lib/size.ts";
import { shorten } from "../../lib/text.ts";
import { nearest } from "../hints.ts";
import { describe, isEmpty, type Node } from "../parse/node.ts";
import type { Place } from "../place.ts";
import type {
  ChoiceType,
  DurationType,
  IntegerType,
  NumberType,
  SecondsType,
  SizeType,
  TextType,
} from "../schema/field.ts";

const wrongKind = (node: Node, place: Place, expected: string): undefined =>
  place.refuse(node, `${isEmpty(node) ? "is empty" : `is ${describe(node)}`}; expected ${expected}`);

/** Reads a text. Returns an invalid text too (after reporting it), because other fields may refer to it. */
export const readText = (node: Node, type: TextType, place: Place): string | undefined => {
  const text = textOf(node, type, place);
  const problem = text === undefined ? null : whyUnfit(text, type);
  if (problem !== null) place.refuse(node, problem);
  return text;
};

const textOf = (node: Node, type: TextType, place: Place): string | undefined => {
  if (node.kind !== "scalar" || node.value === null) return wrongKind(node, place, type.form);
  if (typeof node.value === "string") return node.value;
  if (!type.scalars) wrongKind(node, place, `${type.form}; put it in quotes: "${node.source}"`);
  return node.source;
};

const whyUnfit = (text: string, type: TextType): string | null => {
  if (text.trim() === "" && !type.empty) return `is an empty text; expected ${type.form}`;
  const forbidden = FORBIDDEN[type.characters ?? "prose"].exec(text)?.[0];
  if (forbidden !== undefined)
    return `contains the character ${codePoint(forbidden)}; expected ${type.form}${type.pattern === undefined ? " without it" : ""}`;
  if (!text.isWellFormed()) return `contains an unpaired surrogate; expected ${type.form}`;
  if (type.maxLength !== undefined && text.length > type.maxLength) {
    return `has ${text.length} characters; expected at most ${type.maxLength}`;
  }
  if (type.pattern !== undefined && !patternOf(type.pattern).test(text))
    return `'${shorten(text)}' is not ${type.form}`;
  return null;
};

/** Control characters and bidirectional overrides; both can make a displayed name misleading. */
const FORBIDDEN = {
  name: /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u,
  prose: /[^\P{Cc}\t\n\r]/u,
  argument: /\0/,
  data: /(?!)/,
} as const satisfies Record<NonNullable<TextType["characters"]>, RegExp>;

const codePoint = (character: string): string =>
  `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;

const patterns = new Map<string, RegExp>();

const patternOf = (source: string): RegExp => {
  const pattern = patterns.get(source) ?? new RegExp(source, "u");
  patterns.set(source, pattern);
  return pattern;
};

export const readBoolean = (node: Node, place: Place): boolean | undefined => {
  if (node.kind === "scalar" && typeof node.value === "boolean") return node.value;
  return wrongKind(node, place, "true or false");
};

export const readInteger = (node: Node, type: IntegerType, place: Place): number | string | undefined => {
  if (type.word !== undefined && node.kind === "scalar" && node.value === type.word) return type.word;
  const expected = `a whole number from ${type.min} to ${type.max}${type.word === undefined ? "" : ` or '${type.word}'`}`;
  if (node.kind !== "scalar" || typeof node.value !== "number") return wrongKind(node, place, expected);
  const fits = Number.isInteger(node.value) && node.value >= type.min && node.value <= type.max;
  return fits ? node.value : place.refuse(node, `${node.source} is out of bounds; expected ${expected}`);
};

export const readNumber = (node: Node, { min, max }: NumberType, place: Place): number | undefined => {
  const expected = `a number from ${min} to ${max}`;
  if (node.kind !== "scalar" || typeof node.value !== "number") return wrongKind(node, place, expected);
  const fits = node.value >= min && node.value <= max;
  return fits ? node.value : place.refuse(node, `${node.source} is out of bounds; expected ${expected}`);
};

export const readSize = (node: Node, { minBytes }: SizeType, place: Place): number | undefined => {
  if (node.kind !== "scalar" || (typeof node.value !== "string" && typeof node.value !== "number"))
    return wrongKind(node, place, SIZE_FORM);
  const bytes = parseSize(String(node.value));
  if (bytes === null)
    return place.refuse(node, `'${shorten(String(node.value))}' is not a size; expected ${SIZE_FORM}`);
  if (bytes >= minBytes) return bytes;
  return place.refuse(node, `'${node.value}' is too small; expected at least ${formatSize(minBytes)}`);
};

/** 100 years. A longer duration is a mistake and exceeds the range of date arithmetic. */
const MAX_MS = 36_525 * 86_400_000;

export const readSeconds = (node: Node, type: SecondsType, place: Place): number | undefined => {
  const expected = `a number of seconds${type.minMs > 0 ? ", more than 0" : ""}, at most ${MAX_MS / 1000}`;
  if (node.kind !== "scalar" || typeof node.value !== "number") return wrongKind(node, place, expected);
  const ms = Math.round(node.value * 1000);
  return ms >= type.minMs && ms <= MAX_MS
    ? ms
    : place.refuse(node, `${node.source} is out of bounds; expected ${expected}`);
};

export const readDuration = (node: Node, type: DurationType, place: Place): number | undefined => {
  if (node.kind === "scalar" && typeof node.value === "number") {
    return place.refuse(node, `${node.source} has no unit; expected ${DURATION_FORM}`);
  }
  if (node.kind !== "scalar" || typeof node.value !== "string") return wrongKind(node, place, DURATION_FORM);
  const ms = parseDuration(node.value);
  if (ms === null) return place.refuse(node, `'${shorten(node.value)}' is not a duration; expected ${DURATION_FORM}`);
  if (ms < type.minMs) return place.refuse(node, `'${node.value}' is too short; expected ${shortest(type)}`);
  return ms <= MAX_MS ? ms : place.refuse(node, `'${node.value}' is too long; expected at most 100 years`);
};

const shortest = ({ minMs }: DurationType): string =>
  minMs <= 1 ? "more than 0" : `at least ${formatDuration(minMs)}`;

/** Reads one of several words. Reports a misspelt word, then returns the word that was probably meant. */
export const readChoice = (node: Node, type: ChoiceType, place: Place): string | undefined => {
  const expected = `one of ${type.values.join(", ")}`;
  if (node.kind !== "scalar" || typeof node.value !== "string") return wrongKind(node, place, expected);
  const value = own(type.aliases, node.value) ?? node.value;
  if (type.values.includes(value)) return value;
  const refused = own(type.refused, node.value);
  if (refused !== undefined) return place.refuse(node, refused);
  const near = nearest(node.value, type.values);
  place.refuse(
    node,
    `'${shorten(node.value)}' is not known; ${near === null ? "" : `did you mean '${near}'? `}expected ${expected}`,
  );
  return near ?? undefined;
};

const own = (record: { readonly [key: string]: string } | undefined, key: string): string | undefined =>
  record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;
