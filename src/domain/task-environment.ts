import type { Json } from "../lib/json.ts";
import type { Job } from "./job.ts";
import type { ParamValues } from "./run.ts";

/** The variables that petit itself sets for a task, but for those of params and config. */
export const TASK_VARIABLES = [
  "PETIT_JOB_ID",
  "PETIT_RUN_ID",
  "PETIT_TASK_ID",
  "PETIT_ATTEMPT",
  "PETIT_TRIGGER",
  "PETIT_SCHEDULED_FOR",
  "PETIT_OUTPUT",
] as const;

/** The variable that a param's value is in: upper-cased, anything but letters and digits becomes `_`. */
export const paramVariable = (name: string): string => `PETIT_PARAM_${toVariable(name)}`;

/** The variable that a config value is in. */
export const configVariable = (key: string): string => `PETIT_CONFIG_${toVariable(key)}`;

/** Upper-cased letter by letter, so that a name keeps its length in every alphabet. */
const toVariable = (name: string): string =>
  name.replace(/[a-z]/g, (letter) => letter.toUpperCase()).replace(/[^A-Z0-9]/g, "_");

export const paramVariables = (params: ParamValues): Record<string, string> =>
  Object.fromEntries(Object.entries(params).map(([name, value]) => [paramVariable(name), value]));

export const configVariables = (config: Job["config"]): Record<string, string> =>
  Object.fromEntries(Object.entries(config).map(([key, value]) => [configVariable(key), asText(value)]));

/** A value as a task sees it, in a variable or a template: texts as they are, nothing for null, JSON for the rest. */
export const asText = (value: Json): string => {
  if (value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
};
