import { type TSchema, t } from "elysia";
import { TypeSystem } from "elysia/type-system";
import { ID_PATTERN } from "../../domain/ids.ts";
import { REASONS } from "../../domain/run.ts";
import { REASON_TEXT } from "../../domain/words/run.ts";

/** Returns the schema of an object with exactly these fields, in requests and in answers. */
export const exactly = <Fields extends Record<string, TSchema>>(fields: Fields, documentation: Documentation = {}) =>
  t.Object(fields, { ...documentation, additionalProperties: false });

type Documentation = {
  /** Name of the schema in the OpenAPI document. */
  readonly title?: string;
  readonly description?: string;
  readonly examples?: readonly unknown[];
  /** Headers of an answer with this schema. */
  readonly "x-headers"?: readonly string[];
  /** The schema of each line of an answer that can also be JSON lines. */
  readonly "x-lines"?: TSchema;
};

export const nullable = <Schema extends TSchema>(schema: Schema, description: string) =>
  t.Union([schema, t.Null()], { description });

/** Returns the schema of an enumeration of the domain. */
export const word = <const Words extends readonly string[]>(words: Words, description?: string) =>
  t.Unsafe<Words[number]>(
    t.Union(
      words.map((each) => t.Literal(each)),
      description === undefined ? {} : { description },
    ),
  );

/** Returns what each value of an enumeration means, for the description of a schema. */
export const meanings = (texts: Readonly<Record<string, string>>): string =>
  Object.entries(texts)
    .map(([value, text]) => `\`${value}\`: ${text}`)
    .join(" · ");

type IntegerOptions = {
  readonly minimum?: number;
  readonly description?: string;
  readonly examples?: readonly number[];
};

/** Returns the schema of an integer. Unlike Elysia's own, it accepts no text. */
export const integer = (bounds: IntegerOptions = {}) => Integer({ type: "integer", ...bounds });

const Integer = TypeSystem.Type<number, IntegerOptions & { type: "integer" }>(
  "PlainInteger",
  ({ minimum = Number.MIN_SAFE_INTEGER }, value) => Number.isSafeInteger(value) && Number(value) >= minimum,
);

/** Returns the schema of a time in ms since the Unix epoch. */
export const instant = (description: string) =>
  integer({ description: `${description}, in ms since the Unix epoch`, examples: [1767225600000] });

export const instantOrNull = (description: string) => nullable(integer(), `${description}, in ms since the Unix epoch`);

export const durationOrNull = nullable(
  integer({ minimum: 0 }),
  "Time from start to end in ms, independent of changes to the system clock; null if it has not started or not ended",
);

/** A text to search for in a line, of up to 200 characters: a tab, but no other control character. Those that UTF-16 has as two units count as one. */
export const SEARCHED_TEXT =
  "^(?:[\\ud800-\\udbff][\\udc00-\\udfff]|[^\\x00-\\x08\\x0a-\\x1f\\x7f\\ud800-\\udbff]){1,200}$";

export const JobIdText = t.String({ pattern: ID_PATTERN, description: "Id of a job", examples: ["hello_world"] });

export const TaskIdText = t.String({ pattern: ID_PATTERN, description: "Id of a task", examples: ["extract"] });

export const RunIdText = t.String({
  pattern: "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$",
  description: "Id of a run, a UUID; later runs have greater ids",
  examples: ["019b76da-a800-7c3e-8f2b-5d1c9a7e4f60"],
});

export const ReasonOrNull = nullable(
  word(REASONS),
  `Why it ended; null if it has not, or completed. ${meanings(REASON_TEXT)}`,
);

/** The person who requested something. */
export const ActorOrNull = nullable(
  t.String(),
  "Who asked for it: the name of a token, or else an address; null if nobody did, or if it is unknown",
);

export const Count = integer({ minimum: 0, description: "Number of items in the list" });

type Bounds = { readonly minimum: number; readonly maximum: number; readonly default?: number };

/** Returns the schema of an integer in a query: only digits, within the bounds. The value is text for `Number()`. */
export const wholeNumber = (bounds: Bounds, description: string) =>
  WholeNumber({ ...bounds, type: "integer", description });

const WholeNumber = TypeSystem.Type<string | number, Bounds & { type: "integer"; description: string }>(
  "WholeNumber",
  (bounds, value) =>
    (typeof value === "number" || (typeof value === "string" && /^\d{1,16}$/.test(value))) &&
    Number(value) >= bounds.minimum &&
    Number(value) <= bounds.maximum,
);

/** Returns the schema of a boolean in a query: `true`, `1`, `false` or `0`, not empty. The value is text for `isOn`. */
export const flag = (description: string) => Flag({ type: "boolean", default: false, description });

const Flag = TypeSystem.Type<string | boolean, { type: "boolean"; default: false; description: string }>(
  "Flag",
  (_, value) => typeof value === "boolean" || ["true", "1", "false", "0"].includes(String(value)),
);

export const isOn = (value: string | boolean | undefined): boolean =>
  value === true || value === "true" || value === "1";
