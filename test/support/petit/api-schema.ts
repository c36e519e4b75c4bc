/** The parts of JSON Schema that the description of the API uses. */
export type JsonSchema = { readonly [keyword: string]: unknown };

export type OpenApiDocument = {
  readonly openapi: string;
  readonly info: { readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: Readonly<Record<string, Readonly<Record<string, JsonSchema>>>>;
  readonly tags: readonly { readonly name: string }[];
};

export type Operation = {
  readonly operationId: string;
  readonly "x-role": string;
  readonly summary: string;
  readonly tags: readonly string[];
  readonly parameters: readonly Parameter[];
  readonly requestBody?: { readonly required: boolean; readonly content: Content };
  readonly responses: Readonly<Record<string, JsonSchema>>;
};

export type Parameter = {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required: boolean;
  readonly description: string;
  readonly schema: JsonSchema;
};

type Content = Readonly<Record<string, { readonly schema: JsonSchema }>>;

/** Resolves a reference. Returns other schemas unchanged. */
export const resolve = (document: OpenApiDocument, value: JsonSchema): JsonSchema => {
  if (typeof value.$ref !== "string") return value;
  let target: unknown = document;
  for (const key of value.$ref.replace(/^#\//, "").split("/")) target = (target as JsonSchema | undefined)?.[key];
  if (typeof target !== "object" || target === null) throw new Error(`${value.$ref} does not exist`);
  return resolve(document, target as JsonSchema);
};

const KNOWN = new Set([
  ...["title", "description", "examples", "default"],
  ...["type", "enum", "const", "anyOf", "properties", "required", "additionalProperties", "items"],
  ...["pattern", "minimum", "maximum", "contentMediaType", "contentSchema", "contentEncoding"],
]);

/** Returns one line for each part of a value that does not fit a schema. Throws at an unknown keyword. */
export const mismatches = (document: OpenApiDocument, given: JsonSchema, value: unknown, at = "$"): string[] => {
  const schema = resolve(document, given);
  const strange = Object.keys(schema).filter((keyword) => !KNOWN.has(keyword));
  if (strange.length > 0) throw new Error(`${at} has unknown keywords: ${strange}`);
  const { anyOf, type, enum: words } = schema as { anyOf?: JsonSchema[]; type?: string; enum?: unknown[] };
  if (anyOf !== undefined) {
    return anyOf.some((each) => mismatches(document, each, value, at).length === 0)
      ? []
      : [`${at} fits none: ${show(value)}`];
  }
  if (words !== undefined && !words.includes(value)) return [`${at} is not one of ${words}: ${show(value)}`];
  if ("const" in schema && schema.const !== value) return [`${at} is not ${show(schema.const)}: ${show(value)}`];
  if (type !== undefined && !isOfType(type, value)) return [`${at} is not a ${type}: ${show(value)}`];
  if (typeof value === "string" && schema.contentSchema !== undefined)
    return mismatches(document, schema.contentSchema as JsonSchema, JSON.parse(value), `${at} as JSON`);
  if (typeof value === "string") return textMismatches(schema, value, at);
  if (typeof value === "number") return numberMismatches(schema, value, at);
  if (Array.isArray(value)) {
    return value.flatMap((item, index) =>
      mismatches(document, (schema.items ?? {}) as JsonSchema, item, `${at}[${index}]`),
    );
  }
  if (typeof value === "object" && value !== null) return objectMismatches(document, schema, value, at);
  return [];
};

const isOfType = (type: string, value: unknown): boolean => {
  if (type === "integer") return Number.isSafeInteger(value);
  if (type === "null") return value === null;
  if (type === "array") return Array.isArray(value);
  if (type === "object") return typeof value === "object" && value !== null && !Array.isArray(value);
  return typeof value === type;
};

const textMismatches = ({ pattern }: JsonSchema, value: string, at: string): string[] =>
  typeof pattern === "string" && !new RegExp(pattern, "u").test(value)
    ? [`${at} does not match ${pattern}: ${value}`]
    : [];

const numberMismatches = ({ minimum, maximum }: JsonSchema, value: number, at: string): string[] =>
  value < Number(minimum ?? -Infinity) || value > Number(maximum ?? Infinity)
    ? [`${at} is out of bounds: ${value}`]
    : [];

const objectMismatches = (document: OpenApiDocument, schema: JsonSchema, value: object, at: string): string[] => {
  const properties = (schema.properties ?? {}) as Record<string, JsonSchema>;
  const missing = ((schema.required ?? []) as string[]).filter((name) => !Object.hasOwn(value, name));
  const found = Object.entries(value).flatMap(([name, each]) => {
    const known = Object.hasOwn(properties, name) ? properties[name] : schema.additionalProperties;
    if (known === false) return [`${at}.${name} is not known`];
    return typeof known === "object" && known !== null
      ? mismatches(document, known as JsonSchema, each, `${at}.${name}`)
      : [];
  });
  return [...missing.map((name) => `${at}.${name} is missing`), ...found];
};

const show = (value: unknown): string => (JSON.stringify(value) ?? String(value)).slice(0, 200);
