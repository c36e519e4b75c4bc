import type { TaskId } from "../domain/ids.ts";
import type { Item } from "../domain/item.ts";
import type { Job } from "../domain/job.ts";
import type { ParamValues } from "../domain/run.ts";
import { asText } from "../domain/task-environment.ts";
import type { Outputs, TaskStatus } from "../domain/task-run.ts";
import { ExactNumber, type Json } from "../lib/json.ts";
import { Expression, type ExpressionProblem, type ExpressionScope } from "./expression/expression.ts";
import { ExpressionWork } from "./expression/work.ts";

/** The value that a template refers to. */
export type TemplateReference =
  | { readonly kind: "param"; readonly name: string }
  /** `config.a.b` is the key `a.b` if it exists, otherwise the key `b` of the map `a`. */
  | { readonly kind: "config"; readonly key: string }
  | { readonly kind: "output"; readonly task: string; readonly key: string }
  /** The item itself, or a value in it, as in `config`. */
  | { readonly kind: "item"; readonly field: string | null }
  | { readonly kind: "itemKey" }
  | { readonly kind: "matrix"; readonly axis: string }
  | { readonly kind: "jobId" }
  | { readonly kind: "runId" }
  /** A time of the occurrence that the run is for. */
  | { readonly kind: "time"; readonly name: RunTime };

/** The times of a run, as expressions name them. `interval_end` is `scheduled_for`, and `interval_start` the occurrence before that. */
export const RUN_TIMES = ["scheduled_for", "interval_start", "interval_end"] as const;
export type RunTime = (typeof RUN_TIMES)[number];

/** A `${{ … }}` in a text. `reference` is null if the expression is not a known form. */
export type Template = {
  readonly text: string;
  readonly expression: string;
  readonly reference: TemplateReference | null;
};

/** The supported references, for messages. */
export const REFERENCE_FORMS =
  "params.X, config.X, tasks.T.outputs.K, job.id, run.id, run.scheduled_for, run.interval_start, run.interval_end, item, item.FIELD, item_key, matrix.AXIS";

/**
 * Also matches a template without closing braces, which extends to the end of the text. Braces inside a string of the expression
 * do not close it.
 */
const TEMPLATE = /\$\{\{((?:[^'}]+|'[^']*(?:'|$)|\}(?!\}))*)(\}\}|$)/g;

/** Returns whether a text contains a template, even one without closing braces. */
export const hasTemplate = (text: string): boolean => text.includes("${{");

/** Returns all templates of a text, in order. */
export const findTemplates = (text: string): readonly Template[] =>
  hasTemplate(text) ? Array.from(text.matchAll(TEMPLATE), ([text, inner]) => toTemplate(text, inner)) : [];

const toTemplate = (text: string, inner = ""): Template => {
  const expression = inner.trim();
  return { text, expression, reference: text.endsWith("}}") ? parseReference(expression) : null };
};

const parseReference = (expression: string): TemplateReference | null => {
  if (expression === "job.id") return { kind: "jobId" };
  if (expression === "run.id") return { kind: "runId" };
  const time = RUN_TIMES.find((name) => expression === `run.${name}`);
  if (time !== undefined) return { kind: "time", name: time };
  if (expression === "item") return { kind: "item", field: null };
  if (expression === "item_key") return { kind: "itemKey" };
  const [, root, rest = ""] = /^(params|config|tasks|item|matrix)\.(\S+)$/.exec(expression) ?? [];
  // Keys may have any characters, but what the language can read is an expression, such as `config.list[1]`.
  if (!/^[\w.-]*$/.test(rest) && Expression.parse(expression) instanceof Expression) return null;
  if (root === "params") return { kind: "param", name: rest };
  if (root === "config") return { kind: "config", key: rest };
  if (root === "item") return { kind: "item", field: rest };
  if (root === "matrix") return { kind: "matrix", axis: rest };
  const [, task, key] = (root === "tasks" && /^(.+?)\.outputs\.(.+)$/.exec(rest)) || [];
  return task === undefined || key === undefined ? null : { kind: "output", task, key };
};

/** The values for the templates of a run. */
export type TemplateScope = {
  readonly params: ParamValues;
  readonly config: Job["config"];
  /** The outputs of the tasks that ended. */
  readonly outputs: ReadonlyMap<TaskId, Outputs>;
  readonly statuses: ReadonlyMap<TaskId, TaskStatus>;
  /** How many items each task with items has. */
  readonly itemCounts: ReadonlyMap<TaskId, number>;
  /** Null outside of a task with items. */
  readonly item: Item | null;
  readonly jobId: string;
  readonly runId: string;
  /** The event that started the run; null if none did. */
  readonly event: Json;
  /** In ms since the Unix epoch; null for a manual run. */
  readonly scheduledFor: number | null;
  /** Null also if there is no earlier occurrence. */
  readonly intervalStart: number | null;
};

/**
 * Replaces each template by its value. Values are not expanded again. Maps and lists become JSON; an output or a param
 * without a value becomes an empty text.
 */
export const expandTemplate = (text: string, scope: TemplateScope): string =>
  hasTemplate(text) ? text.replace(TEMPLATE, (match, inner: string) => fill(toTemplate(match, inner), scope)) : text;

/** Like `expandTemplate`, but returns null if the text is one template alone and its value is null. */
export const expandOptional = (text: string, scope: TemplateScope): string | null => {
  const [template] = findTemplates(text);
  if (template?.text !== text) return expandTemplate(text, scope);
  const { reference } = template;
  if (reference?.kind === "config" && (configValue(scope.config, reference.key) ?? null) === null) return null;
  const expression = reference === null ? Expression.parse(template.expression) : null;
  if (!(expression instanceof Expression)) return fill(template, scope);
  const value = evaluate(expression, scope);
  return value === null ? null : asText(value);
};

/**
 * Replaces the templates in all texts of a value. A text that is nothing but an expression with a function or an operator,
 * such as `${{ fromJSON(…) }}`, becomes the value of the expression; any other stays a text.
 */
export const expandJson = (value: Json, scope: () => TemplateScope): Json => {
  if (typeof value === "string") return hasTemplate(value) ? expandText(value, scope()) : value;
  if (typeof value !== "object" || value === null || value instanceof ExactNumber) return value;
  if (Array.isArray(value)) return value.map((each) => expandJson(each, scope));
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, expandJson(each, scope)]));
};

const expandText = (text: string, scope: TemplateScope): Json => {
  const [template] = findTemplates(text);
  const expression =
    template?.text === text && template.reference === null ? Expression.parse(template.expression) : null;
  return expression instanceof Expression ? evaluate(expression, scope) : expandTemplate(text, scope);
};

const fill = (template: Template, scope: TemplateScope): string => {
  const { reference } = template;
  switch (reference?.kind) {
    case "param":
      return ownValue(scope.params, reference.name) ?? "";
    case "config":
      return asText(configValue(scope.config, reference.key) ?? null);
    case "output":
      return outputValue(scope, reference);
    case "item":
      return itemValue(scope.item, reference.field);
    case "itemKey":
      return scope.item?.key ?? "";
    case "matrix":
      return itemValue(scope.item, reference.axis);
    case "jobId":
      return scope.jobId;
    case "runId":
      return scope.runId;
    case "time":
      return timesOf(scope)[reference.name];
    case undefined: {
      const expression = Expression.parse(template.expression);
      if (!(expression instanceof Expression)) return template.text;
      return asText(evaluate(expression, scope));
    }
  }
};

/** The expressions of a task share the work that they may be. */
const WORK = new WeakMap<TemplateScope, ExpressionWork>();

const evaluate = (expression: Expression, scope: TemplateScope): Json => {
  const work = WORK.get(scope) ?? new ExpressionWork();
  WORK.set(scope, work);
  return expression.evaluate(expressionScope(scope, expression), work);
};

/** Returns the expression of an `if`, which may be wrapped in `${{ }}`, or what is wrong with it. */
export const parseIf = (text: string): Expression | ExpressionProblem => {
  const [, wrapped] = /^\s*\$\{\{([\s\S]*)\}\}\s*$/.exec(text) ?? [];
  return Expression.parse(wrapped ?? text);
};

/** Returns the values that an expression can refer to. */
export const expressionScope = (
  scope: TemplateScope,
  { references }: Pick<Expression, "references">,
): ExpressionScope => ({
  params: scope.params,
  config: scope.config,
  job: { id: scope.jobId },
  run: { id: scope.runId, ...timesOf(scope) },
  tasks: Object.fromEntries(
    [...scope.outputs].map(([id, own]) => {
      const count = scope.itemCounts.get(id);
      const outputs = count === undefined ? own : { ...missingOutputs(references, id, count), ...own };
      return [id, { status: scope.statuses.get(id) ?? null, outputs }];
    }),
  ),
  item: scope.item?.value ?? null,
  item_key: scope.item?.key ?? null,
  matrix: scope.item?.value ?? null,
  event: scope.event,
});

const timesOf = ({ scheduledFor, intervalStart }: TemplateScope): { readonly [Name in RunTime]: string } => {
  const textOf = (at: number | null): string => (at === null ? "" : new Date(at).toISOString());
  const end = textOf(scheduledFor);
  return { scheduled_for: end, interval_start: textOf(intervalStart), interval_end: end };
};

const ownValue = <Value>(record: { readonly [key: string]: Value }, key: string): Value | undefined =>
  Object.hasOwn(record, key) ? record[key] : undefined;

/** An output that no item of a task has is an array of nulls, and an empty array if there are no items. */
const missingOutput = (count: number): string => JSON.stringify(new Array(count).fill(null));

/** Returns the values of the outputs of a task with items to which an expression refers, as if no item had them. */
const missingOutputs = (references: Expression["references"], task: string, count: number): Outputs =>
  Object.fromEntries(
    references.flatMap(({ context, names: [id, field, key] }) =>
      context === "tasks" && id === task && field === "outputs" && key !== undefined
        ? [[key, missingOutput(count)]]
        : [],
    ),
  );

const outputValue = (
  { outputs, itemCounts }: TemplateScope,
  { task, key }: { readonly task: string; readonly key: string },
): string => {
  for (const [id, values] of outputs) {
    if (id !== task) continue;
    const count = itemCounts.get(id);
    return ownValue(values, key) ?? (count === undefined ? "" : missingOutput(count));
  }
  return "";
};

const itemValue = (item: Item | null, field: string | null): string => {
  if (item === null) return "";
  if (field === null) return asText(item.value);
  return asText((isMap(item.value) ? configValue(item.value, field) : undefined) ?? null);
};

/** Returns undefined if there is no such value. */
export const configValue = <Value>(config: { readonly [key: string]: Value }, key: string): Value | undefined => {
  const direct = ownValue(config, key);
  if (direct !== undefined) return direct;
  for (let dot = key.indexOf("."); dot !== -1; dot = key.indexOf(".", dot + 1)) {
    const inner = ownValue(config, key.slice(0, dot));
    const found = isMap(inner) ? configValue(inner, key.slice(dot + 1)) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
};

const isMap = <Value>(value: Value): value is Value & { readonly [key: string]: Value } =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber);
