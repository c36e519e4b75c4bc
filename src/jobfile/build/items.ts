import { combine, type DeclaredMatrix, type ItemSource, type ItemsSpec } from "../../domain/item.ts";
import type { Json } from "../../lib/json.ts";
import type { TaskFields } from "../schema/job.ts";

type ItemFields = Pick<TaskFields, "foreach" | "matrix" | "item_key" | "max_parallel" | "fail_fast" | "max_failures">;

/** Builds how a task is repeated, or returns undefined if it runs once. */
export const buildItems = (fields: ItemFields): ItemsSpec | undefined => {
  const source = buildSource(fields);
  if (source === undefined) return undefined;
  const maxFailures = fields.max_failures ?? "0";
  return {
    source,
    key: fields.item_key ?? null,
    maxParallel: fields.max_parallel ?? null,
    failFast: fields.fail_fast ?? false,
    maxFailures: { unit: maxFailures.endsWith("%") ? "percent" : "items", value: Number.parseInt(maxFailures, 10) },
  };
};

/** Returns the items of valid fields. */
export const buildSource = ({ foreach, matrix }: Pick<ItemFields, "foreach" | "matrix">): ItemSource | undefined => {
  if (matrix !== undefined) {
    const declared = declaredMatrix(matrix);
    return { kind: "matrix", combinations: combine(declared), declared };
  }
  if (foreach === undefined) return undefined;
  if (typeof foreach === "string") return { kind: "template", text: foreach };
  if ("range" in foreach) {
    const [from = 0, to = from] = foreach.range;
    return { kind: "range", from, to };
  }
  return { kind: "list", values: foreach };
};

type Combination = { readonly [axis: string]: Json };

const declaredMatrix = ({
  exclude = [],
  include = [],
  ...axes
}: {
  readonly [name: string]: Json;
}): DeclaredMatrix => ({
  axes: Object.fromEntries(Object.entries(axes).map(([axis, values]) => [axis, toList(values)])),
  exclude: toList(exclude).filter(isMap),
  include: toList(include).filter(isMap),
});

const toList = (value: Json): readonly Json[] => (Array.isArray(value) ? value : []);

export const isMap = (value: Json | undefined): value is Combination =>
  typeof value === "object" && value !== null && !Array.isArray(value);
