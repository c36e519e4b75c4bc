import type { ValidationError } from "elysia";

/** What a request has that its schema doesn't want, in a sentence. */
export const describeMismatch = (error: ValidationError): string => {
  const fault = error.valueError;
  const path = (fault?.path ?? "").slice(1).replaceAll("/", ".");
  if (error.type === "params") return missing(path, fault?.value);
  const place = PLACES[error.type] ?? error.type;
  if (fault === undefined) return `the ${place} does not fit`;
  if (fault.message === "Unexpected property") return unknownField(place, path, fault.schema);
  return `${path === "" ? `the ${place}` : `${place} '${path}'`}: ${describeFault(fault)}`;
};

const PLACES: Readonly<Record<string, string>> = { query: "query parameter", body: "body", headers: "header" };

/** A part of a path that can't be an id is an id of nothing. */
const missing = (name: string, value: unknown): string =>
  `${name.replace(/_id$/, "")}${typeof value === "string" ? ` ${quote(value)}` : ""} was not found`;

const unknownField = (place: string, path: string, schema: object): string => {
  const known = "properties" in schema ? Object.keys(schema.properties ?? {}) : [];
  return `unknown ${place === "body" ? "field in the body" : place} ${quote(path)}; known: ${known.join(", ") || "none"}`;
};

type Fault = { readonly value: unknown; readonly message: string; readonly schema: object };

const describeFault = (fault: Fault): string => {
  if (fault.message === "Expected required property") return "it is missing";
  const wanted = expectation(fault.schema);
  return wanted === null ? `${fault.message}, not ${quote(fault.value)}` : `${quote(fault.value)} is not ${wanted}`;
};

/** What a schema wants, as the end of a sentence. */
const expectation = (schema: object): string | null => {
  const { type, minimum, maximum, anyOf, const: only, pattern, "x-expected": expected } = schema as SchemaWords;
  if (expected !== undefined) return expected;
  if (only !== undefined) return `'${only}'`;
  if (type === "integer") return `a whole number from ${minimum} to ${maximum}`;
  if (type === "boolean") return "true or false";
  if (type === "object") return "a JSON object";
  if (anyOf?.every((each) => "const" in each)) return `one of ${anyOf.map((each) => each.const).join(", ")}`;
  if (anyOf !== undefined)
    return `a ${anyOf
      .map((each) => each.type)
      .join(", a ")
      .replace(/, a ([^,]*)$/, " or a $1")}`;
  if (pattern !== undefined) return `text that matches ${pattern}`;
  return null;
};

type SchemaWords = {
  readonly type?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly const?: unknown;
  readonly pattern?: string;
  /** For messages, where the rest would not say it well. */
  readonly "x-expected"?: string;
  readonly anyOf?: readonly { readonly const?: unknown; readonly type?: string }[];
};

/** The start of a value, as it was sent. */
const quote = (value: unknown): string => {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing");
  return `'${text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text}'`;
};

const MAX_QUOTED = 80;
