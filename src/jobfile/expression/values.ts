import * as data from "@actions/expressions/data/index";
import { wellKnownFunctions } from "@actions/expressions/funcs";
import type { FunctionDefinition } from "@actions/expressions/funcs/info";
import type { Json } from "../../lib/json.ts";

/**
 * A map of an expression. Names that differ only by case are the same name, unless the map has both. The map of
 * `@actions/expressions` can't have the keys of every JavaScript object, such as `constructor`.
 */
class Dictionary extends data.Dictionary {
  readonly #values = new Map<string, data.ExpressionData>();
  readonly #spellings = new Map<string, string>();

  override add(key: string, value: data.ExpressionData): void {
    this.#values.set(key, value);
    const lower = key.toLowerCase();
    if (!this.#spellings.has(lower)) this.#spellings.set(lower, key);
  }

  override get(key: string): data.ExpressionData | undefined {
    return this.#values.get(key) ?? this.#values.get(this.#spellings.get(key.toLowerCase()) ?? key);
  }

  override values(): data.ExpressionData[] {
    return [...this.#values.values()];
  }

  override pairs(): ReturnType<data.Dictionary["pairs"]> {
    return [...this.#values].map(([key, value]) => ({ key, value }));
  }
}

/** Returns the map of these values. */
export const toDictionary = (values: { readonly [key: string]: Json }): data.Dictionary => {
  const dictionary = new Dictionary();
  for (const [key, value] of Object.entries(values)) dictionary.add(key, toData(value));
  return dictionary;
};

const toData = (value: Json): data.ExpressionData => {
  switch (typeof value) {
    case "string":
      return new data.StringData(value);
    case "number":
      return new data.NumberData(value);
    case "boolean":
      return new data.BooleanData(value);
    default:
      if (value === null) return new data.Null();
      return isList(value) ? toList(value) : toDictionary(value);
  }
};

const isList = (value: Json): value is readonly Json[] => Array.isArray(value);

const toList = (values: readonly Json[]): data.Array => {
  const list = new data.Array();
  for (const value of values) list.add(toData(value));
  return list;
};

/** Returns the value as JSON. Numbers that JSON does not have become null. */
export const toJson = (value: data.ExpressionData): Json => {
  if (value instanceof data.Array) return value.values().map(toJson);
  if (value instanceof data.Dictionary)
    return Object.fromEntries(value.pairs().map(({ key, value: each }) => [key, toJson(each)]));
  if (value instanceof data.Null) return null;
  if (value instanceof data.NumberData) return Number.isFinite(value.value) ? value.value : null;
  return value.value;
};

/** Functions that replace those of the library, to use the maps of this file. */
const OWN_FUNCTIONS: { readonly [name: string]: Pick<FunctionDefinition, "name" | "call"> } = {
  fromjson: {
    name: "fromJSON",
    call: (text) => {
      try {
        return toData(JSON.parse(text?.coerceString() ?? ""));
      } catch (cause) {
        throw new Error("fromJSON: the text is not JSON", { cause });
      }
    },
  },
  tojson: {
    name: "toJSON",
    call: (value) => new data.StringData(JSON.stringify(value === undefined ? null : toJson(value), null, 2)),
  },
};

/** All functions, by their names in lower case. */
export const FUNCTIONS: ReadonlyMap<string, FunctionDefinition> = new Map(
  Object.entries(wellKnownFunctions).map(([name, definition]) => [name, { ...definition, ...OWN_FUNCTIONS[name] }]),
);
