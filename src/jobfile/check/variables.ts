import { whyNotGiven } from "../../domain/params/param.ts";
import { configVariable, paramVariable, TASK_VARIABLES } from "../../domain/task-environment.ts";
import type { Path } from "../parse/node.ts";
import type { Report } from "../report.ts";
import type { JobDraft } from "../schema/job.ts";
import { checkSecret } from "./secret.ts";

/** Checks that no two values of a job map to the same environment variable, and that each value fits into one. */
export const checkVariables = (draft: JobDraft, report: Report): void => {
  const reserved = new Map<string, string>(TASK_VARIABLES.map((name) => [name, "petit"]));
  const claim = (variable: string, path: Path): void => {
    const owner = reserved.get(variable);
    if (owner !== undefined)
      report.addAt(path, `its variable ${variable} is also the variable of ${owner}; expected another name`);
    else reserved.set(variable, path.join("."));
  };
  for (const name of Object.keys(draft.params ?? {})) claim(paramVariable(name), ["params", name]);
  for (const [key, value] of Object.entries(draft.config ?? {})) {
    claim(configVariable(key), ["config", key]);
    const problem = typeof value === "string" ? whyNotGiven(configVariable(key), value) : null;
    if (problem !== null) report.addAt(["config", key], problem);
  }

  const checkEnvironment = (environment: JobDraft["environment"], path: Path): void => {
    for (const [name, value] of Object.entries(environment ?? {})) {
      if (typeof value === "object") checkSecret(value, [...path, name], report);
      const owner = reserved.get(name);
      if (owner !== undefined)
        report.addAt([...path, name], `the variable ${name} is set by ${owner}; expected another name`);
    }
  };
  checkEnvironment(draft.environment, ["environment"]);
  draft.tasks?.forEach((task, index) => {
    checkEnvironment(task?.environment, ["tasks", index, "environment"]);
  });
};
