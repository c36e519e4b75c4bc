import type { Job } from "../../domain/job.ts";
import { TASK_VARIABLES } from "../../domain/task-environment.ts";
import { suggest } from "../../lib/suggest.ts";
import { spellingsOf, variableOf } from "./setting.ts";
import { SETTINGS } from "./settings.ts";

/** A variable that petit doesn't know, and the one that was likely meant. */
export type Misspelt = { readonly name: string; readonly near: string };

const PREFIX = "PETIT_";

/** What petit reads. */
const READ: readonly string[] = [
  ...Object.values(SETTINGS).flatMap(spellingsOf).map(variableOf),
  "PETIT_API_TOKEN",
  "PETIT_CONFIG",
];

/** What it sets for tasks: a petit within a task has them. */
const SET: readonly string[] = [...TASK_VARIABLES, "PETIT_PARAM_", "PETIT_CONFIG_"];

/** Variables that look like a setting's and are none; `jobs` may read others, for their notifications. */
export const misspeltVariables = (
  environment: Readonly<Record<string, string | undefined>>,
  jobs: readonly Job[],
): readonly Misspelt[] => {
  const read = new Set([...READ, ...jobs.flatMap(variablesOf)]);
  return Object.keys(environment)
    .filter((name) => name.startsWith(PREFIX) && !read.has(name) && !SET.some((each) => name.startsWith(each)))
    .sort()
    .flatMap((name) => nearest(name));
};

/** What all of them begin with brings none nearer to another. */
const nearest = (name: string): readonly Misspelt[] => {
  const near = suggest(
    name.slice(PREFIX.length),
    READ.map((each) => each.slice(PREFIX.length)),
  );
  return near === null ? [] : [{ name, near: PREFIX + near }];
};

/** Those that its `notify` list names. */
const variablesOf = ({ notify = [] }: Job): readonly string[] =>
  notify
    .flatMap(({ url, secret, headers }) => [url, secret, ...Object.values(headers)])
    .flatMap((text) => (text !== null && typeof text === "object" && "env" in text ? [text.env] : []));
