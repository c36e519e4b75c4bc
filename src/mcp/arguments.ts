import { suggest } from "../lib/suggest.ts";
import { shorten } from "../lib/text.ts";
import { ToolError } from "./tool-error.ts";

/** An argument of a tool: how it is described to the agent, and how a given value is read. */
export type Argument<Value> = {
  /** JSON Schema of the value. */
  readonly schema: Readonly<Record<string, unknown>>;
  readonly isRequired: boolean;
  /** Reads a given value; null if it does not fit. */
  readonly read: (given: unknown) => NonNullable<Value> | null;
  /** What was expected, for the error. */
  readonly expected: string;
};

export type Arguments = Readonly<Record<string, Argument<unknown>>>;

/** The values of arguments. One that is not required is undefined if it is missing. */
export type ValuesOf<Declared extends Arguments> = {
  readonly [Name in keyof Declared]: Declared[Name] extends Argument<infer Value> ? Value : never;
};

/** A description, unless the name says it all. */
const described = (description: string | undefined) => (description === undefined ? {} : { description });

/** Declares a text. */
export const text = (
  description?: string,
  { max = 1_000 }: { readonly max?: number } = {},
): Argument<string | undefined> => ({
  schema: { type: "string", ...described(description) },
  isRequired: false,
  read: (given) => (isText(given) && given.length > 0 && given.length <= max ? given : null),
  expected: `a text of 1 to ${max} whole characters`,
});

/** Declares a text to search for. Lines are searched one by one, without control characters other than tabs. */
export const literal = (description?: string): Argument<string | undefined> => ({
  ...text(description),
  read: (given) => (isText(given) && /^(?:\t|[^\p{Cc}]){1,200}$/u.test(given) ? given : null),
  expected: "a text of 1 to 200 characters on one line, without control characters other than tabs",
});

/** Declares one of several words. */
export const word = <const Word extends string>(words: readonly Word[]): Argument<Word | undefined> => ({
  schema: { type: "string", enum: words },
  isRequired: false,
  read: (given) => words.find((each) => each === given) ?? null,
  expected: `one of ${words.join(", ")}`,
});

/** Declares a whole number; its digits as a text are accepted, too. */
export const whole = (
  { min = 1, max, initial }: { readonly min?: number; readonly max: number; readonly initial?: number },
  description?: string,
): Argument<number | undefined> => ({
  schema: {
    type: "integer",
    ...(initial !== undefined && { default: initial }),
    ...described(description),
  },
  isRequired: false,
  read: (given) => {
    const number = typeof given === "string" && /^\d{1,15}$/.test(given) ? Number(given) : given;
    return typeof number === "number" && Number.isInteger(number) && number >= min && number <= max ? number : null;
  },
  expected: `a whole number from ${min} to ${max}`,
});

/** Declares the cursor of a list that continues at a position. It is a text for the agent, as every cursor. */
export const position = (): Argument<number | undefined> => ({
  ...whole({ min: 0, max: 999_999_999_999_999 }),
  schema: { type: "string" },
  expected: "the cursor of an earlier answer",
});

/** Declares a switch, which is off if it is missing. */
export const flag = (description?: string): Argument<boolean | undefined> => ({
  schema: { type: "boolean", ...described(description) },
  isRequired: false,
  read: (given) => (typeof given === "boolean" ? given : given === "true" ? true : given === "false" ? false : null),
  expected: "true or false",
});

/** Declares a map from names to texts, numbers and booleans. */
export const values = (
  description?: string,
): Argument<Readonly<Record<string, string | number | boolean>> | undefined> => ({
  schema: { type: "object", ...described(description) },
  isRequired: false,
  read: (given) => (isMap(given) && Object.values(given).every(isPlain) ? (given as Record<string, string>) : null),
  expected: 'an object with texts, numbers or booleans, such as {"day": "2026-01-01"}',
});

/** Returns whether a value of JSON is an object. */
export const isMap = (given: unknown): given is Record<string, unknown> =>
  typeof given === "object" && given !== null && !Array.isArray(given);

const isPlain = (value: unknown): boolean => isText(value) || typeof value === "number" || typeof value === "boolean";

/** Half a character can't be sent on. */
const isText = (value: unknown): value is string => typeof value === "string" && value.isWellFormed();

/** Makes an argument one that every call must have. */
export const required = <Value>(argument: Argument<Value>): Argument<NonNullable<Value>> => ({
  ...argument,
  isRequired: true,
});

/** Returns the JSON Schema of arguments. */
export const inputSchema = (declared: Arguments) => {
  const needed = Object.entries(declared).flatMap(([name, { isRequired }]) => (isRequired ? [name] : []));
  return {
    type: "object" as const,
    properties: Object.fromEntries(Object.entries(declared).map(([name, { schema }]) => [name, schema])),
    ...(needed.length > 0 && { required: needed }),
  };
};

/** Reads the arguments of a call. Throws a `ToolError` that says what was expected. */
export const readArguments = <Declared extends Arguments>(
  declared: Declared,
  given: Readonly<Record<string, unknown>>,
): ValuesOf<Declared> => {
  const names = Object.keys(declared);
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(declared, name)) continue;
    const near = suggest(shorten(name), names);
    const hint = near === null ? `this tool takes ${names.join(", ") || "none"}` : `did you mean '${near}'?`;
    throw new ToolError(`unknown argument '${shorten(name)}'; ${hint}`);
  }
  const read = Object.entries(declared).map(([name, argument]) => [name, readArgument(name, argument, given[name])]);
  return Object.fromEntries(read);
};

const readArgument = (name: string, { isRequired, read, expected }: Argument<unknown>, given: unknown): unknown => {
  if (given === undefined || given === null) {
    if (isRequired) throw new ToolError(`argument '${name}' is missing; expected ${expected}`);
    return undefined;
  }
  const value = read(given);
  if (value === null) throw new ToolError(`argument '${name}' is ${shown(given)}; expected ${expected}`);
  return value;
};

const shown = (given: unknown): string => shorten(JSON.stringify(given) ?? String(given), 100);
