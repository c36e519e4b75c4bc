import { suggest } from "../../lib/suggest.ts";
import { shorten } from "../../lib/text.ts";

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
