import { type Job, secretsOfJob } from "../../domain/job.ts";
import { secretsOf } from "../../domain/notification.ts";
import { TASK_VARIABLES } from "../../domain/task-environment.ts";
import { CGROUP_VARIABLE } from "../../engine/attempt/cgroup/support.ts";
import { suggest } from "../../lib/suggest.ts";
import { spellingsOf, variableOf } from "./setting.ts";
import { SETTINGS } from "./settings.ts";

/** An unknown variable and the one that was probably meant. */
export type Misspelt = { readonly name: string; readonly near: string };

const PREFIX = "PETIT_";

/** The variables that petit reads. */
const READ: readonly string[] = [
  ...Object.values(SETTINGS).flatMap(spellingsOf).map(variableOf),
  "PETIT_API_TOKEN",
  "PETIT_CONFIG",
  CGROUP_VARIABLE,
];

/** The variables that petit sets for tasks; petit inherits them when a task runs it. */
const SET: readonly string[] = [...TASK_VARIABLES, "PETIT_PARAM_", "PETIT_CONFIG_"];

/** Returns unknown variables that resemble a setting. `jobs` may read secrets from other variables. */
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

/** Finds the nearest names, ignoring the shared `PETIT_` prefix. */
const nearest = (name: string): readonly Misspelt[] => {
  const near = suggest(
    name.slice(PREFIX.length),
    READ.map((each) => each.slice(PREFIX.length)),
  );
  return near === null ? [] : [{ name, near: PREFIX + near }];
};

/** Returns the variables that a job reads secrets from. */
const variablesOf = (job: Job): readonly string[] => {
  const notified = (job.notify ?? []).flatMap(secretsOf).map(([, text]) => text);
  const used = secretsOfJob(job).map(({ source }) => source);
  return [...notified, ...used].flatMap((text) => (typeof text === "object" && "env" in text ? [text.env] : []));
};
