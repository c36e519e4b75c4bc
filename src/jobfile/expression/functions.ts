import * as data from "@actions/expressions/data/index";
import { wellKnownFunctions } from "@actions/expressions/funcs";
import type { FunctionDefinition, FunctionInfo } from "@actions/expressions/funcs/info";
import { shorten } from "../../lib/text.ts";
import { isEqual } from "./numbers.ts";
import { readValue, toJson } from "./values.ts";
import { type ExpressionWork, VALUE_WORK } from "./work.ts";

type Call = FunctionDefinition["call"];

/** All functions, by their names in lower case. */
export const FUNCTIONS: ReadonlyMap<string, FunctionInfo> = new Map([
  ...Object.entries(wellKnownFunctions),
  ["fromjson", { ...wellKnownFunctions.fromjson, name: "fromJSON", minArgs: 1, maxArgs: 1 }],
  ["tojson", { ...wellKnownFunctions.tojson, name: "toJSON", minArgs: 1, maxArgs: 1 }],
]);

/** Returns the functions with their work bounded. Those of the library are replaced where that needs it, or where they round. */
export const boundedFunctions = (work: ExpressionWork): Map<string, FunctionDefinition> => {
  const own: { readonly [name: string]: Call } = {
    format: (...args) => format(args, work),
    join: (...args) => join(args, work),
    contains: (...args) => contains(args, work),
    fromjson: (text) => readValue(text?.coerceString() ?? "", work),
    tojson: (value) => toText(value ?? new data.Null(), work),
  };
  return new Map(
    Object.entries(wellKnownFunctions).map(([name, definition]) => [
      name,
      { ...definition, call: own[name] ?? bounded(definition.call, work) },
    ]),
  );
};

/** Counts the texts that a function reads. */
const bounded =
  (call: Call, work: ExpressionWork): Call =>
  (...args) => {
    for (const arg of args) if (arg instanceof data.StringData) work.charge(arg.value.length);
    return call(...args);
  };

/** A part of a format string: an escaped brace, the number of an argument, or a brace that is neither. */
const PLACEHOLDER = /\{\{|\}\}|\{(\d+)[^}]*\}|[{}]/g;

const PART_WORK = 16;

const format = ([text, ...args]: readonly data.ExpressionData[], work: ExpressionWork): data.StringData => {
  const pattern = text?.coerceString() ?? "";
  work.charge(pattern.length);
  const texts = args.map((arg) => arg.coerceString());
  let length = pattern.length;
  for (const [part, index] of pattern.matchAll(PLACEHOLDER)) {
    work.charge(PART_WORK);
    if (part === "{" || part === "}") throw new Error(`The following format string is invalid: ${shorten(pattern)}`);
    if (index === undefined) continue;
    const value = texts[Number(index)];
    if (value === undefined)
      throw new Error(`The following format string references more arguments than were supplied: ${shorten(pattern)}`);
    length += value.length;
    work.chargeText(value.length);
  }
  work.chargeText(length);
  return new data.StringData(
    pattern.replace(PLACEHOLDER, (part, index?: string) =>
      index === undefined ? part.charAt(0) : (texts[Number(index)] ?? ""),
    ),
  );
};

const join = ([list, separator]: readonly data.ExpressionData[], work: ExpressionWork): data.StringData => {
  if (!(list instanceof data.Array)) return new data.StringData(list?.primitive === true ? list.coerceString() : "");
  const between = separator?.primitive === true ? separator.coerceString() : ",";
  const values = list.values();
  work.chargeText(values.length * VALUE_WORK);
  work.chargeText(values.length * between.length);
  const texts = values.map((value) => value.coerceString());
  work.chargeText(texts.reduce((sum, each) => sum + each.length, 0));
  return new data.StringData(texts.join(between));
};

const contains = ([search, item]: readonly data.ExpressionData[], work: ExpressionWork): data.BooleanData => {
  if (search === undefined || item === undefined) return new data.BooleanData(false);
  if (search instanceof data.Array) {
    const isText = item instanceof data.StringData;
    for (const value of search.values()) {
      work.charge(isText && value instanceof data.StringData ? item.value.length + value.value.length : VALUE_WORK);
      if (isEqual(item, value)) return new data.BooleanData(true);
    }
    return new data.BooleanData(false);
  }
  if (!search.primitive || !item.primitive) return new data.BooleanData(false);
  const [text, part] = [search.coerceString(), item.coerceString()];
  work.charge(text.length + part.length);
  // In the worst case, a search compares nearly the whole part at every position, 64 characters at once.
  if (part.length > 64) work.charge((Math.max(0, text.length - part.length) * part.length) / 64);
  return new data.BooleanData(text.toLowerCase().includes(part.toLowerCase()));
};

const toText = (value: data.ExpressionData, work: ExpressionWork): data.StringData => {
  const json = toJson(value, work);
  work.chargeText(indentedLength(value, work, 1));
  const text = JSON.stringify(json, null, 2);
  work.chargeText(text.length);
  return new data.StringData(text);
};

/** Returns about how much the indentation adds to a value as JSON. */
const indentedLength = (value: data.ExpressionData, work: ExpressionWork, level: number): number => {
  if (!(value instanceof data.Array || value instanceof data.Dictionary)) return 0;
  const values = value.values();
  work.charge(values.length);
  return values.reduce((sum, each) => sum + 2 * level + 1 + indentedLength(each, work, level + 1), 0);
};
