import { TASK_TYPES } from "../../domain/job.ts";
import { DURATION_PATTERN, formatDuration } from "../../lib/duration.ts";
import type { Json } from "../../lib/json.ts";
import { SIZE_PATTERN } from "../../lib/size.ts";
import type { Field, FieldType, IntegerType, MapType, ObjectType, TextType } from "./field.ts";
import { JOB } from "./job.ts";
import { NOTIFY, NOTIFY_ENTRIES, NOTIFY_FIELD_NAMES } from "./notify.ts";
import { PROGRAM_FIELD_NAMES, PROGRAM_FIELDS, refusedFields, TASK } from "./task.ts";
import { TEST_FILE } from "./test-file.ts";

/** A JSON Schema or a part of one. */
export type JsonSchema = { readonly [keyword: string]: Json };

const DIALECT = "https://json-schema.org/draft/2020-12/schema";

/** Returns the JSON Schema (2020-12) of a job, for editors. */
export const jsonSchema = (): JsonSchema => ({
  $schema: DIALECT,
  title: "petit job",
  description: "A document of a petit job file. A field with nothing after its colon is the same as a missing field.",
  ...schemaOf(JOB),
});

/** Returns the JSON Schema (2020-12) of a test file, for editors. */
export const testFileSchema = (): JsonSchema => ({
  $schema: DIALECT,
  title: "petit tests",
  description: "A document of a test file of petit, beside the job files.",
  ...schemaOf(TEST_FILE),
});

const schemaOf = (type: FieldType): JsonSchema => {
  switch (type.kind) {
    case "text":
      return schemaOfText(type);
    case "boolean":
      return { type: "boolean" };
    case "integer":
      return type.word === undefined ? numbers(type) : { anyOf: [numbers(type), { const: type.word }] };
    case "number":
      return { type: "number", minimum: type.min, maximum: type.max };
    case "size":
      return { type: ["string", "integer"], pattern: SIZE_PATTERN, minimum: type.minBytes };
    case "seconds":
      return { type: "number", minimum: type.minMs / 1000 };
    case "duration":
      return { type: "string", pattern: DURATION_PATTERN };
    case "choice":
      return { enum: [...type.values, ...Object.keys(type.aliases ?? {})] };
    case "list":
      return {
        type: "array",
        items: schemaOf(type.of),
        ...(type.minItems > 0 && { minItems: type.minItems }),
        ...(type.unique && { uniqueItems: true }),
      };
    case "map":
      return schemaOfMap(type);
    case "object":
      return schemaOfObject(type);
    case "shape":
      return {
        anyOf: [type.scalar, type.list, type.map].flatMap((shape) => (shape === undefined ? [] : schemaOf(shape))),
      };
    case "json":
      return {};
  }
};

const numbers = ({ min, max }: IntegerType): JsonSchema => ({ type: "integer", minimum: min, maximum: max });

const schemaOfText = (type: TextType): JsonSchema => ({
  type: type.scalars ? ["string", "number", "boolean"] : "string",
  ...(type.pattern !== undefined && { pattern: type.pattern }),
  ...(type.pattern === undefined && !type.empty && { pattern: "\\S" }),
  ...(type.maxLength !== undefined && { maxLength: type.maxLength }),
});

const schemaOfMap = (type: MapType): JsonSchema => ({
  type: "object",
  propertyNames: schemaOfText(type.keys),
  additionalProperties: type.emptyValue === undefined ? schemaOf(type.of) : orEmpty(schemaOf(type.of)),
});

/** Allows null, which YAML reads for an empty value. */
const orEmpty = (schema: JsonSchema): JsonSchema =>
  Object.keys(schema).length === 0 ? schema : { anyOf: [schema, { type: "null" }] };

const schemaOfObject = (type: ObjectType): JsonSchema => {
  const fields = Object.entries(type.fields);
  const required = fields.flatMap(([name, field]) => (field.required ? [name] : []));
  const rules = [
    ...groupRules(type),
    ...(type === TASK ? programRules() : []),
    ...(type === NOTIFY ? notifyRules() : []),
  ];
  return {
    type: "object",
    properties: Object.fromEntries(fields.map(([name, field]) => [name, schemaOfField(field)])),
    additionalProperties: false,
    ...(required.length > 0 && { required }),
    ...(rules.length > 0 && { allOf: rules }),
  };
};

const schemaOfField = (field: Field): JsonSchema => ({
  ...schemaOf(field.type),
  description: field.absent === undefined ? field.doc : `${field.doc} Without it: ${field.absent}.`,
  ...(field.default !== undefined && { default: asWritten(field.type, field.default) }),
  ...(field.example !== undefined && { examples: [field.example] }),
});

/** Returns a default as written in a file. */
const asWritten = (type: FieldType, value: Json): Json =>
  type.kind === "duration" && typeof value === "number" ? formatDuration(value) : value;

const groupRules = (type: ObjectType): JsonSchema[] => [
  ...(type.exclusive ?? []).flatMap(pairsOf).map((pair) => ({ not: { required: pair } })),
  ...(type.oneOf ?? []).map((group) => ({ anyOf: group.map((name) => ({ required: [name] })) })),
];

const pairsOf = (group: readonly string[]): readonly (readonly string[])[] =>
  group.flatMap((first, index) => group.slice(index + 1).map((second) => [first, second]));

/** The rules for fields that depend on the task's type. */
const programRules = (): JsonSchema[] =>
  TASK_TYPES.map((type) => {
    const { required, optional } = PROGRAM_FIELDS[type];
    const allowed: readonly string[] = [...required, ...optional];
    const foreign = [...PROGRAM_FIELD_NAMES.filter((field) => !allowed.includes(field)), ...refusedFields(type)];
    return {
      if: { properties: { type: { const: type } }, required: ["type"] },
      // biome-ignore lint/suspicious/noThenProperty: the keyword of JSON Schema
      then: { required, properties: Object.fromEntries(foreign.map((field) => [field, false])) },
    };
  });

/** The rules for fields that depend on the type of a receiver. */
const notifyRules = (): JsonSchema[] =>
  Object.entries(NOTIFY_ENTRIES).map(([type, { required, optional, pings }]) => {
    const allowed: readonly string[] = [...required, ...optional];
    const foreign = NOTIFY_FIELD_NAMES.filter((field) => !allowed.includes(field));
    const properties = Object.fromEntries(foreign.map((field) => [field, false]));
    return {
      if: { properties: { type: { const: type } }, ...(type !== DEFAULT_TYPE && { required: ["type"] }) },
      // biome-ignore lint/suspicious/noThenProperty: the keyword of JSON Schema
      then: {
        required,
        properties: pings === undefined ? properties : { ...properties, on: { items: { enum: pings } } },
      },
    };
  });

const DEFAULT_TYPE = NOTIFY.fields.type.default;
