import { type Static, t } from "elysia";
import { PetitError } from "../../domain/errors.ts";
import type { TaskId } from "../../domain/ids.ts";
import { type LineFilter, STREAMS } from "../../store/output.ts";
import type { ApiStore } from "../options.ts";
import { foundRun } from "../routes/found.ts";
import { wholeNumber, word } from "../shapes/schemas.ts";

/** Which lines of a run's output, as a query says it. */
export const lineFilterFields = {
  task: t.Optional(t.String({ description: "Only of this task" })),
  attempt: t.Optional(wholeNumber({ minimum: 1, maximum: 1_000_000 }, "Only of attempts with this number")),
  stream: t.Optional(word(STREAMS, "Only of this stream")),
};

type FilterQuery = { readonly [Field in keyof typeof lineFilterFields]?: Static<(typeof lineFilterFields)[Field]> };

/** Throws `not_found` where the run is not there, or has no such task. */
export const lineFilter = (store: ApiStore, runId: string, query: FilterQuery): LineFilter => {
  const run = foundRun(store, runId);
  return {
    runId: run.id,
    ...(query.task === undefined ? {} : { taskId: foundTask(store, run, query.task) }),
    ...(query.attempt === undefined ? {} : { attempt: Number(query.attempt) }),
    ...(query.stream === undefined ? {} : { stream: query.stream }),
  };
};

const foundTask = (store: ApiStore, run: ReturnType<typeof foundRun>, taskId: string): TaskId => {
  const task = store.runs.listTaskRuns(run.id).find((each) => each.taskId === taskId);
  if (task === undefined) throw new PetitError("not_found", `run ${run.id} has no task '${taskId.slice(0, 130)}'`);
  return task.taskId;
};
