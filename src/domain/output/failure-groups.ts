import type { Json } from "../../lib/json.ts";
import { shorten } from "../../lib/text.ts";
import type { Item } from "../item.ts";
import type { Reason } from "../run.ts";
import type { FailureCause } from "../task-run.ts";
import { normalise } from "./plain-line.ts";

/** A failed item, with the line that explains why. */
export type ItemFailure = Item & {
  readonly reason: Reason | null;
  /** What went wrong, as a sentence. */
  readonly error: string | null;
  readonly cause: FailureCause | null;
};

/** Failed items of a task whose lines differ at most in numbers, ids, and the item. */
export type FailureGroup = {
  /** The line or the error of the first of them. */
  readonly text: string;
  /** What the text is: a line of output, or the error of an item whose failure no line explains. */
  readonly kind: "line" | "error";
  readonly count: number;
  /** The first of them, in their order. */
  readonly items: readonly GroupedItem[];
};

type GroupedItem = Pick<Item, "index" | "key"> & {
  /** Number of the line in the output of the run; null if no line of this run explains it. */
  readonly seq: number | null;
};

/** Maximum number of groups, and of items that a group lists. */
export const MAX_GROUPS = 20;
export const MAX_GROUPED_ITEMS = 10;

const MAX_TEXT = 500;

/** Returns the largest groups, the largest first. Items that petit ended because others had failed come last. */
export const groupFailures = (items: readonly ItemFailure[]): readonly FailureGroup[] =>
  [...Map.groupBy(items, shapeOf).values()]
    .toSorted((left, right) => Number(isEnded(left)) - Number(isEnded(right)) || right.length - left.length)
    .slice(0, MAX_GROUPS)
    .map((group) => ({
      text: textOf(group[0]),
      kind: group[0]?.cause == null ? ("error" as const) : ("line" as const),
      count: group.length,
      items: group.slice(0, MAX_GROUPED_ITEMS).map(({ index, key, cause }) => ({
        index,
        key,
        seq: cause === null || cause.child !== null ? null : cause.seq,
      })),
    }));

/** Returns the groups if they say more than the line of one item: several items failed, and a line explains some of them. Else none. */
export const explainingGroups = (items: readonly ItemFailure[]): readonly FailureGroup[] => {
  const groups = groupFailures(items);
  return areExplaining(groups) ? groups : [];
};

/** Returns whether groups say more than the line of one item. */
export const areExplaining = (groups: readonly Pick<FailureGroup, "kind" | "count">[]): boolean =>
  groups.reduce((sum, { count }) => sum + count, 0) > 1 && groups.some(({ kind }) => kind === "line");

const isEnded = ([first]: readonly ItemFailure[]): boolean => first?.reason === "cancelled";

const textOf = (item: ItemFailure | undefined): string =>
  shorten(item?.cause?.text ?? item?.error ?? item?.reason ?? "failed", MAX_TEXT);

/** Returns the line of an item without what differs from item to item, or its error. */
export const shapeOf = (item: ItemFailure): string => {
  let text = textOf(item);
  if (item.cause === null) return text;
  for (const word of wordsOf(item)) text = text.replaceAll(word, "#");
  return normalise(text);
};

/** Shorter values are probably also parts of other words. */
const MIN_WORD = 3;

/** Returns the key and the values of an item, the longest first. */
const wordsOf = ({ key, value }: Item): readonly string[] =>
  [key, ...scalarsOf(value)]
    .filter((word) => word.length >= MIN_WORD)
    .toSorted((left, right) => right.length - left.length);

const scalarsOf = (value: Json): readonly string[] => {
  if (value === null || typeof value === "boolean") return [];
  if (typeof value === "object") return Object.values(value).flatMap(scalarsOf);
  return [String(value)];
};
