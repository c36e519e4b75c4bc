import { isJsonMap, type Json } from "../lib/json.ts";
import type { Job } from "./job.ts";
import type { ParamValues } from "./run.ts";

/** The variables that petit sets for a task, except those of params and config. */
export const TASK_VARIABLES = [
  "PETIT_JOB_ID",
  "PETIT_RUN_ID",
  "PETIT_TASK_ID",
  "PETIT_ATTEMPT",
  "PETIT_TRIGGER",
  "PETIT_SCHEDULED_FOR",
  "PETIT_INTERVAL_START",
  "PETIT_INTERVAL_END",
  "PETIT_OUTPUT",
  "PETIT_EVENT",
  "PETIT_ARTIFACTS",
  "PETIT_ITEM",
  "PETIT_ITEM_INDEX",
  "PETIT_ITEM_KEY",
] as const;

/** Returns the variables of an item. A field named `key` or `index` has none. */
export const itemVariables = (
  { index, key, value }: { readonly index: number; readonly key: string; readonly value: Json },
  isMatrix: boolean,
): Record<string, string> => {
  const fields = isJsonMap(value) ? Object.entries(value) : [];
  const prefix = isMatrix ? "PETIT_MATRIX_" : "PETIT_ITEM_";
  return {
    ...Object.fromEntries(
      fields
        .map(([name, each]) => [`${prefix}${toVariable(name)}`, asText(each)] as const)
        .filter(([name]) => !ITEM_VARIABLES.has(name)),
    ),
    PETIT_ITEM: asText(value),
    PETIT_ITEM_INDEX: String(index),
    PETIT_ITEM_KEY: key,
  };
};

const ITEM_VARIABLES: ReadonlySet<string> = new Set(["PETIT_ITEM", "PETIT_ITEM_INDEX", "PETIT_ITEM_KEY"]);

/** Returns the variable of a param: upper case, with `_` for anything but letters and digits. */
export const paramVariable = (name: string): string => `PETIT_PARAM_${toVariable(name)}`;

/** Returns the variable of a config value. */
export const configVariable = (key: string): string => `PETIT_CONFIG_${toVariable(key)}`;

/** Converts each letter separately, so that a name keeps its length in every alphabet. */
export const toVariable = (name: string): string =>
  name.replace(/[a-z]/g, (letter) => letter.toUpperCase()).replace(/[^A-Z0-9]/g, "_");

export const paramVariables = (params: ParamValues): Record<string, string> =>
  Object.fromEntries(Object.entries(params).map(([name, value]) => [paramVariable(name), value]));

export const configVariables = (config: Job["config"]): Record<string, string> =>
  Object.fromEntries(Object.entries(config).map(([key, value]) => [configVariable(key), asText(value)]));

/** Formats a value for a variable or a template: a text as is, null as an empty text, anything else as JSON. */
export const asText = (value: Json): string => {
  if (value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
};
