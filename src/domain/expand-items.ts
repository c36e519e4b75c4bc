import { ExactNumber, isJsonMap, isTooDeep, type Json, JsonError, MAX_JSON_DEPTH, parseJson } from "../lib/json.ts";
import { type Item, type ItemSource, MAX_ITEMS } from "./item.ts";
import { whyNotGiven } from "./params/param.ts";
import { itemVariables, toVariable } from "./task-environment.ts";

/** Returns the values of a source, given the text that its template expands to. Throws `InvalidItemsError`. */
export const valuesOf = (source: ItemSource, expand: (text: string) => string): readonly Json[] => {
  switch (source.kind) {
    case "list":
      return source.values.map((value) => expandTexts(value, expand));
    case "range":
      return Array.from({ length: source.to - source.from + 1 }, (_, index) => source.from + index);
    case "template":
      return parseArray(expand(source.text));
    case "matrix":
      return source.combinations;
  }
};

/** The reason why a list of items cannot be used. The message is a sentence without a period. */
export class InvalidItemsError extends Error {
  override readonly name = "InvalidItemsError";
  /** Position of the item that is wrong, from 0; null if it is the list as a whole. */
  readonly index: number | null;

  constructor(message: string, index: number | null = null) {
    super(message);
    this.index = index;
  }
}

/** Maximum length of a JSON array that a template yields, in characters. */
const MAX_ITEMS_LENGTH = 4_194_304;

const parseArray = (text: string): readonly Json[] => {
  const shown = JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
  let value: Json;
  if (text.length > MAX_ITEMS_LENGTH)
    throw new InvalidItemsError(
      `foreach yielded ${text.length} characters; expected a JSON array of at most ${MAX_ITEMS_LENGTH} characters`,
    );
  try {
    value = parseJson(text);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw new InvalidItemsError(`foreach yielded ${shown}, which ${error.message}; expected a JSON array`);
  }
  if (!Array.isArray(value)) throw new InvalidItemsError(`foreach yielded ${shown}; expected a JSON array`);
  return value;
};

/** Expands the templates in all texts of a value. */
const expandTexts = (value: Json, expand: (text: string) => string): Json => {
  if (typeof value === "string") return expand(value);
  if (Array.isArray(value)) return value.map((each) => expandTexts(each, expand));
  if (typeof value === "object" && value !== null && !(value instanceof ExactNumber))
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, expandTexts(each, expand)]));
  return value;
};

type ToItemsOptions = {
  readonly isMatrix: boolean;
  /** Returns the key that the declaration gives to an item. */
  readonly keyOf?: (item: Item) => string;
};

/**
 * Returns the items of a list of values. Throws `InvalidItemsError` for too many items, for a key that is repeated or
 * unusable, and for a value that fits in no variable.
 */
export const toItems = (values: readonly Json[], { isMatrix, keyOf }: ToItemsOptions): readonly Item[] => {
  if (values.length > MAX_ITEMS)
    throw new InvalidItemsError(`there are ${values.length} items; expected at most ${MAX_ITEMS}`);
  const indexes = new Map<string, number>();
  return values.map((value, index) => {
    if (isTooDeep(value))
      throw new InvalidItemsError(`item ${index} is nested more than ${MAX_JSON_DEPTH} levels deep`, index);
    const plain = isMatrix ? matrixKey(value) : scalarKey(value, index);
    const key = keyOf === undefined ? plain : keyOf({ index, key: plain, value });
    if (!isKey(key, 128))
      throw new InvalidItemsError(
        `item ${index} has the key ${JSON.stringify(key)}; expected 1 to 128 printable characters`,
        index,
      );
    const earlier = indexes.get(key);
    if (earlier !== undefined)
      throw new InvalidItemsError(
        `items ${earlier} and ${index} have the same key '${key}'; expected unique keys`,
        index,
      );
    indexes.set(key, index);
    const item = { index, key, value };
    const clash = variableClash(value);
    if (clash !== null)
      throw new InvalidItemsError(
        `item ${index} has the fields '${clash[0]}' and '${clash[1]}', which have the same variable`,
        index,
      );
    for (const [name, text] of Object.entries(itemVariables(item, isMatrix))) {
      const problem = whyNotGiven(name, text);
      if (problem !== null) throw new InvalidItemsError(`item ${index} ${problem}`, index);
    }
    return item;
  });
};

/** Returns two fields of an item that have the same variable, or null. */
const variableClash = (value: Json): readonly [string, string] | null => {
  const fields = new Map<string, string>();
  if (!isJsonMap(value)) return null;
  for (const field of Object.keys(value)) {
    const earlier = fields.get(toVariable(field));
    if (earlier !== undefined) return [earlier, field];
    fields.set(toVariable(field), field);
  }
  return null;
};

/** Returns the key of an item that has no declared key: the scalar itself if it is short and printable, otherwise the index. */
const scalarKey = (value: Json, index: number): string => {
  const text = typeof value === "object" && !(value instanceof ExactNumber) ? "" : String(value);
  return isKey(text, 64) ? text : String(index);
};

/** Returns the values of a combination, separated by commas. */
const matrixKey = (value: Json): string =>
  isJsonMap(value)
    ? Object.values(value)
        .map((each) => (typeof each === "string" ? each : JSON.stringify(each)))
        .join(",")
    : "";

const isKey = (text: string, maxLength: number): boolean =>
  text.length <= maxLength && /^[^\p{C}\p{Zl}\p{Zp}]+$/u.test(text);
