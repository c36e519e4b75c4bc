import type { PathStep, Place } from "./place.ts";

/** The JSON Schema of a job, or a part of it. */
export type Schema = { readonly [keyword: string]: unknown };

/** Something that can be typed at a place. */
export type Suggestion = {
  readonly text: string;
  /** `field`: the name of a field. `value`: one of the possible values. `example`: one of any number of values. */
  readonly kind: "field" | "value" | "example";
  /** What the value of a field is, in a few words. */
  readonly detail: string;
  readonly doc: string;
  /** What follows the name of a field. */
  readonly shape: "scalar" | "map" | "list";
  readonly isRequired: boolean;
};

/** Returns what the schema allows at a place, without the fields that the map already has. */
export const offersAt = (schema: Schema, place: Place): readonly Suggestion[] => {
  const schemas = schemasAt(schema, place.path);
  const fields = place.kind === "content" ? schemas.flatMap((each) => fieldOffers(each, place)) : [];
  const offers = [...fields, ...schemas.flatMap(valueOffers)];
  return offers.filter((offer, index) => offers.findIndex(({ text }) => text === offer.text) === index);
};

/** Returns the description of the field at a path, or null if the schema has none. */
export const docOf = (
  schema: Schema,
  path: readonly PathStep[],
): { readonly doc: string; readonly detail: string } | null => {
  const [found] = schemasAt(schema, path);
  if (found === undefined) return null;
  const doc = textOf(found.description);
  return doc === "" ? null : { doc, detail: detailOf(found) };
};

const schemasAt = (schema: Schema, path: readonly PathStep[]): readonly Schema[] =>
  path.reduce<readonly Schema[]>(
    (found, step) => found.flatMap(alternatives).flatMap((each) => stepInto(each, step)),
    [schema],
  );

const stepInto = (schema: Schema, step: PathStep): readonly Schema[] => {
  if (step === null) return schemaList(schema.items);
  const own = fieldsOf(schema)[step];
  return own === undefined ? schemaList(schema.additionalProperties) : schemaList(own);
};

const alternatives = (schema: Schema): readonly Schema[] => {
  const { anyOf } = schema;
  return Array.isArray(anyOf) ? anyOf.flatMap(schemaList).flatMap(alternatives) : [schema];
};

const isSchema = (value: unknown): value is Schema =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const schemaList = (value: unknown): readonly Schema[] => (isSchema(value) ? [value] : []);

const fieldsOf = (schema: Schema): Schema => (isSchema(schema.properties) ? schema.properties : {});

const namesOf = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

const fieldOffers = (schema: Schema, { mapping: { values } }: Place): readonly Suggestion[] =>
  alternatives(schema).flatMap((each) => {
    const rules = rulesOf(each, values);
    const required = [...namesOf(each.required), ...rules.flatMap((rule) => namesOf(rule.required))];
    const isAllowed = (name: string): boolean =>
      !values.has(name) && rules.every((rule) => fieldsOf(rule)[name] !== false);
    return Object.entries(fieldsOf(each)).flatMap(([name, field]): readonly Suggestion[] =>
      isSchema(field) && isAllowed(name)
        ? [
            {
              text: name,
              kind: "field",
              detail: detailOf(field),
              doc: textOf(field.description),
              shape: shapeOf(field),
              isRequired: required.includes(name),
            },
          ]
        : [],
    );
  });

/** Returns what the schema demands of a map with these values: what its `type` rules out, for example. */
const rulesOf = (schema: Schema, values: ReadonlyMap<string, string>): readonly Schema[] =>
  (Array.isArray(schema.allOf) ? schema.allOf : [])
    .filter(isSchema)
    .flatMap((rule) => (isSchema(rule.if) && applies(rule.if, values) ? schemaList(rule.then) : []));

const applies = (condition: Schema, values: ReadonlyMap<string, string>): boolean =>
  namesOf(condition.required).every((name) => values.has(name)) &&
  Object.entries(fieldsOf(condition)).every(
    ([name, field]) => !values.has(name) || (isSchema(field) && field.const === values.get(name)),
  );

const valueOffers = (schema: Schema): readonly Suggestion[] => {
  const offer = (value: unknown, kind: "value" | "example", detail: string): Suggestion => ({
    text: asYaml(value),
    kind,
    detail,
    doc: textOf(schema.description),
    shape: "scalar",
    isRequired: false,
  });
  const values = alternatives(schema).flatMap((each) => [
    ...(Array.isArray(each.enum) ? each.enum : []),
    ...("const" in each ? [each.const] : []),
    ...(each.type === "boolean" ? [true, false] : []),
  ]);
  const examples = (Array.isArray(schema.examples) ? schema.examples : []).filter(isScalar);
  return [
    ...values.map((value) => offer(value, "value", value === schema.default ? "default" : "")),
    ...(values.length > 0 ? [] : examples.map((value) => offer(value, "example", "example"))),
  ];
};

const isScalar = (value: unknown): boolean => ["string", "number", "boolean"].includes(typeof value);

/** Quotes a text that YAML would not read as it is. */
const asYaml = (value: unknown): string => {
  const text = String(value);
  if (typeof value !== "string") return text;
  const isPlain =
    /^[\w./$-][^#:{}[\],&*!|>'"%@`]*$/.test(text) &&
    !/^(?:true|false|null|yes|no|on|off|~|[\d.+-].*|-\s.*)$/i.test(text);
  return isPlain ? text : JSON.stringify(text);
};

const shapeOf = (schema: Schema): Suggestion["shape"] => {
  const all = alternatives(schema);
  if (all.every(({ type }) => type === "array")) return "list";
  return all.every(({ type }) => type === "object") ? "map" : "scalar";
};

const detailOf = (schema: Schema): string => {
  const texts = alternatives(schema).map(({ type, enum: values, const: word, pattern }) => {
    if (Array.isArray(values)) return values.length > 4 ? "one of several words" : values.join(" | ");
    if (word !== undefined) return String(word);
    if (Array.isArray(type)) return "text or number";
    if (type === "string") return textOf(pattern).includes("ms)?$") ? "duration" : "text";
    return TYPE_WORDS[textOf(type)] ?? "any value";
  });
  return [...new Set(texts)].join(", or ");
};

const TYPE_WORDS: Readonly<Record<string, string>> = {
  integer: "whole number",
  number: "number",
  boolean: "true or false",
  array: "list",
  object: "map",
};
