import { upstreamsOf } from "../../domain/graph.ts";
import { assertNever } from "../../lib/never.ts";
import { Expression, type ExpressionProblem, type ExpressionReference } from "../expression/expression.ts";
import { hint, listed, makeHints } from "../hints.ts";
import type { Path } from "../parse/node.ts";
import type { Report } from "../report.ts";
import type { JobDraft, TaskDraft } from "../schema/job.ts";
import { type TaskEdges, taskEdges } from "../task-edges.ts";
import {
  configValue,
  findTemplates,
  parseIf,
  REFERENCE_FORMS,
  RUN_TIMES,
  type Template,
  type TemplateReference,
} from "../template.ts";
import { insteadOf } from "../template-hint.ts";
import { whyNoEventValue } from "./triggers/event-fields.ts";

/** A place where an output of a task is read. */
export type OutputRead = { readonly task: string; readonly name: string; readonly path: Path };

/**
 * Checks that every template is in a field where templates are expanded and refers to something that can exist. Returns the outputs that
 * are read.
 */
export const checkTemplates = (draft: JobDraft, report: Report): readonly OutputRead[] => {
  const reads: OutputRead[] = [];
  const edges = taskEdges(draft);
  const top = {
    draft,
    reads,
    report,
    edges,
    taskHint: makeHints(edges.keys().toArray(), "expected the id of a task of this job"),
  };
  for (const [name, value] of Object.entries(draft.environment ?? {})) {
    if (typeof value === "string") judgeTemplates(value, { ...top, path: ["environment", name], task: null }, whyWrong);
  }
  for (const [name, value] of Object.entries(draft.outputs ?? {})) {
    judgeTemplates(value, { ...top, path: ["outputs", name], task: null }, whyWrong);
  }
  for (const [index, task] of (draft.tasks ?? []).entries()) {
    if (task !== undefined) checkTask(task, { ...top, path: ["tasks", index], task });
  }
  return reads;
};

type TemplateContext = {
  readonly draft: JobDraft;
  /** Where the outputs that are read are added. */
  readonly reads: OutputRead[];
  readonly report: Report;
  readonly path: Path;
  /** Null for the fields of the job itself, which are its environment and its outputs. */
  readonly task: TaskDraft | null;
  readonly edges: TaskEdges;
  readonly taskHint: (id: string) => string;
};

const checkTask = (task: TaskDraft, scope: TemplateContext): void => {
  const look =
    (judge: Judge): Look =>
    (text, ...steps) => {
      if (text?.includes("${{")) judgeTemplates(text, { ...scope, path: [...scope.path, ...steps] }, judge);
    };
  const [expanded, verbatim] = [look(whyWrong), look(whyNotHere)];
  for (const [index, arg] of (task.args ?? []).entries()) expanded(arg, "args", index);
  for (const [name, value] of Object.entries(task.environment ?? {}))
    if (typeof value === "string") expanded(value, "environment", name);
  expanded(task.stdin, "stdin");
  expanded(task.working_dir, "working_dir");
  if (typeof task.foreach === "string") expanded(task.foreach, "foreach");
  else if (Array.isArray(task.foreach))
    for (const [index, value] of task.foreach.entries()) eachText(value, ["foreach", index], expanded);
  expanded(task.item_key, "item_key");
  checkIf(task, scope);
  expanded(task.prompt, "prompt");
  for (const field of HTTP_FIELDS) expanded(task[field], field);
  for (const [name, value] of Object.entries(task.headers ?? {}))
    if (typeof value === "string") expanded(value, "headers", name);
  eachText(task.form, ["form"], expanded);
  eachText(task.json, ["json"], expanded);
  for (const field of SSH_FIELDS) expanded(task[field], field);
  for (const [name, value] of Object.entries(task.params ?? {})) expanded(value, "params", name);
  if (task.container !== undefined) eachText(task.container, ["container"], expanded);
  verbatim(task.command, "command");
  verbatim(task.script, "script");
  for (const [index, word] of (task.shell ?? []).entries()) verbatim(word, "shell", index);
};

const HTTP_FIELDS = ["url", "body", "file"] as const;
const SSH_FIELDS = ["host", "user", "identity_file", "known_hosts", "jump"] as const;

/** Calls `look` with every text in a value. */
const eachText = (value: unknown, steps: Path, look: Look): void => {
  if (typeof value === "string") look(value, ...steps);
  else if (typeof value === "object" && value !== null)
    for (const [key, each] of Object.entries(value))
      eachText(each, [...steps, Array.isArray(value) ? Number(key) : key], look);
};

type Look = (text: string | undefined, ...steps: Path) => void;

/** Returns what is wrong with a template, or null. */
type Judge = (template: Template, scope: TemplateContext) => string | null;

/** Reports the problem that `judge` finds in each template, at the template's position. */
const judgeTemplates = (text: string | undefined, scope: TemplateContext, judge: Judge): void => {
  const seen = new Map<string, number>();
  for (const template of findTemplates(text ?? "")) {
    const nth = seen.get(template.text) ?? 0;
    seen.set(template.text, nth + 1);
    const problem = judge(template, scope);
    if (problem !== null) scope.report.addAt(scope.path, problem, { text: template.text, nth });
  }
};

const whyNotHere = (template: Template, { task }: TemplateContext): string =>
  `${template.text} is not expanded here; ${insteadOf(template, task?.type)}`;

const whyWrong = ({ text, expression, reference }: Template, scope: TemplateContext): string | null => {
  if (reference === null) {
    if (!text.endsWith("}}")) return "a template without its '}}'";
    const parsed = Expression.parse(expression);
    if (parsed instanceof Expression) return whyWrongReference(parsed, scope)?.problem ?? null;
    return /^[\w.-]*$/.test(expression)
      ? `${text} is not known; expected one of ${REFERENCE_FORMS}`
      : `${text} ${parsed.problem}`;
  }
  const { params = {}, config = {} } = scope.draft;
  switch (reference.kind) {
    case "param":
      return Object.hasOwn(params, reference.name) ? null : unknown("param", reference.name, Object.keys(params));
    case "config":
      return configValue(config, reference.key) === undefined
        ? unknown("config value", reference.key, Object.keys(config))
        : null;
    case "output":
      return whyNoOutput(reference.task, reference.key, scope);
    case "item":
    case "itemKey":
    case "matrix":
      return whyNoItem(reference, scope);
    default:
      return null;
  }
};

const whyNoItem = (
  reference: Extract<TemplateReference, { readonly kind: "item" | "itemKey" | "matrix" }>,
  { task, path }: TemplateContext,
): string | null => {
  const name = reference.kind === "matrix" ? "matrix" : reference.kind === "item" ? "item" : "item_key";
  if (task === null)
    return path[0] === "outputs"
      ? `${name} is not available in the job's outputs`
      : `${name} is not available in the job's environment; expected it in a task's environment`;
  if (path.includes("foreach")) return `${name} is not known yet where the items are declared`;
  if (reference.kind !== "matrix") {
    const isRepeated = task.foreach !== undefined || task.matrix !== undefined;
    return isRepeated ? null : `the task has no ${name}; it needs foreach or matrix`;
  }
  if (task.matrix === undefined) return "the task has no matrix";
  const { exclude: _, include, ...axes } = task.matrix;
  const added = Array.isArray(include) ? include.flatMap((entry) => Object.keys(entry ?? {})) : [];
  const names = [...new Set([...Object.keys(axes), ...added])];
  // A value may be a map: `matrix.a.b` is its field `b`.
  const isKnown = names.some((axis) => reference.axis === axis || reference.axis.startsWith(`${axis}.`));
  return isKnown ? null : unknown("axis", reference.axis, names);
};

/** Returns what is wrong with the first wrong reference of an expression, and that part of the text; or null. */
const whyWrongReference = (expression: Expression, scope: TemplateContext): ExpressionProblem | null => {
  for (const reference of expression.references) {
    const problem = whyWrongName(reference, scope);
    if (problem !== null) return { problem, part: reference.at };
  }
  return null;
};

const RUN_NAMES: ReadonlySet<string> = new Set(["id", ...RUN_TIMES]);

const whyWrongName = ({ context, names }: ExpressionReference, scope: TemplateContext): string | null => {
  const [name, field, key] = names;
  const { params = {}, config = {} } = scope.draft;
  switch (context) {
    case "params":
      return name === undefined || Object.hasOwn(params, name) ? null : unknown("param", name, Object.keys(params));
    case "config":
      return name === undefined || Object.hasOwn(config, name)
        ? null
        : unknown("config value", name, Object.keys(config));
    case "job":
      return name === undefined || name === "id" ? null : unknownField("job", name, ["id"]);
    case "run":
      return name === undefined || RUN_NAMES.has(name) ? null : unknownField("run", name, [...RUN_NAMES]);
    case "tasks":
      if (name === undefined) return null;
      if (field !== undefined && field !== "outputs" && field !== "status")
        return unknownField(`tasks.${name}`, field, ["outputs", "status"]);
      return whyNoOutput(name, field === "outputs" ? (key ?? null) : null, scope);
    case "item":
      return whyNoItem({ kind: "item", field: null }, scope);
    case "item_key":
      return whyNoItem({ kind: "itemKey" }, scope);
    case "matrix":
      return name === undefined ? null : whyNoItem({ kind: "matrix", axis: name }, scope);
    case "event":
      return whyNoEventValue(
        names,
        (scope.draft.triggers ?? []).map((trigger) => trigger ?? UNKNOWN_TRIGGER),
      );
    default:
      return assertNever(context);
  }
};

/** One with a mistake in its type. */
const UNKNOWN_TRIGGER = { type: undefined, batch: undefined };

const unknownField = (what: string, name: string, names: readonly string[]): string =>
  `${what} has no '${name}'; ${hint(name, names, `expected ${names.join(" or ")}`)}`;

/** Reports what is wrong with the `if` of a task. */
const checkIf = (task: TaskDraft, scope: TemplateContext): void => {
  // An empty text is already reported.
  if (task.if === undefined || task.if.trim() === "") return;
  const parsed = parseIf(task.if);
  const place = { ...scope, path: [...scope.path, "if"] };
  const wrong = parsed instanceof Expression ? whyWrongReference(parsed, place) : parsed;
  if (wrong !== null) scope.report.addAt([...scope.path, "if"], wrong.problem, wrong.part);
};

const unknown = (what: string, name: string, names: readonly string[]): string => {
  const known = names.length === 0 ? "the job has none" : `the job has ${listed(names)}`;
  return `there is no ${what} '${name}'; ${hint(name, names, known)}`;
};

/** `key` is null if no particular output is read. */
const whyNoOutput = (
  id: string,
  key: string | null,
  { edges, path, task, taskHint, reads }: TemplateContext,
): string | null => {
  const isOfJob = task === null && path[0] === "outputs";
  if (task === null && !isOfJob)
    return "task outputs are not available in the job's environment; expected them in a task's environment";
  if (!edges.has(id)) return `there is no task '${id}'; ${taskHint(id)}`;
  if (key !== null) reads.push({ task: id, name: key, path });
  if (task?.id === undefined || upstreamsOf(edges, task.id).has(id)) return null;
  return `task '${id}' is not upstream of '${task.id}'; expected it to be a direct or indirect dependency`;
};
