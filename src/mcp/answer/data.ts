import { withoutFence } from "./fence.ts";
import { cut, visible } from "./text.ts";

/** A value of JSON. Fields that are undefined, null, or an empty list or map are left out of an answer. */
export type Data = string | number | boolean | null | undefined | readonly Data[] | { readonly [name: string]: Data };

type Limits = { readonly text: number; readonly entries: number };

/** What a value is shortened to, one after the other, until it fits. */
const LIMITS: readonly Limits[] = [
  { text: 2_000, entries: 200 },
  { text: 500, entries: 50 },
  { text: 200, entries: 20 },
  { text: 80, entries: 8 },
  { text: 40, entries: 3 },
];

/** Returns a value as JSON of at most `max` characters: if it is longer, its texts and lists are shortened, and say so. */
export const fit = (data: Data, max: number): string => {
  for (const limits of [{ text: Number.POSITIVE_INFINITY, entries: Number.POSITIVE_INFINITY }, ...LIMITS]) {
    const json = JSON.stringify(shrink(data, limits) ?? null);
    if (json.length <= max) return json;
  }
  return JSON.stringify("too long to show");
};

const shrink = (data: Data, limits: Limits): Data => {
  if (typeof data === "string") return cut(withoutFence(visible(data)), limits.text);
  if (isList(data)) {
    const shown = data.slice(0, limits.entries).map((each) => shrink(each, limits));
    return data.length > shown.length ? [...shown, `… and ${data.length - shown.length} more`] : shown;
  }
  if (typeof data !== "object" || data === null) return data;
  const all = Object.entries(data).filter(([, value]) => !isEmpty(value));
  const shown = all.slice(0, Math.max(limits.entries, FIELDS));
  const more = all.length - shown.length;
  return Object.fromEntries([
    ...shown.map(([name, value]) => [cut(withoutFence(visible(name)), limits.text), shrink(value, limits)]),
    ...(more > 0 ? [["…", `${more} more`]] : []),
  ]);
};

/** The fields of answers are fewer; params of a job can be more. */
const FIELDS = 30;

/** `Array.isArray` does not know lists that can't be changed. */
const isList = (data: Data): data is readonly Data[] => Array.isArray(data);

const isEmpty = (data: Data): boolean => {
  if (data === undefined || data === null) return true;
  if (isList(data)) return data.length === 0;
  return typeof data === "object" && Object.values(data).every(isEmpty);
};
