import { formatRoundedSize } from "../../lib/size.ts";
import { suggest } from "../../lib/suggest.ts";
import { pluralize, shorten } from "../../lib/text.ts";
import type { TaskLimits } from "../limits/task-limits.ts";

/** Maximum number of tasks that an error lists. */
const LISTED_TASKS = 10;

/** Returns which task may have been meant: `did you mean 'load'?`, or `its tasks are check, load`. */
export const knownTasksText = (given: string, ids: readonly string[]): string => {
  const near = suggest(shorten(given), ids);
  if (near !== null) return `did you mean '${near}'?`;
  const more = ids.length > LISTED_TASKS ? `, … (${ids.length} in all)` : "";
  return `its tasks are ${ids.slice(0, LISTED_TASKS).join(", ")}${more}`;
};

/** Returns the name of a task, with its id if that differs: `Go live (confirm)`. */
export const taskLabel = (name: string, taskId: string): string => (name === taskId ? taskId : `${name} (${taskId})`);

/** Says limits in a few words: "512.0 MiB of memory, 1.5 processors, nice 10". Empty if there are none. */
export const limitsText = ({ memoryBytes, cpus, pids, nice, io, enforce }: TaskLimits): string =>
  [
    memoryBytes === undefined ? null : `${formatRoundedSize(memoryBytes)} of memory`,
    cpus === undefined ? null : `${cpus} ${cpus === 1 ? "processor" : "processors"}`,
    pids === undefined ? null : `${pids} ${pids === 1 ? "process" : "processes"}`,
    nice === undefined ? null : `nice ${nice}`,
    io === undefined ? null : `I/O ${io}`,
    enforce === "best_effort" ? "where they can be enforced" : null,
  ]
    .filter((part) => part !== null)
    .join(", ");

/** Maximum number of jobs that a sentence names. */
const MAX_NAMED = 3;

export type UnenforcedFacts = {
  /** How many jobs ask for the limits. */
  readonly count: number;
  /** Ids of some of them. */
  readonly jobIds: readonly string[];
  readonly limits: readonly string[];
  readonly reason: string;
};

/** Says that limits of jobs are not enforced, and why: "memory and pids of job 'etl' are not enforced, because this machine has cgroup v1". */
export const unenforcedText = ({ count, jobIds, limits, reason }: UnenforcedFacts): string => {
  const verb = limits.join() === "memory" ? "is" : "are";
  return `${listText(limits)} of ${jobsText(count, jobIds)} ${verb} not enforced, because ${reason}`;
};

const jobsText = (count: number, jobIds: readonly string[]): string => {
  const named = jobIds.slice(0, MAX_NAMED).map((id) => `'${id}'`);
  const more = count - named.length;
  if (count === 1) return `job ${named.join("")}`;
  return more > 0 ? `${pluralize(count, "job")} (${named.join(", ")} and ${more} more)` : `jobs ${listText(named)}`;
};

const listText = (words: readonly string[]): string =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
