import type { Json } from "../../lib/json.ts";
import { shorten } from "../../lib/text.ts";
import { describe, type Entry, isEmpty, type MapNode, type Node, type ScalarNode, toJson } from "../parse/node.ts";
import type { Place } from "../place.ts";
import type { Report } from "../report.ts";
import type { Draft, Field, FieldType, ListType, MapType, ObjectType, ShapeType, Value } from "../schema/field.ts";
import {
  readBoolean,
  readChoice,
  readDuration,
  readInteger,
  readNumber,
  readSeconds,
  readSize,
  readText,
} from "./scalar.ts";
import { matchFields } from "./unknown-fields.ts";

/**
 * Reads a value by its type and reports all problems in it. Omits invalid parts so that the rest can still be checked;
 * the result is a complete `Value` only if nothing was reported.
 */
export const readValue = <Type extends FieldType>(
  node: Node,
  type: Type,
  place: Place,
): Draft<Value<Type>> | undefined => readAny(node, type, place) as Draft<Value<Type>> | undefined;

/** Returns whether a draft is complete, that is, whether nothing was reported. */
export const isWhole = <Type extends FieldType>(_type: Type, draft: unknown, report: Report): draft is Value<Type> =>
  draft !== undefined && report.faults.length === 0;

const readAny = (node: Node, type: FieldType, place: Place): unknown => {
  switch (type.kind) {
    case "text":
      return readText(node, type, place);
    case "boolean":
      return readBoolean(node, place);
    case "integer":
      return readInteger(node, type, place);
    case "number":
      return readNumber(node, type, place);
    case "size":
      return readSize(node, type, place);
    case "seconds":
      return readSeconds(node, type, place);
    case "duration":
      return readDuration(node, type, place);
    case "choice":
      return readChoice(node, type, place);
    case "list":
      return readList(node, type, place);
    case "map":
      return readMap(node, type, place);
    case "object":
      return readObject(node, type, place);
    case "shape":
      return readShape(node, type, place);
    case "json":
      return readJson(node, place);
  }
};

const wrongKind = (node: Node, place: Place, expected: string): undefined =>
  place.refuse(node, `${isEmpty(node) ? "is empty" : `is ${describe(node)}`}; expected ${expected}`);

const readList = (node: Node, type: ListType, place: Place): unknown => {
  if (node.kind !== "list") return wrongKind(node, place, `a list${exampleOf(node)}`);
  if (node.items.length < type.minItems) place.refuse(node, "is an empty list; expected at least one item");
  const seen = new Map<unknown, number>();
  return node.items.map((item, index) => {
    const known = place.report.faults.length;
    const value = readAny(item, type.of, place.inside(index));
    // The corrected value of a misspelt item is a guess, so it does not count as a duplicate.
    if (type.unique && typeof value === "string" && place.report.faults.length === known) {
      const first = seen.get(value) ?? index;
      if (first !== index)
        place.inside(index).refuse(item, `'${shorten(value)}' is item ${first} as well; expected each once`);
      seen.set(value, first);
    }
    return value;
  });
};

/** Suggests `[value]` for a single value, the most common mistake. */
const exampleOf = (node: Node): string =>
  node.kind === "scalar" && !isEmpty(node) ? `, as in [${shorten(String(node.value))}]` : "";

const readMap = (node: Node, type: MapType, place: Place): unknown => {
  if (node.kind !== "map") return wrongKind(node, place, "a map of names and values");
  return Object.fromEntries(
    node.entries.map((entry) => [entry.key, readMapEntry(entry, type, place.inside(entry.key))]),
  );
};

const readMapEntry = (entry: Entry, type: MapType, place: Place): unknown => {
  readText({ kind: "scalar", at: entry.keyAt, end: entry.keyAt, value: entry.key, source: "" }, type.keys, place);
  if (isEmpty(entry.value) && type.emptyValue !== undefined) return type.emptyValue;
  return readAny(entry.value, type.of, place);
};

const readShape = (node: Node, type: ShapeType, place: Place): unknown => {
  const shape = { scalar: type.scalar, list: type.list, map: type.map }[node.kind];
  if (shape !== undefined) return readAny(node, shape, place);
  const shapes = ["a single value", type.list && "a list", type.map && "a map"].filter((form) => form !== undefined);
  return wrongKind(node, place, shapes.join(" or "));
};

const readJson = (node: Node, place: Place): Json => {
  eachScalar(node, place, (scalar, at) => {
    const { value, source } = scalar;
    const isExact =
      typeof value !== "number" || (Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value));
    if (!isExact) at.refuse(scalar, `the number ${source} exceeds the precision of a number; put it in quotes`);
  });
  return toJson(node);
};

const eachScalar = (node: Node, place: Place, visit: (scalar: ScalarNode, place: Place) => void): void => {
  if (node.kind === "scalar") visit(node, place);
  else if (node.kind === "list")
    for (const [index, item] of node.items.entries()) eachScalar(item, place.inside(index), visit);
  else for (const entry of node.entries) eachScalar(entry.value, place.inside(entry.key), visit);
};

type Fields = readonly (readonly [name: string, field: Field])[];

const fieldsByType = new WeakMap<ObjectType, Fields>();

/** Returns the fields of a type. Every object of a job file is read by them, so the list is kept. */
const fieldsOf = (type: ObjectType): Fields => {
  const known = fieldsByType.get(type);
  if (known !== undefined) return known;
  const fields = Object.entries(type.fields);
  fieldsByType.set(type, fields);
  return fields;
};

const readObject = (node: Node, type: ObjectType, place: Place): unknown => {
  if (node.kind !== "map")
    return wrongKind(node, place, `a map with ${Object.keys(type.fields).slice(0, 3).join(", ")} …`);
  const given = matchFields(node, type, place);
  checkGroups(type, { node, given, place });
  const values: Record<string, unknown> = {};
  for (const [name, field] of fieldsOf(type)) {
    const entry = given.get(name);
    values[name] =
      entry === undefined || isEmpty(entry.value)
        ? absentValue(field, { node, entry, place: place.inside(entry?.key ?? name) })
        : readAny(entry.value, field.type, place.inside(entry.key));
  }
  return values;
};

type Absent = { readonly node: MapNode; readonly entry: Entry | undefined; readonly place: Place };

/** Returns the value of a field that is missing or empty. */
const absentValue = (field: Field, { node, entry, place }: Absent): unknown => {
  if (!field.required) return field.default;
  const example = field.example === undefined ? "" : `, for example ${JSON.stringify(field.example)}`;
  const at = entry?.keyAt ?? node.at;
  return place.refuse({ at }, `${entry === undefined ? "missing" : "is empty"}; it is required${example}`);
};

type MatchedFields = { readonly node: MapNode; readonly given: ReadonlyMap<string, Entry>; readonly place: Place };

const checkGroups = (type: ObjectType, { node, given, place }: MatchedFields): void => {
  for (const group of type.exclusive ?? []) {
    const second = presentOf(group, given)[1];
    const message = `conflicts with another field; expected only one of ${group.join(", ")}`;
    if (second !== undefined) place.inside(second.key).refuse({ at: second.keyAt }, message);
  }
  for (const group of type.oneOf ?? []) {
    const [name = ""] = group;
    if (presentOf(group, given).length === 0)
      place.inside(name).refuse(node, `missing; expected one of ${group.join(", ")}`);
  }
};

const presentOf = (group: readonly string[], given: ReadonlyMap<string, Entry>): readonly Entry[] =>
  group.flatMap((name) => given.get(name) ?? []).filter((entry) => !isEmpty(entry.value));
