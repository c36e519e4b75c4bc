import { configVariable, paramVariable } from "../domain/task-environment.ts";
import { assertNever } from "../lib/never.ts";
import { suggest } from "../lib/suggest.ts";
import type { Path } from "./node.ts";
import type { Report } from "./report.ts";
import type { JobDraft, TaskDraft } from "./schema.ts";
import { configValue, findTemplates, REFERENCE_FORMS, type Reference, type Template } from "./template.ts";
import { upstreamIds } from "./upstream-ids.ts";

/** That every template stands where templates are expanded, and reaches something that can exist. */
export const checkTemplates = (draft: JobDraft, report: Report): void => {
  for (const [name, value] of Object.entries(draft.environment ?? {})) {
    checkText(value, { draft, report, path: ["environment", name], task: null });
  }
  draft.tasks?.forEach((task, index) => {
    if (task !== undefined) checkTask(task, { draft, report, path: ["tasks", index], task });
  });
};

type Scope = {
  readonly draft: JobDraft;
  readonly report: Report;
  readonly path: Path;
  readonly task: TaskDraft | null;
};

const checkTask = (task: TaskDraft, scope: Scope): void => {
  const at = (...steps: Path): Scope => ({ ...scope, path: [...scope.path, ...steps] });
  task.args?.forEach((arg, index) => {
    checkText(arg, at("args", index));
  });
  for (const [name, value] of Object.entries(task.environment ?? {})) checkText(value, at("environment", name));
  checkText(task.stdin, at("stdin"));
  checkText(task.working_dir, at("working_dir"));
  refuseTemplates(task.command, at("command"));
  refuseTemplates(task.script, at("script"));
  task.shell?.forEach((word, index) => {
    refuseTemplates(word, at("shell", index));
  });
};

const checkText = (text: string | undefined, scope: Scope): void =>
  eachTemplate(text, scope, (template) => whyWrong(template, scope));

const refuseTemplates = (text: string | undefined, scope: Scope): void =>
  eachTemplate(text, scope, (template) => `${template.text} is not expanded here; ${insteadOf(template, scope)}`);

/** Reports what `judge` says of each template, at its own place. */
const eachTemplate = (
  text: string | undefined,
  { report, path }: Scope,
  judge: (template: Template) => string | null,
): void => {
  const seen = new Map<string, number>();
  for (const template of findTemplates(text ?? "")) {
    const nth = seen.get(template.text) ?? 0;
    seen.set(template.text, nth + 1);
    const problem = judge(template);
    if (problem !== null) report.addAt(path, problem, { text: template.text, nth });
  }
};

/** How to get at the same value in a program. */
const insteadOf = ({ reference }: Template, { task }: Scope): string => {
  const variable = reference === null ? null : variableOf(reference);
  if (variable === null)
    return "give the value to the program in `environment` or `args`, where templates are expanded";
  const use = `use the variable ${inLanguage(variable, task)} instead`;
  return reference?.kind === "output" ? `set it in \`environment\`, where templates are expanded, and ${use}` : use;
};

const variableOf = (reference: Reference): string => {
  switch (reference.kind) {
    case "param":
      return paramVariable(reference.name);
    case "config":
      return configVariable(reference.key);
    case "output":
      return reference.key.toUpperCase().replace(/[^A-Z0-9]/g, "_");
    case "jobId":
      return "PETIT_JOB_ID";
    case "runId":
      return "PETIT_RUN_ID";
    case "scheduledFor":
      return "PETIT_SCHEDULED_FOR";
    default:
      return assertNever(reference);
  }
};

const inLanguage = (variable: string, task: TaskDraft | null): string => {
  if (task?.type === "python") return `os.environ["${variable}"]`;
  return task?.type === "typescript" ? `process.env.${variable}` : `"$${variable}"`;
};

const whyWrong = ({ text, reference }: Template, scope: Scope): string | null => {
  if (reference === null) {
    return text.endsWith("}}")
      ? `${text} is not known; expected one of ${REFERENCE_FORMS}`
      : "a template without its '}}'";
  }
  const { params = {}, config = {} } = scope.draft;
  switch (reference.kind) {
    case "param":
      return Object.hasOwn(params, reference.name) ? null : unknown("param", reference.name, Object.keys(params));
    case "config":
      return configValue(config as Readonly<Record<string, never>>, reference.key) === undefined
        ? unknown("config value", reference.key, Object.keys(config))
        : null;
    case "output":
      return whyNoOutput(reference.task, scope);
    default:
      return null;
  }
};

const unknown = (what: string, name: string, names: readonly string[]): string => {
  const near = suggest(name, names);
  const known = names.length === 0 ? "the job has none" : `the job has ${names.join(", ")}`;
  return `there is no ${what} '${name}'; ${near === null ? known : `did you mean '${near}'?`}`;
};

const whyNoOutput = (id: string, { draft, task }: Scope): string | null => {
  if (task === null) return "outputs of tasks can't be reached from the job's own environment; expected it in a task's";
  const ids = (draft.tasks ?? []).flatMap((other) => other?.id ?? []);
  if (!ids.includes(id)) return unknown("task", id, ids);
  if (task.id === undefined || upstreamIds(draft, task).has(id)) return null;
  return `task '${id}' is not upstream of '${task.id}'; expected it in its \`depends_on\`, or further up`;
};
