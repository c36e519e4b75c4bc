import type { TaskType } from "../domain/job.ts";
import { configVariable, paramVariable, toVariable } from "../domain/task-environment.ts";
import { assertNever } from "../lib/never.ts";
import type { Template, TemplateReference } from "./template.ts";

/** Suggests how a program can read the value of a template. */
export const insteadOf = ({ reference }: Template, type: TaskType | undefined): string => {
  const variable = reference === null ? null : variableOf(reference);
  if (variable === null) return "pass the value in `environment` or `args`, where templates are expanded";
  const use = `use the variable ${inLanguage(variable, type)} instead`;
  return reference?.kind === "output" ? `set it in \`environment\`, where templates are expanded, and ${use}` : use;
};

const variableOf = (reference: TemplateReference): string => {
  switch (reference.kind) {
    case "param":
      return paramVariable(reference.name);
    case "config":
      return configVariable(reference.key);
    case "output":
      return reference.key.toUpperCase().replace(/[^A-Z0-9]/g, "_");
    case "item":
      return reference.field === null ? "PETIT_ITEM" : `PETIT_ITEM_${toVariable(reference.field)}`;
    case "itemKey":
      return "PETIT_ITEM_KEY";
    case "matrix":
      return `PETIT_MATRIX_${toVariable(reference.axis)}`;
    case "jobId":
      return "PETIT_JOB_ID";
    case "runId":
      return "PETIT_RUN_ID";
    case "time":
      return `PETIT_${toVariable(reference.name)}`;
    default:
      return assertNever(reference);
  }
};

const inLanguage = (variable: string, type: TaskType | undefined): string => {
  if (type === "python") return `os.environ["${variable}"]`;
  return type === "typescript" ? `process.env.${variable}` : `"$${variable}"`;
};
