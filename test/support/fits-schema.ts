type Schema = boolean | { readonly [keyword: string]: unknown };
type Check = (value: unknown, operand: never, schema: { readonly [keyword: string]: unknown }) => boolean;

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isOf = (value: unknown, type: string): boolean => {
  switch (type) {
    case "array":
      return Array.isArray(value);
    case "object":
      return isMap(value);
    case "integer":
      return Number.isInteger(value);
    case "null":
      return value === null;
    default:
      return typeof value === type;
  }
};

/** The keywords of JSON Schema 2020-12 that the schema of job files uses. */
const CHECKS: Readonly<Record<string, Check>> = {
  type: (value, types: string | string[]) => [types].flat().some((type) => isOf(value, type)),
  enum: (value, values: unknown[]) => values.includes(value),
  const: (value, expected: unknown) => value === expected,
  pattern: (value, pattern: string) => typeof value !== "string" || new RegExp(pattern, "u").test(value),
  maxLength: (value, length: number) => typeof value !== "string" || value.length <= length,
  minimum: (value, bound: number) => typeof value !== "number" || value >= bound,
  maximum: (value, bound: number) => typeof value !== "number" || value <= bound,
  uniqueItems: (value) =>
    !Array.isArray(value) || new Set(value.map((item) => JSON.stringify(item))).size === value.length,
  minItems: (value, count: number) => !Array.isArray(value) || value.length >= count,
  items: (value, items: Schema) => !Array.isArray(value) || value.every((item) => fitsSchema(item, items)),
  required: (value, names: string[]) => !isMap(value) || names.every((name) => Object.hasOwn(value, name)),
  properties: (value, schemas: Record<string, Schema>) =>
    !isMap(value) ||
    Object.entries(schemas).every(([name, schema]) => !Object.hasOwn(value, name) || fitsSchema(value[name], schema)),
  additionalProperties: (value, schema: Schema, { properties = {} }) =>
    !isMap(value) ||
    Object.entries(value).every(
      ([name, part]) => Object.hasOwn(properties as object, name) || fitsSchema(part, schema),
    ),
  propertyNames: (value, schema: Schema) =>
    !isMap(value) || Object.keys(value).every((name) => fitsSchema(name, schema)),
  anyOf: (value, schemas: Schema[]) => schemas.some((schema) => fitsSchema(value, schema)),
  allOf: (value, schemas: Schema[]) => schemas.every((schema) => fitsSchema(value, schema)),
  not: (value, schema: Schema) => !fitsSchema(value, schema),
  if: (value, condition: Schema, { then }) => !fitsSchema(value, condition) || fitsSchema(value, then as Schema),
};

const ANNOTATIONS = new Set(["$schema", "title", "description", "default", "examples", "then"]);

/** Returns true if a value fits a schema. Throws at an unknown keyword. */
export const fitsSchema = (value: unknown, schema: Schema): boolean => {
  if (typeof schema === "boolean") return schema;
  return Object.entries(schema).every(([keyword, operand]) => {
    if (ANNOTATIONS.has(keyword)) return true;
    const check = CHECKS[keyword];
    if (check === undefined) throw new Error(`unknown keyword ${keyword}`);
    return check(value, operand as never, schema);
  });
};
