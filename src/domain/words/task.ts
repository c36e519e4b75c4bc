import { formatRoundedSize } from "../../lib/size.ts";
import { suggest } from "../../lib/suggest.ts";
import { shorten } from "../../lib/text.ts";
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
