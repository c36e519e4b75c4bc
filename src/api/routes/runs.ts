import { Elysia, t } from "elysia";
import type { RunFailure } from "../../domain/attention.ts";
import type { JobId } from "../../domain/ids.ts";
import { groupFailures } from "../../domain/output/failure-groups.ts";
import { isFinal, type Run } from "../../domain/run.ts";
import { TASK_STATUSES } from "../../domain/task-run.ts";
import { readEvent } from "../../engine/deliveries/read-event.ts";
import { compareRun } from "../comparison/comparison.ts";
import type { ApiContext } from "../context.ts";
import type { ApiStore } from "../options.ts";
import { remoteFacts, waitOf } from "../runs/remote.ts";
import { AllRunsQuery, JobRunsQuery, type RunQueryValues, runFilter } from "../runs/run-query.ts";
import { RunComparisonBody, runComparison } from "../shapes/comparison/comparison.ts";
import { failures } from "../shapes/failure.ts";
import { RunDetail, RunList, runDetail, runList } from "../shapes/run.ts";
import { exactly, isOn, JobIdText, RunIdText, TaskIdText, wholeNumber, word } from "../shapes/schemas.ts";
import { ItemList, itemList, TaskRunList, taskRunList } from "../shapes/task.ts";
import { syncHandler } from "../sync-handler.ts";
import { jobsWithTags } from "../tags.ts";
import { currentId, requireJob, requireRun, requireTask } from "./require.ts";

const RunParams = exactly({ run_id: RunIdText });

const SEARCH_NOTE =
  "A filter by time, trigger, text, param or excluded job reads a limited number of runs, so an answer may have fewer runs than `limit` " +
  "although older ones match: list them with `before` set to `next`, until `next` is null.";

export const runRoutes = ({ engine, store }: ApiContext) =>
  new Elysia()
    .get(
      "/api/jobs/:job_id/runs",
      ({ params, query }) => readRuns({ engine, store }, query, requireJob(engine, params.job_id).job.id),
      {
        params: exactly({ job_id: JobIdText }),
        query: JobRunsQuery,
        response: { 200: RunList, ...failures("INVALID_REQUEST", "NOT_FOUND") },
        detail: {
          operationId: "listJobRuns",
          tags: ["runs"],
          summary: "List runs of a job, newest first",
          description: SEARCH_NOTE,
        },
      },
    )
    .get("/api/runs", ({ query }) => readRuns({ engine, store }, query), {
      query: AllRunsQuery,
      response: { 200: RunList, ...failures("INVALID_REQUEST", "NOT_FOUND") },
      detail: {
        operationId: "listRuns",
        tags: ["runs"],
        summary: "List runs of all jobs, newest first",
        description: SEARCH_NOTE,
      },
    })
    .get(
      "/api/runs/:run_id",
      syncHandler(({ params }: { readonly params: typeof RunParams.static }) => {
        const run = requireRun(store, params.run_id);
        const failure = describeFailure(store, run);
        const job = engine.findJob(run.jobId)?.job ?? store.jobs.getDefinition(run.versionId);
        return runDetail(run, {
          failure,
          usage: store.runs.listUsage([run.id]).get(run.id) ?? null,
          canRetry: engine.canRetry(run),
          retriedBy: isFinal(run.status) ? store.runs.listRetries(run.id) : [],
          recovery: run.status === "failed" || run.status === "interrupted" ? store.runs.findRecovery(run) : null,
          links: job.links ?? {},
          version: store.versions.ofRun(run.versionId),
          ...(!isFinal(run.status) && { wait: waitOf(engine, run) }),
        });
      }),
      {
        params: RunParams,
        response: { 200: RunDetail, ...failures("NOT_FOUND") },
        detail: { operationId: "getRun", tags: ["runs"], summary: "Get a run" },
      },
    )
    .get(
      "/api/runs/:run_id/comparison",
      async ({ params }) => runComparison(await compareRun(requireRun(store, params.run_id), store)),
      {
        params: RunParams,
        response: { 200: RunComparisonBody, ...failures("NOT_FOUND") },
        detail: {
          operationId: "compareRun",
          tags: ["runs"],
          summary: "Compare a run with the last successful run of its job",
          description: "The params, the definition of the job, and the durations of the run and its tasks.",
        },
      },
    )
    .get(
      "/api/runs/:run_id/tasks",
      ({ params }) => {
        const run = requireRun(store, params.run_id);
        const { id, versionId } = run;
        const attempts = store.runs.listAttempts(id);
        return taskRunList({
          run,
          definition: store.jobs.getDefinition(versionId),
          tasks: store.runs.listTaskRuns(id),
          attempts,
          items: store.runs.countItems(id),
          failures: (taskId) => groupFailures(store.runs.listFailedItems(id, taskId)),
          waiting: engine.waitingTasks(id),
          event: () => readEvent(run, store),
          ...remoteFacts({ engine, store }, id, attempts),
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
    )
    .get(
      "/api/runs/:run_id/tasks/:task_id/items",
      ({ params, query }) => {
        const { runId, taskId } = requireTask(store, requireRun(store, params.run_id).id, params.task_id);
        const { status, limit = 100, after } = query;
        const items = store.runs.listItems({
          runId,
          taskId,
          limit: Number(limit),
          ...(status !== undefined && { status }),
          ...(after !== undefined && { after: Number(after) }),
        });
        const [from, to] = [items[0]?.index ?? 0, items.at(-1)?.index ?? -1];
        const attempts = store.runs.listItemAttempts(runId, taskId, { from, to });
        return itemList({ taskId, items, attempts, ...remoteFacts({ engine, store }, runId, attempts) });
      },
      {
        params: exactly({ run_id: RunIdText, task_id: TaskIdText }),
        query: exactly({
          status: t.Optional(word(TASK_STATUSES, "Only items with this status")),
          limit: t.Optional(wholeNumber({ minimum: 1, maximum: 1000, default: 100 }, "Maximum of items")),
          after: t.Optional(wholeNumber({ minimum: 0, maximum: 999_999 }, "Only items after this position")),
        }),
        response: { 200: ItemList, ...failures("INVALID_REQUEST", "NOT_FOUND") },
        detail: {
          operationId: "listItems",
          tags: ["runs"],
          summary: "List the items of a task of a run, in order, with their attempts",
        },
      },
    );

const readRuns = (
  { engine, store }: Pick<ApiContext, "engine" | "store">,
  query: RunQueryValues,
  jobId?: JobId,
): typeof RunList.static => {
  const tagged = jobsWithTags(engine, query.tag);
  const filter = {
    ...runFilter(withCurrentIds(engine, query), jobId),
    ...(tagged !== null && { jobIds: [...tagged] }),
    ...(query.waiting_for !== undefined && { ids: engine.listWaiting(query.waiting_for) }),
  };
  const page = store.runs.listPage(filter);
  return runList(page, {
    usage: isOn(query.usage) ? store.runs.listUsage(page.runs.map(({ id }) => id)) : null,
    describe: isOn(query.failure) ? (run) => describeFailure(store, run) : null,
    waitOf: (run) => waitOf(engine, run),
  });
};

/** Replaces former ids of jobs. */
const withCurrentIds = (engine: ApiContext["engine"], query: RunQueryValues): RunQueryValues => {
  const { job, exclude } = query;
  const ids = (text: string): string =>
    text
      .split(",")
      .map((each) => currentId(engine, each))
      .join(",");
  return {
    ...query,
    ...(job !== undefined && { job: ids(job) }),
    ...(exclude !== undefined && { exclude: ids(exclude) }),
  };
};

const describeFailure = (store: ApiStore, { id, status }: Run): RunFailure | null =>
  status === "failed" || status === "interrupted" ? store.runs.describeFailure(id) : null;
