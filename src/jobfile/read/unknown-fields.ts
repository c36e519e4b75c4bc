import { nearest } from "../hints.ts";
import type { Entry, MapNode } from "../parse/node.ts";
import type { Place } from "../place.ts";
import type { ObjectType } from "../schema/field.ts";

/** Returns the entries by field. Reports a misspelt key, then uses it as the field that was probably meant. */
export const matchFields = (node: MapNode, type: ObjectType, place: Place): ReadonlyMap<string, Entry> => {
  const given = new Map<string, Entry>();
  const unknown: Entry[] = [];
  for (const entry of node.entries) {
    if (Object.hasOwn(type.fields, entry.key)) given.set(entry.key, entry);
    else unknown.push(entry);
  }
  for (const entry of unknown) {
    if (isExcused(entry, type, given)) continue;
    const meant = reportUnknown(entry, { type, names: candidatesFor(type, given), place });
    if (meant === null || given.has(meant)) continue;
    given.set(meant, entry);
    place.report.readAs(entry, meant);
  }
  return given;
};

/** Returns whether an unknown field is not reported, because it belongs to a value that is reported itself. */
const isExcused = (entry: Entry, type: ObjectType, given: ReadonlyMap<string, Entry>): boolean =>
  Object.entries(type.excused ?? {}).some(([name, byValue]) => {
    const value = given.get(name)?.value;
    return value?.kind === "scalar" && byValue[String(value.value)]?.includes(entry.key);
  });

/** Returns the names of all fields. Required fields that are missing come first: of two equally similar names, the first is suggested. */
const candidatesFor = (type: ObjectType, given: ReadonlyMap<string, Entry>): readonly string[] => {
  const isMissing = (name: string): boolean => type.fields[name]?.required === true && !given.has(name);
  const names = Object.keys(type.fields);
  const missing = names.filter(isMissing);
  return missing.length === 0 ? names : [...new Set([...missing, ...names])];
};

type UnknownContext = { readonly type: ObjectType; readonly names: readonly string[]; readonly place: Place };

/** Reports an unknown field and returns the field that was probably meant, or null. */
const reportUnknown = (entry: Entry, { type, names, place }: UnknownContext): string | null => {
  const { otherNames = {} } = type;
  const other = Object.hasOwn(otherNames, entry.key) ? otherNames[entry.key] : undefined;
  if (other !== undefined) {
    place.inside(entry.key).refuse({ at: entry.keyAt }, `unknown field; did you mean '${other}'?`);
    return null;
  }
  const near = nearest(entry.key, names);
  const hint = near === null ? `expected one of ${names.join(", ")}` : `did you mean '${near}'?`;
  place.inside(entry.key).refuse({ at: entry.keyAt }, `unknown field; ${hint}`);
  return near;
};
