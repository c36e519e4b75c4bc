import { isJsonMap, type Json } from "../../lib/json.ts";
import { assertNever } from "../../lib/never.ts";
import type { Job } from "../job.ts";
import { type Fields, jobFields } from "./job-fields.ts";

/** A step of a path: the name of a field, the place of an element from 0, or the element of a list that a field identifies. */
type Step = string | number | { readonly field: string; readonly is: string };

type Path = readonly Step[];

/** What differs between two values at a path. */
export type Change =
  | { readonly kind: "added"; readonly path: Path; readonly after: Json }
  | { readonly kind: "removed"; readonly path: Path; readonly before: Json }
  | { readonly kind: "changed"; readonly path: Path; readonly before: Json; readonly after: Json }
  /** The elements of a list are in another order, beside what was added and removed. Both are what identifies them. */
  | {
      readonly kind: "reordered";
      readonly path: Path;
      readonly field: string;
      readonly before: readonly string[];
      readonly after: readonly string[];
    };

/** Returns what differs between two definitions, field by field. Their texts and places in a file do not matter. */
export const diffDefinitions = (before: Job, after: Job): readonly Change[] =>
  diffValues(jobFields(before), jobFields(after));

/** Returns what differs between two values. `applyChanges(before, changes)` equals `after`. */
export const diffValues = (before: Json, after: Json, path: Path = []): readonly Change[] => {
  if (isSame(before, after)) return [];
  if (isJsonMap(before) && isJsonMap(after)) return diffMaps(before, after, path);
  if (Array.isArray(before) && Array.isArray(after)) return diffLists(before, after, path);
  return [{ kind: "changed", path, before, after }];
};

const diffMaps = (before: Fields, after: Fields, path: Path): readonly Change[] => {
  const changes: Change[] = [];
  for (const [name, value] of Object.entries(before)) {
    const next = ownValue(after, name);
    if (next === undefined) changes.push({ kind: "removed", path: [...path, name], before: value });
    else changes.push(...diffValues(value, next, [...path, name]));
  }
  for (const [name, value] of Object.entries(after))
    if (!Object.hasOwn(before, name)) changes.push({ kind: "added", path: [...path, name], after: value });
  return changes;
};

const diffLists = (before: readonly Json[], after: readonly Json[], path: Path): readonly Change[] => {
  const field = IDENTITIES.find((each) => isIdentity(before, each) && isIdentity(after, each));
  if (field !== undefined) return diffElements(before.filter(isJsonMap), after.filter(isJsonMap), { field, path });
  if (before.length !== after.length || ![...before, ...after].every(isJsonMap))
    return [{ kind: "changed", path, before, after }];
  return before.flatMap((each, index) => diffValues(each, after[index] ?? null, [...path, index]));
};

/** The fields that identify the elements of a list, if all have one of them, and no two the same. */
const IDENTITIES = ["id", "name", "job"] as const;

const isIdentity = (list: readonly Json[], field: string): boolean => {
  const values = list.map((each) => (isJsonMap(each) ? ownValue(each, field) : undefined));
  return values.every((each) => typeof each === "string") && new Set(values).size === list.length;
};

type ListPlace = { readonly field: string; readonly path: Path };

const diffElements = (
  before: readonly Fields[],
  after: readonly Fields[],
  { field, path }: ListPlace,
): readonly Change[] => {
  const [old, current] = [byIdentity(before, field), byIdentity(after, field)];
  const stepTo = (is: string): Path => [...path, { field, is }];
  const changes: Change[] = [];
  for (const [is, value] of old) {
    const next = current.get(is);
    if (next === undefined) changes.push({ kind: "removed", path: stepTo(is), before: value });
    else changes.push(...diffValues(value, next, stepTo(is)));
  }
  const kept = [...old.keys()].filter((is) => current.has(is));
  const added = [...current].filter(([is]) => !old.has(is));
  for (const [is, value] of added) changes.push({ kind: "added", path: stepTo(is), after: value });
  const [unsorted, sorted] = [[...kept, ...added.map(([is]) => is)], [...current.keys()]];
  if (!isSame(unsorted, sorted))
    changes.push({ kind: "reordered", path, field, before: [...old.keys()], after: sorted });
  return changes;
};

const byIdentity = (list: readonly Fields[], field: string): ReadonlyMap<string, Fields> =>
  new Map(list.map((each) => [String(each[field]), each]));

/** Returns the value with the changes made. They must be those of a comparison with this value. */
export const applyChanges = (value: Json, changes: readonly Change[]): Json =>
  changes.reduce((changed, change) => applyAt(changed, change.path, change), value);

const applyAt = (value: Json | undefined, path: Path, change: Change): Json => {
  const [step, ...rest] = path;
  if (step === undefined) return replaced(value ?? null, change);
  const isRemoved = rest.length === 0 && change.kind === "removed";
  if (typeof step === "string") {
    const { [step]: old, ...others } = isJsonMap(value) ? value : {};
    if (isRemoved) return others;
    const next = applyAt(old, rest, change);
    return isJsonMap(value) && old !== undefined ? { ...value, [step]: next } : { ...others, [step]: next };
  }
  const list = Array.isArray(value) ? [...value] : [];
  const index = indexOf(list, step);
  if (isRemoved) return list.filter((_, at) => at !== index);
  const at = index === -1 ? list.length : index;
  list[at] = applyAt(list[at], rest, change);
  return list;
};

const replaced = (value: Json, change: Change): Json => {
  switch (change.kind) {
    case "added":
    case "changed":
      return change.after;
    case "removed":
      return null;
    case "reordered": {
      const elements = byIdentity(Array.isArray(value) ? value.filter(isJsonMap) : [], change.field);
      return change.after.map((is) => elements.get(is) ?? null);
    }
    default:
      return assertNever(change);
  }
};

/** Returns the value at a path; undefined if there is none. `shape` is a value with the same structure, in which the path is looked up. */
export const valueAt = (value: Json, path: Path, shape: Json = value): Json | undefined => {
  let [found, like]: [Json | undefined, Json | undefined] = [value, shape];
  for (const step of path) {
    const key: string | number = typeof step === "object" ? indexOf(Array.isArray(like) ? like : [], step) : step;
    [found, like] = [childOf(found, key), childOf(like, key)];
  }
  return found;
};

const childOf = (value: Json | undefined, key: string | number): Json | undefined => {
  if (typeof key === "number") return Array.isArray(value) ? value[key] : undefined;
  return isJsonMap(value) ? ownValue(value, key) : undefined;
};

const indexOf = (list: readonly Json[], step: Exclude<Step, string>): number =>
  typeof step === "number" ? step : list.findIndex((each) => isJsonMap(each) && each[step.field] === step.is);

const ownValue = (map: Fields, name: string): Json | undefined => (Object.hasOwn(map, name) ? map[name] : undefined);

/** Returns a path as text, such as `tasks.load.retry.delay` or `notify[0].url`. */
export const pathText = (path: Path): string =>
  path.reduce<string>((text, step) => {
    if (typeof step === "number") return `${text}[${step}]`;
    const name = typeof step === "string" ? step : step.is;
    if (!/^[\w-]+$/.test(name)) return `${text}[${JSON.stringify(name)}]`;
    return text === "" ? name : `${text}.${name}`;
  }, "");

/** Returns whether two values are equal. The order of the fields of a map does not matter. */
const isSame = (a: Json | undefined, b: Json | undefined): boolean => {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((each: Json, index) => isSame(each, b[index]));
  if (isJsonMap(a) && isJsonMap(b)) {
    const names = Object.keys(a);
    return (
      names.length === Object.keys(b).length &&
      names.every((name) => Object.hasOwn(b, name) && isSame(a[name], b[name]))
    );
  }
  // Numbers that no JavaScript number has are objects.
  return typeof a === "object" && typeof b === "object" && !isJsonMap(a) && JSON.stringify(a) === JSON.stringify(b);
};
