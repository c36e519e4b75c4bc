import * as data from "@actions/expressions/data/index";
import { ExactNumber, type Json, JsonError, parseJson } from "../../lib/json.ts";
import { ExactNumberData } from "./numbers.ts";
import { type ExpressionWork, MAP_WORK, VALUE_WORK } from "./work.ts";

type JsonMap = { readonly [key: string]: Json };

/**
 * A map of an expression. Names that differ only by case are the same name, unless the map has both. The map of
 * `@actions/expressions` can't have the keys of every JavaScript object, such as `constructor`. Values are converted when they are used:
 * an expression sees all outputs of all tasks, and uses few of them.
 */
class Dictionary extends data.Dictionary {
  readonly #source: JsonMap;
  readonly #work: ExpressionWork;
  readonly #values = new Map<string, data.ExpressionData>();
  #spellings: ReadonlyMap<string, string> | null = null;
  #wasSearched = false;

  constructor(source: JsonMap, work: ExpressionWork) {
    super();
    work.charge(MAP_WORK);
    this.#source = source;
    this.#work = work;
  }

  override get(key: string): data.ExpressionData | undefined {
    return Object.hasOwn(this.#source, key) ? this.#value(key) : this.#value(this.#spelling(key));
  }

  /** Returns the first name that differs only by case. The second search makes an index of all names, which takes longer than one search. */
  #spelling(key: string): string {
    const wanted = key.toLowerCase();
    if (!this.#wasSearched) {
      this.#wasSearched = true;
      return this.#names().find((name) => name.length === key.length && name.toLowerCase() === wanted) ?? key;
    }
    if (this.#spellings === null) {
      const spellings = new Map<string, string>();
      for (const name of this.#names()) {
        const lower = name.toLowerCase();
        if (!spellings.has(lower)) spellings.set(lower, name);
      }
      this.#spellings = spellings;
    }
    return this.#spellings.get(wanted) ?? key;
  }

  #names(): readonly string[] {
    const names = Object.keys(this.#source);
    this.#work.charge(names.length * VALUE_WORK);
    return names;
  }

  #value(key: string): data.ExpressionData | undefined {
    const known = this.#values.get(key);
    if (known !== undefined || !Object.hasOwn(this.#source, key)) return known;
    const value = toData(this.#source[key] ?? null, this.#work);
    this.#values.set(key, value);
    return value;
  }

  override values(): data.ExpressionData[] {
    return this.pairs().map(({ value }) => value);
  }

  override pairs(): ReturnType<data.Dictionary["pairs"]> {
    return this.#names().map((key) => ({ key, value: this.#value(key) ?? new data.Null() }));
  }
}

/** Returns the map of these values. */
export const toDictionary = (values: JsonMap, work: ExpressionWork): data.Dictionary => new Dictionary(values, work);

/** Returns the value that a JSON text has. Throws an Error if it is none. */
export const readValue = (text: string, work: ExpressionWork): data.ExpressionData => {
  const known = work.parsed.get(text);
  if (known !== undefined) return toData(known, work);
  work.charge(text.length);
  try {
    const value = parseJson(text);
    work.parsed.set(text, value);
    return toData(value, work);
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause;
    throw new Error(`fromJSON: the text ${cause.message}`, { cause });
  }
};

const toData = (value: Json, work: ExpressionWork): data.ExpressionData => {
  switch (typeof value) {
    case "string":
      return new data.StringData(value);
    case "number":
      return new data.NumberData(value);
    case "boolean":
      return new data.BooleanData(value);
    default:
      if (value === null) return new data.Null();
      if (value instanceof ExactNumber) return new ExactNumberData(value.source);
      return isList(value) ? new List(value, work) : toDictionary(value, work);
  }
};

const isList = (value: Json): value is readonly Json[] => Array.isArray(value);

/** A list of an expression. Its values are converted when one of them is used: the body of an event can have hundreds of thousands. */
class List extends data.Array {
  readonly #source: readonly Json[];
  readonly #work: ExpressionWork;
  #values: data.ExpressionData[] | null = null;

  constructor(source: readonly Json[], work: ExpressionWork) {
    super();
    this.#source = source;
    this.#work = work;
  }

  override get(index: number): data.ExpressionData {
    return this.values()[index] ?? new data.Null();
  }

  override values(): data.ExpressionData[] {
    if (this.#values === null) {
      this.#work.charge(this.#source.length * VALUE_WORK);
      this.#values = this.#source.map((value) => toData(value, this.#work));
    }
    return this.#values;
  }
}

/** Returns the value as JSON. Numbers that JSON does not have become null. */
export const toJson = (value: data.ExpressionData, work: ExpressionWork): Json => {
  if (value instanceof data.Array) {
    const values = value.values();
    work.charge(values.length * VALUE_WORK);
    return values.map((each) => toJson(each, work));
  }
  if (value instanceof data.Dictionary)
    return Object.fromEntries(value.pairs().map(({ key, value: each }) => [key, toJson(each, work)]));
  if (value instanceof data.Null) return null;
  if (value instanceof ExactNumberData) return new ExactNumber(value.source);
  if (value instanceof data.NumberData) return Number.isFinite(value.value) ? value.value : null;
  if (value instanceof data.StringData) work.charge(value.value.length);
  return value.value;
};
