import type { FieldType, ObjectType, TextType } from "./field.ts";
import { datum, prose } from "./text.ts";

const PARAM = {
  kind: "object",
  fields: {
    description: { type: prose, doc: "What it does, for people." },
    default: {
      type: datum,
      doc: "The value where a trigger gives none; numbers and booleans stand for their text as written.",
      absent: "no value: an empty text in templates, no variable",
      example: "2026-01-01",
    },
    required: {
      type: { kind: "boolean" },
      doc: "Whether a trigger must give it, where there is no default.",
      default: false,
    },
    enum: {
      type: { kind: "list", of: datum, minItems: 1, unique: true },
      doc: "The values it can have; numbers and booleans stand for their text as written.",
      absent: "any",
      example: ["fast", "full"],
    },
    pattern: {
      type: { kind: "text", form: "a regular expression", characters: "prose", maxLength: 4096 },
      doc: "A regular expression that a value must match; anchor it with `^` and `$` to match the whole. The syntax is RE2's: no lookaround, no backreferences.",
      absent: "any",
      example: "^\\d{4}-\\d\\d-\\d\\d$",
    },
  },
} as const satisfies ObjectType;

export const paramName = {
  kind: "text",
  form: "a param's name: letters, digits, '_', '.' and '-', the first one a letter, a digit or '_'",
  pattern: "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$",
  characters: "name",
} as const satisfies TextType;

/** Params by name. */
export const params = {
  kind: "map",
  keys: paramName,
  of: PARAM,
  emptyValue: { required: false },
} as const satisfies FieldType;
