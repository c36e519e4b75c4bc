import { type TSchema, t } from "elysia";
import { TypeSystem } from "elysia/type-system";
import { ID_PATTERN } from "../../domain/ids.ts";
import { FAILURE_STATUS, type FailureCode } from "../errors.ts";

/** An object that holds these fields and no other, in either direction. */
export const exactly = <Fields extends Record<string, TSchema>>(fields: Fields, options: Documentation = {}) =>
  t.Object(fields, { ...options, additionalProperties: false });

type Documentation = {
  /** Makes it a component of the OpenAPI document. */
  readonly title?: string;
  readonly description?: string;
  readonly examples?: readonly unknown[];
  /** Headers that go with it, as an answer. */
  readonly "x-headers"?: readonly string[];
};

export const nullable = <Schema extends TSchema>(schema: Schema, description: string) =>
  t.Union([schema, t.Null()], { description });

/** One word of a list that the domain keeps. */
export const word = <const Words extends readonly string[]>(words: Words, description?: string) =>
  t.Unsafe<Words[number]>(
    t.Union(
      words.map((each) => t.Literal(each)),
      description === undefined ? {} : { description },
    ),
  );

type IntegerOptions = {
  readonly minimum?: number;
  readonly description?: string;
  readonly examples?: readonly number[];
};

/** A whole number, and nothing that could be read as one, as Elysia's own would be. */
export const integer = (options: IntegerOptions = {}) => Integer({ type: "integer", ...options });

const Integer = TypeSystem.Type<number, IntegerOptions & { type: "integer" }>(
  "PlainInteger",
  ({ minimum = Number.MIN_SAFE_INTEGER }, value) => Number.isSafeInteger(value) && Number(value) >= minimum,
);

/** An instant. */
export const instant = (description: string) =>
  integer({ description: `${description}, in ms since the Unix epoch`, examples: [1767225600000] });

export const instantOrNull = (description: string) => nullable(integer(), `${description}, in ms since the Unix epoch`);

export const durationOrNull = nullable(
  integer({ minimum: 0 }),
  "From its start to its end, in ms, whatever the wall clock is set to meanwhile; null until it has ended, and where it never started",
);

export const JobIdText = t.String({ pattern: ID_PATTERN, description: "Id of a job", examples: ["hello_world"] });

export const TaskIdText = t.String({ pattern: ID_PATTERN, description: "Id of a task", examples: ["extract"] });

export const RunIdText = t.String({
  pattern: "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$",
  description: "Id of a run: a UUID; later runs have greater ids",
  examples: ["019b76da-a800-7c3e-8f2b-5d1c9a7e4f60"],
});

/** How many things stand beside the number. */
export const Count = integer({ minimum: 0, description: "How many are listed here" });

type Bounds = { readonly minimum: number; readonly maximum: number; readonly default?: number };

/** A whole number in a query: digits alone, within the bounds. `Number()` makes a number of it. */
export const wholeNumber = (bounds: Bounds, description: string) =>
  WholeNumber({ ...bounds, type: "integer", description });

const WholeNumber = TypeSystem.Type<string | number, Bounds & { type: "integer"; description: string }>(
  "WholeNumber",
  (bounds, value) =>
    (typeof value === "number" || (typeof value === "string" && /^\d{1,16}$/.test(value))) &&
    Number(value) >= bounds.minimum &&
    Number(value) <= bounds.maximum,
);

/** Yes or no in a query: `true`, `1`, `false` or `0`; an empty value is refused. `isOn` reads it. */
export const flag = (description: string) => Flag({ type: "boolean", default: false, description });

const Flag = TypeSystem.Type<string | boolean, { type: "boolean"; default: false; description: string }>(
  "Flag",
  (_, value) => typeof value === "boolean" || ["true", "1", "false", "0"].includes(String(value)),
);

export const isOn = (value: string | boolean | undefined): boolean =>
  value === true || value === "true" || value === "1";

const failure = <const Code extends FailureCode>(code: Code, description: string, example: string) =>
  exactly(
    { error: t.String({ description: "What is wrong, in a sentence" }), code: t.Literal(code) },
    { title: failureTitle(code), description, examples: [{ error: example, code }] },
  );

/** `NOT_FOUND` as `NotFound`. */
const failureTitle = (code: FailureCode): string =>
  code.toLowerCase().replaceAll(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase());

/** The shape of each failure, as an answer of the API. */
export const FAILURES = {
  INVALID_REQUEST: failure(
    "INVALID_REQUEST",
    "The request does not fit: an unknown or wrong parameter, header or body",
    "query: limit: 'abc' is not a whole number from 1 to 1000",
  ),
  UNAUTHORIZED: failure(
    "UNAUTHORIZED",
    "A token is set, and the request brought none or another one",
    "a token is needed: send it as 'Authorization: Bearer TOKEN'",
  ),
  FORBIDDEN: failure(
    "FORBIDDEN",
    "The Host is none that petit is served under, or a page of another site sent the request",
    "requests from 'https://example.com' are not allowed; --cors-origin names origins that are",
  ),
  NOT_FOUND: failure("NOT_FOUND", "There is no such thing, or the id can't be one", "job 'hello' was not found"),
  METHOD_NOT_ALLOWED: failure(
    "METHOD_NOT_ALLOWED",
    "The path is right, the method isn't; `Allow` names those that are",
    "DELETE is not a method of /api/jobs; GET, HEAD are",
  ),
  CONFLICT: failure(
    "CONFLICT",
    "The request is fine, but the state of things is against it",
    "'upstream_job' has never run, but its last run must be completed",
  ),
  PAYLOAD_TOO_LARGE: failure("PAYLOAD_TOO_LARGE", "The body is larger than 1 MiB", "the body is larger than 1 MiB"),
  TOO_MANY_REQUESTS: failure(
    "TOO_MANY_REQUESTS",
    "A limit of concurrent runs is reached; `Retry-After` gives seconds",
    "job 'hello_world' already has 1 of 1 concurrent runs",
  ),
  INTERNAL_ERROR: failure(
    "INTERNAL_ERROR",
    "petit is at fault; its log tells more under the `X-Request-Id` of the answer",
    "something went wrong in petit; its log tells more under the X-Request-Id of this answer",
  ),
  SERVICE_UNAVAILABLE: failure(
    "SERVICE_UNAVAILABLE",
    "petit is starting or stopping; `Retry-After` gives seconds",
    "petit is stopping",
  ),
} as const satisfies { readonly [Code in FailureCode]: unknown };

type Failures<Code extends FailureCode> = {
  [Each in Code as (typeof FAILURE_STATUS)[Each]]: (typeof FAILURES)[Each];
};

/** The answers of a route for these failures, and for those that every route shares, by status. */
export const failures = <const Code extends FailureCode = never>(...codes: readonly Code[]) =>
  Object.fromEntries(
    [...codes, "UNAUTHORIZED" as const, "FORBIDDEN" as const, "INTERNAL_ERROR" as const].map((code) => [
      FAILURE_STATUS[code],
      FAILURES[code],
    ]),
  ) as Failures<Code | "UNAUTHORIZED" | "FORBIDDEN" | "INTERNAL_ERROR">;
