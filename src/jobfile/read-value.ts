import type { Json } from "../lib/json.ts";
import { suggest } from "../lib/suggest.ts";
import type { Draft, Field, FieldType, MapType, ObjectType, ShapeType, Value } from "./field.ts";
import { describe, type Entry, isEmpty, type MapNode, type Node, toJson } from "./node.ts";
import { readBoolean, readChoice, readDuration, readInteger, readSeconds, readText } from "./read-scalar.ts";
import type { Place, Report } from "./report.ts";

/**
 * Reads a value as its type says, and reports all that is wrong in it. What can't be read is left out, so that the rest
 * can be looked at as well: a whole `Value` only where nothing was reported.
 */
export const readValue = <Type extends FieldType>(
  node: Node,
  type: Type,
  place: Place,
): Draft<Value<Type>> | undefined => readAny(node, type, place) as Draft<Value<Type>> | undefined;

/** Whether a draft is the whole value: nothing was reported about it. */
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
      return toJson(node);
  }
};

const refuse = (node: Node, { path, report }: Place, expected: string): undefined => {
  report.add(
    node.at,
    path,
    isEmpty(node) ? `is empty; expected ${expected}` : `is ${describe(node)}; expected ${expected}`,
  );
};

const readList = (node: Node, type: { readonly of: FieldType; readonly minItems: number }, place: Place): unknown => {
  if (node.kind !== "list") return refuse(node, place, "a list");
  if (node.items.length < type.minItems)
    place.report.add(node.at, place.path, "is an empty list; expected at least one item");
  return node.items.map((item, index) => readAny(item, type.of, step(place, index)));
};

const readMap = (node: Node, type: MapType, place: Place): unknown => {
  if (node.kind !== "map") return refuse(node, place, "a map of names and values");
  return Object.fromEntries(node.entries.flatMap((entry) => readMapEntry(entry, type, place)));
};

const readMapEntry = (entry: Entry, type: MapType, place: Place): [string, unknown][] => {
  const inner = step(place, entry.key);
  const key: Node = { kind: "scalar", at: entry.keyAt, end: entry.keyAt, value: entry.key, source: "" };
  readText(key, type.keys, inner);
  if (isEmpty(entry.value) && type.emptyValue !== undefined) return [[entry.key, type.emptyValue]];
  return [[entry.key, readAny(entry.value, type.of, inner)]];
};

const readShape = (node: Node, type: ShapeType, place: Place): unknown => {
  if (node.kind === "map" && type.map !== undefined) return readAny(node, type.map, place);
  if (node.kind === "list" && type.list !== undefined) return readAny(node, type.list, place);
  if (node.kind === "scalar") return readAny(node, type.scalar, place);
  const shapes = ["a single value", type.list && "a list", type.map && "a map"].filter((shape) => shape !== undefined);
  return refuse(node, place, shapes.join(" or "));
};

const readObject = (node: Node, type: ObjectType, place: Place): unknown => {
  if (node.kind !== "map")
    return refuse(node, place, `a map with ${Object.keys(type.fields).slice(0, 3).join(", ")} …`);
  const given = matchFields(node, type, place);
  checkGroups(node, type, { given, place });
  return Object.fromEntries(
    Object.entries(type.fields).map(([name, field]) => [
      name,
      readField(given.get(name), field, { node, name, place }),
    ]),
  );
};

/** The entries by field. One that is misspelt is reported, and then read as what it was meant to be. */
const matchFields = (node: MapNode, type: ObjectType, place: Place): ReadonlyMap<string, Entry> => {
  const isField = (entry: Entry): boolean => Object.hasOwn(type.fields, entry.key);
  const given = new Map(node.entries.filter(isField).map((entry) => [entry.key, entry]));
  for (const entry of node.entries) {
    if (isField(entry)) continue;
    const near = suggest(entry.key, Object.keys(type.fields));
    const hint = near === null ? `expected one of ${Object.keys(type.fields).join(", ")}` : `did you mean '${near}'?`;
    place.report.add(entry.keyAt, [...place.path, entry.key], `unknown field; ${hint}`);
    if (near !== null && !given.has(near)) given.set(near, entry);
  }
  return given;
};

type FieldPlace = { readonly node: MapNode; readonly name: string; readonly place: Place };

const readField = (entry: Entry | undefined, field: Field, { node, name, place }: FieldPlace): unknown => {
  if (entry !== undefined && !isEmpty(entry.value)) return readAny(entry.value, field.type, step(place, entry.key));
  if (field.required) {
    const at = entry?.keyAt ?? node.entries[0]?.keyAt ?? node.at;
    place.report.add(
      at,
      [...place.path, entry?.key ?? name],
      `${entry === undefined ? "missing" : "is empty"}; ${expectedOf(field)}`,
    );
  }
  return field.default;
};

const expectedOf = (field: Field): string => {
  const example: Json | undefined = field.example;
  return example === undefined ? "it is required" : `it is required, for example ${JSON.stringify(example)}`;
};

const checkGroups = (
  node: MapNode,
  type: ObjectType,
  { given, place }: { readonly given: ReadonlyMap<string, Entry>; readonly place: Place },
): void => {
  const present = (group: readonly string[]): Entry[] =>
    group.flatMap((name) => {
      const entry = given.get(name);
      return entry === undefined || isEmpty(entry.value) ? [] : [entry];
    });
  for (const group of type.exclusive ?? []) {
    const [, second] = present(group);
    if (second !== undefined)
      place.report.add(
        second.keyAt,
        step(place, second.key).path,
        `given beside another way to say it; expected one of ${group.join(", ")}`,
      );
  }
  for (const group of type.oneOf ?? []) {
    if (present(group).length === 0)
      place.report.add(node.at, step(place, group[0] ?? "").path, `missing; expected one of ${group.join(", ")}`);
  }
};

const step = ({ path, report }: Place, next: string | number): Place => ({ path: [...path, next], report });
