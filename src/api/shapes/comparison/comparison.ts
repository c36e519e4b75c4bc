import { t } from "elysia";
import { durationMs } from "../../../domain/run.ts";
import { TASK_STATUSES, type TaskRun } from "../../../domain/task-run.ts";
import type { RunComparison } from "../../comparison/comparison.ts";
import { RunBody, runBody } from "../run.ts";
import { exactly, integer, nullable, RunIdText, TaskIdText, word } from "../schemas.ts";

const duration = (description: string) =>
  nullable(integer({ minimum: 0 }), `${description} in ms; null if there is none`);

const ParamDifference = exactly(
  {
    name: t.String({ description: "Name of the param" }),
    before: nullable(t.String(), "Its value in the last successful run; null if it had none"),
    after: nullable(t.String(), "Its value in this run; null if it has none"),
  },
  { title: "ParamDifference", description: "A param whose value differs" },
);

const TaskDifference = exactly(
  {
    task_id: TaskIdText,
    status: nullable(word(TASK_STATUSES), "Its status in this run; null if this run does not have it"),
    status_before: nullable(word(TASK_STATUSES), "Its status in the last successful run; null if that did not have it"),
    duration_ms: duration("How long it took in this run"),
    duration_before_ms: duration("How long it took in the last successful run"),
  },
  { title: "TaskDifference", description: "A task of this run and of the last successful one" },
);

export const RunComparisonBody = exactly(
  {
    run_id: RunIdText,
    last_success: nullable(
      RunBody,
      "The newest run of the job that completed before this one with the same params, among the last 1,000 that completed; if there is none, the newest with other params; null if no run completed",
    ),
    same_params: t.Boolean({ description: "True if that run had the same params" }),
    params: t.Array(ParamDifference, {
      description: "Params whose value differs; empty unless no run completed with the same params",
    }),
    definition: exactly(
      {
        changed: t.Boolean({ description: "True if the job was defined differently, comments aside" }),
        diff: nullable(
          t.Array(t.String()),
          "Lines of a unified diff of the YAML texts, at most 500; null if nothing changed, too much did, or a text is not stored",
        ),
      },
      { description: "How the definition of the job differs" },
    ),
    duration_ms: duration("How long this run took"),
    duration_before_ms: duration("How long the last successful run took"),
    usual_duration_ms: duration("Median duration of the last 20 completed runs of the job"),
    tasks: t.Array(TaskDifference, { description: "The tasks of this run, then those that it no longer has" }),
  },
  {
    title: "RunComparison",
    description: "How a run differs from the last successful run of its job, if possible one with the same params",
    examples: [
      {
        run_id: "019b76da-a800-7c3e-8f2b-5d1c9a7e4f60",
        last_success: null,
        same_params: false,
        params: [],
        definition: { changed: false, diff: null },
        duration_ms: 41,
        duration_before_ms: null,
        usual_duration_ms: null,
        tasks: [
          { task_id: "extract", status: "failed", status_before: null, duration_ms: 38, duration_before_ms: null },
        ],
      },
    ],
  },
);

export const runComparison = (comparison: RunComparison): typeof RunComparisonBody.static => {
  const { run, lastSuccess, params, definition, tasks, usualMs } = comparison;
  return {
    run_id: run.id,
    last_success: lastSuccess === null ? null : runBody(lastSuccess),
    same_params: lastSuccess !== null && params.length === 0,
    params: params.map((param) => ({ ...param })),
    definition: { changed: definition.changed, diff: definition.lines === null ? null : [...definition.lines] },
    duration_ms: durationMs(run.startedAt, run.endedAt),
    duration_before_ms: lastSuccess === null ? null : durationMs(lastSuccess.startedAt, lastSuccess.endedAt),
    usual_duration_ms: usualMs,
    tasks: tasks.map(([before, after]) => ({
      task_id: (after ?? before)?.taskId ?? "",
      status: after?.status ?? null,
      status_before: before?.status ?? null,
      duration_ms: tookMs(after),
      duration_before_ms: tookMs(before),
    })),
  };
};

/** A reused task took no time in its run. */
const tookMs = (task: TaskRun | null): number | null =>
  task === null || task.reused ? null : durationMs(task.startedAt, task.endedAt);
