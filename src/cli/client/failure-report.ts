import type { Client } from "../../client/client.ts";
import {
  type ExcerptSource,
  excerptText,
  type FailedItem,
  failedTasks,
  readExcerpts,
} from "../run-display/error-excerpt.ts";
import { runName } from "../run-display/short-id.ts";
import type { TaskView } from "../run-display/view.ts";
import { commandLines, type NextCommand } from "../terminal/columns.ts";
import type { Screen } from "../terminal/terminal.ts";
import { type RunSnapshot, viewOf } from "./run-snapshot.ts";

type ReportOptions = {
  readonly snapshot: RunSnapshot;
  /** Whether to include the last error lines. */
  readonly withLines: boolean;
  readonly screen: Screen;
};

/**
 * Returns the last error lines of a run that failed or was interrupted, and the commands that come next. Returns an empty text
 * for other runs.
 */
export const failureReport = async (client: Client, options: ReportOptions): Promise<string> => {
  const { snapshot, withLines, screen } = options;
  const { status, id } = snapshot.run;
  if (status !== "failed" && status !== "interrupted") return "";
  const { tasks } = viewOf(snapshot);
  const first = snapshot.run.failure?.task_id ?? null;
  const excerpts = withLines ? await readExcerpts(tasks, sourceOf(client, id), first) : [];
  const parts = [excerptText(excerpts, failedTasks(tasks, first).length, screen), nextCommands(snapshot, screen)];
  return parts.filter((part) => part !== "").join("\n");
};

const sourceOf = (client: Client, runId: string): ExcerptSource => ({
  findCause: async ({ taskId, item, attempt }) => {
    const params = { run_id: runId };
    const of =
      item === null
        ? (await client.get("/api/runs/:run_id/tasks", { params })).tasks.find(({ task_id }) => task_id === taskId)
        : (
            await client.get("/api/runs/:run_id/tasks/:task_id/items", {
              params: { ...params, task_id: taskId },
              query: { after: item === 0 ? undefined : item - 1, limit: 1 },
            })
          ).items[0];
    return of?.attempt_list.find((each) => each.attempt === attempt)?.cause ?? null;
  },
  readTail: async ({ taskId, item, attempt, stream, limit }) => {
    const { lines } = await client.get("/api/runs/:run_id/lines", {
      params: { run_id: runId },
      query: { task: taskId, item: item ?? undefined, attempt, stream: stream ?? undefined, limit, tail: true },
    });
    return lines.map(({ text }) => text);
  },
  listFailures: async (taskId) => {
    const { tasks } = await client.get("/api/runs/:run_id/tasks", { params: { run_id: runId } });
    return tasks.find(({ task_id }) => task_id === taskId)?.failures ?? [];
  },
  listFailedItems: (taskId, limit) => listFailedItems(client, { runId, taskId, limit }),
});

type ItemsQuery = { readonly runId: string; readonly taskId: string; readonly limit: number };

/** Returns the failed items of a task in their order; none if the task has no items. */
export const listFailedItems = async (
  client: Client,
  { runId, taskId, limit }: ItemsQuery,
): Promise<readonly FailedItem[]> => {
  const params = { run_id: runId, task_id: taskId };
  const { items } = await client.get("/api/runs/:run_id/tasks/:task_id/items", {
    params,
    query: { status: "failed", limit },
  });
  return items;
};

const nextCommands = (snapshot: RunSnapshot, screen: Screen): string => {
  const name = runName(snapshot.run.id, screen);
  const failed = failedTasks(viewOf(snapshot).tasks, snapshot.run.failure?.task_id ?? null);
  const commands: NextCommand[] = [];
  const [first] = failed;
  if (failed.length > 1) commands.push([`petit logs ${name} --failed`, "prints the output of the failed tasks"]);
  else if (first?.runsJob === true) commands.push(...childCommands(snapshot, first, screen));
  else if (first !== undefined)
    commands.push([`petit logs ${name} ${first.id}`, "prints the output of the failed task"]);
  const { can_retry: canRetry, recovered_by: recovery } = snapshot.run;
  if (canRetry && (recovery == null || recovery.other_params === true))
    commands.push([`petit retry ${name}`, "reruns what did not complete"]);
  return commandLines(commands, screen);
};

/** A task that starts runs has no output of its own. */
const childCommands = (
  { run: { id: runId, failure } }: RunSnapshot,
  { id, childRunId }: TaskView,
  screen: Screen,
): readonly NextCommand[] => {
  const child = failure?.task_id === id ? (failure.cause?.child ?? null) : null;
  const output: readonly NextCommand[] =
    child === null || child.task_id === null
      ? []
      : [
          [
            `petit logs ${runName(child.run_id, screen)} ${child.task_id}`,
            "prints the output of the task that failed in it",
          ],
        ];
  const command: NextCommand =
    childRunId === null
      ? [`petit runs --parent ${runName(runId, screen)} --status failed`, "lists the runs that failed"]
      : [`petit status ${runName(childRunId, screen)}`, "shows the run that failed"];
  return [command, ...output];
};
