import { Elysia, t } from "elysia";
import { type JobId, parseRunId, type RunId } from "../../domain/ids.ts";
import { runNotFound } from "../../domain/refusal.ts";
import type { RunListFilter } from "../../store/runs/runs.ts";
import type { ApiContext } from "../context.ts";
import { failures } from "../shapes/failure.ts";
import { RunDetail, RunList, RunStatusWord, runDetail, runList } from "../shapes/run.ts";
import { exactly, JobIdText, RunIdText, wholeNumber } from "../shapes/schemas.ts";
import { TaskRunList, taskRunList } from "../shapes/task.ts";
import { requireJob, requireRun } from "./require.ts";
import { syncHandler } from "./sync-handler.ts";

const RunParams = exactly({ run_id: RunIdText });

const RunQuery = exactly({
  limit: t.Optional(wholeNumber({ minimum: 1, maximum: 1000, default: 20 }, "Maximum of runs")),
  status: t.Optional(RunStatusWord),
  before: t.Optional(t.String({ description: "Id of a run; only runs created before it" })),
  id: t.Optional(
    t.String({
      pattern: "^[0-9a-fA-F-]{6,36}$",
      description: "Only runs whose id starts or ends with this",
      examples: ["9a7e4f60"],
      "x-expected": "the first or last 6 to 36 characters of an id",
    }),
  ),
});

export const runRoutes = ({ engine, store }: ApiContext) =>
  new Elysia()
    .get(
      "/api/jobs/:job_id/runs",
      ({ params, query }) => runList(store.runs.list(runFilter(query, requireJob(engine, params.job_id).job.id))),
      {
        params: exactly({ job_id: JobIdText }),
        query: RunQuery,
        response: { 200: RunList, ...failures("INVALID_REQUEST", "NOT_FOUND") },
        detail: { operationId: "listJobRuns", tags: ["runs"], summary: "List runs of a job, newest first" },
      },
    )
    .get("/api/runs", ({ query }) => runList(store.runs.list(runFilter(query))), {
      query: RunQuery,
      response: { 200: RunList, ...failures("INVALID_REQUEST", "NOT_FOUND") },
      detail: { operationId: "listRuns", tags: ["runs"], summary: "List runs of all jobs, newest first" },
    })
    .get(
      "/api/runs/:run_id",
      syncHandler(({ params }: { readonly params: typeof RunParams.static }) => {
        const run = requireRun(store, params.run_id);
        return runDetail(run, { canRetry: engine.canRetry(run), retriedBy: store.runs.listRetries(run.id) });
      }),
      {
        params: RunParams,
        response: { 200: RunDetail, ...failures("NOT_FOUND") },
        detail: { operationId: "getRun", tags: ["runs"], summary: "Get a run" },
      },
    )
    .get(
      "/api/runs/:run_id/tasks",
      ({ params }) => {
        const { id, versionId } = requireRun(store, params.run_id);
        return taskRunList({
          definition: store.jobs.getDefinition(versionId),
          tasks: store.runs.listTaskRuns(id),
          attempts: store.runs.listAttempts(id),
        });
      },
      {
        params: RunParams,
        response: { 200: TaskRunList, ...failures("NOT_FOUND") },
        detail: {
          operationId: "listTaskRuns",
          tags: ["runs"],
          summary: "List the tasks of a run, with their attempts",
        },
      },
    );

const runFilter = (query: typeof RunQuery.static, jobId?: JobId): RunListFilter => ({
  limit: Number(query.limit ?? 20),
  ...(jobId === undefined ? {} : { jobId }),
  ...(query.status === undefined ? {} : { status: query.status }),
  ...(query.before === undefined ? {} : { before: parseBefore(query.before) }),
  ...(query.id === undefined ? {} : { idPart: query.id.toLowerCase() }),
});

const parseBefore = (text: string): RunId => {
  const id = parseRunId(text);
  if (id === null) throw runNotFound(text);
  return id;
};
