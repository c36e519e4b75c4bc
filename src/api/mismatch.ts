import type { ValidationError } from "elysia";

/** What a request has that its schema doesn't want, in a sentence. */
export const describeMismatch = (error: ValidationError): string => {
  const fault = error.valueError;
  const path = (fault?.path ?? "").slice(1).replaceAll("/", ".");
  if (error.type === "params") return `${PATH_NOUNS[path] ?? path} ${quote(fault?.value)} was not found`;
  const place = [PLACES[error.type] ?? error.type, path].filter((part) => part !== "").join(": ");
  return `${place}: ${fault === undefined ? "it does not fit" : describeFault(fault)}`;
};

const PATH_NOUNS: Readonly<Record<string, string>> = { job_id: "job", run_id: "run" };

const PLACES: Readonly<Record<string, string>> = { query: "query", body: "body", headers: "header" };

type Fault = { readonly value: unknown; readonly message: string; readonly schema: object; readonly path: string };

const describeFault = (fault: Fault): string => {
  if (fault.message === "Unexpected property") return `is not known here${knownFields(fault.schema)}`;
  if (fault.message === "Expected required property") return "is missing";
  const wanted = expectation(fault.schema);
  return wanted === null
    ? `${fault.message.toLowerCase()}, not ${quote(fault.value)}`
    : `${quote(fault.value)} is not ${wanted}`;
};

const knownFields = (schema: object): string => {
  const names =
    "properties" in schema && typeof schema.properties === "object" ? Object.keys(schema.properties ?? {}) : [];
  return names.length === 0 ? "" : `; ${names.join(", ")} ${names.length === 1 ? "is" : "are"}`;
};

/** What a schema wants, as the end of a sentence. */
const expectation = (schema: object): string | null => {
  const { type, minimum, maximum, anyOf, pattern, maxLength } = schema as SchemaWords;
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
  if (maxLength !== undefined) return `text of at most ${maxLength} characters`;
  return null;
};

type SchemaWords = {
  readonly type?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly anyOf?: readonly { readonly const?: unknown; readonly type?: string }[];
};

/** The start of a value, as it was sent. */
const quote = (value: unknown): string => {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing");
  return `'${text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text}'`;
};

const MAX_QUOTED = 80;
