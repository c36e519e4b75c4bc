import { InvalidItemsError, toItems, valuesOf } from "../../domain/expand-items.ts";
import { type Item, MAX_ITEMS } from "../../domain/item.ts";
import type { Json } from "../../lib/json.ts";
import { buildSource, isMap } from "../build/items.ts";
import { listed } from "../hints.ts";
import type { Path } from "../parse/node.ts";
import type { Report } from "../report.ts";
import type { ITEM_FIELDS } from "../schema/items.ts";
import type { JobDraft, TaskDraft } from "../schema/job.ts";
import { expandTemplate, findTemplates, type TemplateScope } from "../template.ts";

/** Checks the items of each task as far as they are known before a run: their number, their keys, and their variables. */
export const checkItems = ({ tasks = [] }: JobDraft, report: Report): void => {
  for (const [index, task] of tasks.entries())
    if (task !== undefined) checkTask(task, { path: ["tasks", index], report });
};

type TaskPlace = { readonly path: Path; readonly report: Report };

const checkTask = (task: TaskDraft, place: TaskPlace): void => {
  const { path, report } = place;
  const { foreach, matrix } = task;
  if (foreach === undefined && matrix === undefined) {
    if (report.has([...path, "foreach"]) || report.has([...path, "matrix"])) return;
    for (const name of DEPENDENT)
      if (task[name] !== undefined) report.addAt([...path, name], "has no effect here; it needs foreach or matrix");
    return;
  }
  const isReadable = matrix === undefined ? checkForeach(task, place) : checkMatrix(matrix, place);
  if (isReadable && !hasDynamicItems(task)) checkStatic(task, place);
};

const DEPENDENT = [
  "item_key",
  "max_parallel",
  "fail_fast",
  "max_failures",
] as const satisfies readonly (keyof typeof ITEM_FIELDS)[];

const checkForeach = ({ foreach }: TaskDraft, { path, report }: TaskPlace): boolean => {
  const refuse = (message: string, ...steps: Path): false => {
    report.addAt([...path, "foreach", ...steps], message);
    return false;
  };
  if (typeof foreach === "string") {
    if (findTemplates(foreach).length > 0) return true;
    return refuse(`is a single value; expected ${SOURCES}`);
  }
  if (foreach === undefined || Array.isArray(foreach)) return true;
  const range: readonly (number | undefined)[] = "range" in foreach ? (foreach.range ?? []) : [];
  const [from, to] = range;
  if (from === undefined || (to === undefined && range.length > 1)) return false;
  if (to === undefined || range.length > 2) return refuse("expected two numbers, as in [1, 10]", "range");
  return from <= to || refuse(`counts down from ${from} to ${to}; expected the lower number first`, "range");
};

const SOURCES = "a list, a template that yields a JSON array, or {range: [FIRST, LAST]}";

const checkMatrix = (matrix: NonNullable<TaskDraft["matrix"]>, { path, report }: TaskPlace): boolean => {
  let isValid = true;
  const refuse = (message: string, ...steps: Path): void => {
    isValid = false;
    report.addAt([...path, "matrix", ...steps], message);
  };
  const { exclude, include, ...axes } = matrix;
  let combinations = 1;
  for (const [axis, values] of Object.entries(axes)) {
    if (!Array.isArray(values) || values.length === 0) refuse("expected a list with at least one value", axis);
    else combinations *= values.length;
  }
  for (const [name, entries] of Object.entries({ exclude, include })) {
    if (entries === undefined) continue;
    if (!Array.isArray(entries)) refuse("expected a list of maps, as in [{os: trixie}]", name);
    else
      for (const [index, entry] of entries.entries()) {
        if (!isMap(entry)) refuse("expected a map, as in {os: trixie}", name, index);
        else if (name === "exclude")
          for (const axis of Object.keys(entry))
            if (!Object.hasOwn(axes, axis))
              refuse(`there is no axis '${axis}'; the matrix has ${listed(Object.keys(axes))}`, name, index, axis);
      }
  }
  if (Object.keys(axes).length === 0 && (!Array.isArray(include) || include.length === 0))
    refuse("has no axis; expected at least one, as in {os: [bookworm, trixie]}");
  if (combinations > 100 * MAX_ITEMS) refuse(`has ${combinations} combinations; expected at most ${MAX_ITEMS}`);
  return isValid;
};

/** Returns whether the items, or their keys, depend on the run. */
const hasDynamicItems = ({ foreach, matrix, item_key }: TaskDraft): boolean =>
  hasTemplate(foreach ?? matrix ?? null) ||
  findTemplates(item_key ?? "").some(({ reference }) => !["item", "itemKey", "matrix"].includes(reference?.kind ?? ""));

const hasTemplate = (value: unknown): boolean => {
  if (typeof value === "string") return value.includes("${{");
  return typeof value === "object" && value !== null && Object.values(value).some(hasTemplate);
};

const checkStatic = (task: TaskDraft, { path, report }: TaskPlace): void => {
  const field = task.matrix === undefined ? "foreach" : "matrix";
  const source = buildSource(task as Pick<TaskDraftItems, "foreach" | "matrix">);
  if (source === undefined) return;
  const { item_key: key } = task;
  try {
    const values = source.kind === "range" ? sizedRange(source) : valuesOf(source, (text) => text);
    toItems(values, {
      isMatrix: field === "matrix",
      ...(key !== undefined && { keyOf: (item: Item) => expandTemplate(key, scopeOf(item)) }),
    });
  } catch (error) {
    if (!(error instanceof InvalidItemsError)) throw error;
    const steps = field === "foreach" && Array.isArray(task.foreach) && error.index !== null ? [error.index] : [];
    report.addAt([...path, field, ...steps], error.message);
  }
};

type TaskDraftItems = Parameters<typeof buildSource>[0];

const sizedRange = ({ from, to }: { readonly from: number; readonly to: number }): readonly Json[] =>
  Array.from({ length: Math.min(to - from + 1, 1_000_000) }, (_, index) => from + index);

/** The values of a template that refers to nothing but the item. */
const scopeOf = (item: Item): TemplateScope => ({
  params: {},
  config: {},
  outputs: new Map(),
  statuses: new Map(),
  itemCounts: new Map(),
  item,
  jobId: "",
  runId: "",
  scheduledFor: null,
  intervalStart: null,
  event: null,
});
