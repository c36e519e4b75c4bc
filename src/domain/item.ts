import type { Json } from "../lib/json.ts";

/** One instance of a task that runs once for each item of a list. */
export type Item = {
  /** Position in the list, from 0. */
  readonly index: number;
  /** Unique within the task. */
  readonly key: string;
  /** For a matrix, a map from axis to value. */
  readonly value: Json;
};

/** Maximum number of items of a task. */
export const MAX_ITEMS = 1_000;

/** The items of a task, as declared. */
export type ItemsSpec = {
  readonly source: ItemSource;
  /** A template for the key of an item; null means that the key follows from the value. */
  readonly key: string | null;
  /** Maximum number of items that run at the same time; null means only the limit of the run. */
  readonly maxParallel: number | null;
  /** True: when too many items have failed, the running ones are ended and the pending ones are skipped. */
  readonly failFast: boolean;
  /** How many items may fail before the task fails. */
  readonly maxFailures: { readonly unit: "items" | "percent"; readonly value: number };
};

export type ItemSource =
  | { readonly kind: "list"; readonly values: readonly Json[] }
  /** Both ends are included. */
  | { readonly kind: "range"; readonly from: number; readonly to: number }
  /** The template yields a JSON array. */
  | { readonly kind: "template"; readonly text: string }
  | {
      readonly kind: "matrix";
      readonly combinations: readonly Combination[];
      /** Absent in definitions that an earlier petit has stored. */
      readonly declared?: DeclaredMatrix;
    };

/** A matrix as the job file has it. */
export type DeclaredMatrix = {
  readonly axes: { readonly [axis: string]: readonly Json[] };
  readonly exclude: readonly Combination[];
  readonly include: readonly Combination[];
};

type Combination = { readonly [axis: string]: Json };

/**
 * Returns the combinations of a matrix, the last axis changing fastest, by the rules of GitHub Actions: `exclude` removes
 * the combinations that have all of its values; an entry of `include` extends every combination whose original values it
 * does not change, and is a combination of its own if there is none.
 */
export const combine = ({ axes, exclude, include }: DeclaredMatrix): readonly Combination[] => {
  let product: Combination[] = Object.keys(axes).length === 0 ? [] : [{}];
  for (const [axis, values] of Object.entries(axes))
    product = product.flatMap((combination) => values.map((value) => ({ ...combination, [axis]: value })));
  const originals = product.filter((each) => !exclude.some((excluded) => agrees(each, Object.entries(excluded))));
  const extended = [...originals];
  const added: Combination[] = [];
  for (const entry of include) {
    const own = Object.entries(entry).filter(([axis]) => Object.hasOwn(axes, axis));
    let isUsed = false;
    for (const [index, original] of originals.entries()) {
      if (!agrees(original, own)) continue;
      extended[index] = { ...extended[index], ...entry };
      isUsed = true;
    }
    if (!isUsed) added.push(entry);
  }
  return [...extended, ...added];
};

const agrees = (combination: Combination, entries: readonly (readonly [string, Json])[]): boolean =>
  entries.every(([axis, value]) => JSON.stringify(combination[axis]) === JSON.stringify(value));

/** Returns whether so many failed items, of `total`, make their task fail. */
export const isTooManyFailures = (failed: number, total: number, { unit, value }: ItemsSpec["maxFailures"]): boolean =>
  unit === "items" ? failed > value : failed * 100 > value * total;
