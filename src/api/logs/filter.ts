import { type Static, t } from "elysia";
import { STREAMS } from "../../domain/task-run.ts";
import type { LineFilter } from "../../store/output.ts";
import type { ApiStore } from "../options.ts";
import { requireItem, requireRun, requireTask } from "../routes/require.ts";
import { wholeNumber, word } from "../shapes/schemas.ts";

/** Query parameters that select lines of a run. */
export const lineFilterFields = {
  task: t.Optional(t.String({ description: "Only lines of this task" })),
  item: t.Optional(
    wholeNumber(
      { minimum: 0, maximum: 999_999 },
      "Only lines of the items with this position, from 0; use it with `task`",
    ),
  ),
  attempt: t.Optional(wholeNumber({ minimum: 1, maximum: 1_000_000 }, "Only lines of the attempts with this number")),
  stream: t.Optional(word(STREAMS, "Only lines of this stream")),
  since: t.Optional(
    wholeNumber(
      { minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
      "Only lines that petit read at this time or later, in ms since the Unix epoch",
    ),
  ),
};

type FilterQuery = { readonly [Field in keyof typeof lineFilterFields]?: Static<(typeof lineFilterFields)[Field]> };

/** Converts the query to a filter. Throws `not_found` if the run does not exist or has no such task or item. */
export const lineFilter = (store: ApiStore, runId: string, query: FilterQuery): LineFilter => {
  const run = requireRun(store, runId);
  const task = query.task === undefined ? null : requireTask(store, run.id, query.task);
  if (query.item !== undefined) requireItem(store, run, { task, index: Number(query.item) });
  return {
    runId: run.id,
    ...(task === null ? {} : { taskId: task.taskId }),
    ...(query.item === undefined ? {} : { item: Number(query.item) }),
    ...(query.attempt === undefined ? {} : { attempt: Number(query.attempt) }),
    ...(query.stream === undefined ? {} : { stream: query.stream }),
    ...(query.since === undefined ? {} : { since: Number(query.since) }),
  };
};
