import { formatDuration } from "../../lib/duration.ts";
import type { Field, FieldType, ObjectType } from "./field.ts";
import { JOB } from "./job.ts";

/** A row of the field reference. */
export type FieldRow = {
  /** For example `tasks[].retry.delay` or `params.NAME.default`. */
  readonly path: string;
  readonly type: string;
  /** The default, or `required`. */
  readonly default: string;
  readonly doc: string;
};

/** Returns every field of a job file, or of another type, in the order of declaration. */
export const fieldTable = (type: ObjectType = JOB): readonly FieldRow[] => rowsOf(type, "");

const rowsOf = (type: FieldType, path: string): readonly FieldRow[] => {
  switch (type.kind) {
    case "object":
      return Object.entries(type.fields).flatMap(([name, field]) =>
        rowsOfField(field, path === "" ? name : `${path}.${name}`),
      );
    case "list":
      return rowsOf(type.of, `${path}[]`);
    case "map":
      return rowsOf(type.of, `${path}.NAME`);
    case "shape":
      return [type.list, type.map].flatMap((shape) => (shape === undefined ? [] : rowsOf(shape, path)));
    default:
      return [];
  }
};

const rowsOfField = (field: Field, path: string): readonly FieldRow[] => [
  { path, type: describeType(field.type), default: describeDefault(field), doc: field.doc },
  ...rowsOf(field.type, path),
];

/** Describes a type in a few words. */
const describeType = (type: FieldType): string => {
  switch (type.kind) {
    case "text":
      return "text";
    case "boolean":
      return "true or false";
    case "integer":
      return type.word === undefined ? "whole number" : `whole number or \`${type.word}\``;
    case "number":
      return "number";
    case "size":
      return "size";
    case "seconds":
      return "number of seconds";
    case "duration":
      return "duration";
    case "choice":
      return [...type.values, ...Object.keys(type.aliases ?? {})].join(" | ");
    case "list":
      return `list of ${plural(type.of)}`;
    case "map":
      return `map of names to ${plural(type.of)}`;
    case "object":
      return "map";
    case "shape":
      return [type.scalar, type.list, type.map]
        .flatMap((shape) => (shape === undefined ? [] : describeType(shape)))
        .join(", or ");
    case "json":
      return "any value";
  }
};

const plural = (type: FieldType): string => {
  const text = describeType(type);
  return type.kind === "text" || type.kind === "object" || type.kind === "json" ? `${text}s` : text;
};

const describeDefault = (field: Field): string => {
  if (field.required) return "required";
  if (field.default === undefined) return field.absent ?? "none";
  if (field.type.kind === "duration" && typeof field.default === "number") return formatDuration(field.default);
  const isNothing =
    typeof field.default === "object" && field.default !== null && Object.keys(field.default).length === 0;
  return isNothing || field.default === "" ? "none" : String(field.default);
};
