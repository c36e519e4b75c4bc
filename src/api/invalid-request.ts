import type { ValidationError } from "elysia";
import type { ErrorDetails, PetitError, ValuePlace } from "../domain/errors.ts";
import { entryNotFound, jobNotFound, runNotFound } from "../domain/refusal.ts";

type InvalidRequest = { readonly message: string; readonly details: ErrorDetails | null };

/** Returns what in a request doesn't fit the schema of its route: a sentence, and which value it is. */
export const describeInvalidRequest = (error: ValidationError): InvalidRequest => {
  const fault = error.valueError;
  const name = (fault?.path ?? "").slice(1).replaceAll("/", ".");
  if (error.type === "params") return malformedId(name, fault?.value);
  const place = PLACES[error.type] ?? "body";
  const { subject, problem } = describeValue(PLACE_TEXT[place], name, fault);
  return { message: `${subject}${problem}`, details: { reason: "invalid_value", in: place, name, problem } };
};

/** Elysia's names of the parts of a request. */
const PLACES: Readonly<Record<string, keyof typeof PLACE_TEXT>> = { query: "query", body: "body", headers: "header" };

const PLACE_TEXT = {
  query: "query parameter",
  body: "body",
  header: "header",
} as const satisfies Partial<Record<ValuePlace, string>>;

/** A malformed id in the path is the id of nothing. */
const malformedId = (name: string, value: unknown): PetitError => {
  // What is no UTF-8 is decoded as null.
  const id = String(value ?? "");
  if (name === "entry_id") return entryNotFound(id);
  return name === "job_id" ? jobNotFound(id, []) : runNotFound(id);
};

/** The two parts of a sentence about a value. */
type ValueDescription = { readonly subject: string; readonly problem: string };

const describeValue = (place: string, name: string, fault: SchemaFault | undefined): ValueDescription => {
  if (fault === undefined) return { subject: `the ${place} `, problem: "does not fit" };
  if (fault.message === "Unexpected property") return describeUnknown(place, name, fault.schema);
  return { subject: name === "" ? `the ${place}: ` : `${place} '${name}': `, problem: describeFault(fault) };
};

const describeUnknown = (place: string, name: string, schema: object): ValueDescription => {
  const known = "properties" in schema ? Object.keys(schema.properties ?? {}) : [];
  const subject = `${place === "body" ? "field in the body" : place} ${quote(name)} `;
  return { subject, problem: `is unknown; known: ${known.join(", ") || "none"}` };
};

type SchemaFault = { readonly value: unknown; readonly message: string; readonly schema: object };

const describeFault = (fault: SchemaFault): string => {
  if (fault.message === "Expected required property") return "it is missing";
  const wanted = expectation(fault.schema);
  return wanted === null ? `${fault.message}, not ${quote(fault.value)}` : `${quote(fault.value)} is not ${wanted}`;
};

/** Returns what a schema expects, as the end of a sentence. */
const expectation = (schema: object): string | null => {
  const { type, minimum, maximum, anyOf, const: only, pattern, "x-expected": expected } = schema as SchemaWords;
  if (expected !== undefined) return expected;
  if (only !== undefined) return `'${only}'`;
  if (type === "integer") return `a whole number from ${minimum} to ${maximum}`;
  if (type === "boolean") return "true or false";
  if (type === "object") return "a JSON object";
  if (anyOf?.every((each) => "const" in each)) return `one of ${anyOf.map((each) => each.const).join(", ")}`;
  if (anyOf !== undefined) return anyOf.map(({ type: each }) => TYPE_TEXT[each ?? ""] ?? `a ${each}`).join(" or ");
  if (pattern !== undefined) return `text that matches ${pattern}`;
  return null;
};

const TYPE_TEXT: Readonly<Record<string, string>> = {
  array: "a list",
  null: "null",
  object: "a JSON object",
  integer: "a whole number",
};

type SchemaWords = {
  readonly type?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly const?: unknown;
  readonly pattern?: string;
  /** Overrides the text that the other keywords give. */
  readonly "x-expected"?: string;
  readonly anyOf?: readonly { readonly const?: unknown; readonly type?: string }[];
};

/** Returns the first characters of a value as it was sent, in quotes. */
const quote = (value: unknown): string => {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing");
  return `'${text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text}'`;
};

const MAX_QUOTED = 80;
