import { Elysia, t } from "elysia";
import { isFinal, type Run } from "../../domain/run.ts";
import { RUN_STATUS_VERBS } from "../../domain/words/run.ts";
import { shortCommit } from "../../domain/words/versions/repository.ts";
import type { RetryScope } from "../../engine/engine.ts";
import type { ApiContext } from "../context.ts";
import { invalidBody } from "../errors.ts";
import { readJson } from "../guard/body.ts";
import { failures } from "../shapes/failure.ts";
import { exactly, JobIdText, RunIdText, TaskIdText, word } from "../shapes/schemas.ts";
import { requireRun, requireTask } from "./require.ts";
import { runPath, StartedRun, waitingText } from "./trigger.ts";

const RunParams = exactly({ run_id: RunIdText });

const CancelledRun = exactly(
  {
    run_id: RunIdText,
    job_id: JobIdText,
    message: t.String({ description: "What petit did, as a sentence" }),
  },
  {
    title: "CancelledRun",
    description: "A run that was to be cancelled",
    examples: [
      {
        run_id: "019b76da-a800-7c3e-8f2b-5d1c9a7e4f60",
        job_id: "hello_world",
        message: "the run is being cancelled",
      },
    ],
  },
);

const RetryBody = exactly(
  {
    task: t.Optional(
      t.String({ description: "Id of a task: rerun it, and of the tasks after it those that did not complete" }),
    ),
    from: t.Optional(t.String({ description: "Id of a task: rerun it and all tasks after it" })),
    latest: t.Optional(
      t.Boolean({
        description:
          "True to use the present job files. By default a retry of a run that used a commit of a repository uses that commit; job files in a folder are always the present ones",
      }),
    ),
  },
  { title: "RetryRequest", description: "Optional; at most one of `task` and `from`", examples: [{ task: "extract" }] },
);

export const runActionRoutes = ({ engine, store, requests }: ApiContext) =>
  new Elysia({ prefix: "/api/runs/:run_id" })
    .post(
      "/cancel",
      async ({ params, request }) => {
        const run = await engine.cancel(requireRun(store, params.run_id).id, requests.actorOf(request));
        return { run_id: run.id, job_id: run.jobId, message: cancelMessage(run) };
      },
      {
        params: RunParams,
        response: { 200: CancelledRun, ...failures("NOT_FOUND", "PAYLOAD_TOO_LARGE") },
        detail: {
          operationId: "cancelRun",
          tags: ["runs"],
          summary: "Cancel a run",
          description:
            "Ends running tasks and skips waiting ones. Clean-up tasks (`all_done`) still run; a second cancel ends those too. " +
            "Cancelling a run that has ended changes nothing.",
        },
      },
    )
    .post(
      "/retry",
      async ({ params, query, body, request, set }) => {
        const before = requireRun(store, params.run_id);
        const run = await engine.retry(before.id, scopeOf(query, body), requests.actorOf(request));
        set.headers.location = runPath(run);
        const withCommit = run.commit === null ? "" : ` with commit ${shortCommit(run.commit)}`;
        const message = `run ${before.id} is retried by run ${run.id}${withCommit}${waitingText(engine.waitsFor(run.id))}`;
        return { run_id: run.id, job_id: run.jobId, message };
      },
      {
        parse: readJson,
        params: RunParams,
        body: RetryBody,
        query: exactly({
          from: t.Optional(word(["start"], "`start` reruns every task, including those that completed")),
        }),
        response: {
          200: StartedRun,
          ...failures("INVALID_REQUEST", "NOT_FOUND", "CONFLICT", "PAYLOAD_TOO_LARGE", "TOO_MANY_REQUESTS"),
        },
        detail: {
          operationId: "retryRun",
          tags: ["runs"],
          summary: "Retry a run",
          description:
            "Starts a new run, which reuses the completed tasks with their outputs and runs the rest. With `task` or `from` in the " +
            "body, it reruns only that part and takes over the results of all other tasks, also of those that failed. `Location` is " +
            "its path.",
        },
      },
    );

/** Throws `INVALID_REQUEST` if more than one scope is given. */
const scopeOf = (query: { readonly from?: "start" }, body: typeof RetryBody.static): RetryScope => {
  const { task, from, latest } = body;
  if ([query.from, task, from].filter((each) => each !== undefined).length > 1)
    throw invalidBody(
      task === undefined ? "from" : "task",
      "only one of 'task', 'from' and '?from=start' can be given",
    );
  const commit = latest === undefined ? {} : { latest };
  if (query.from === "start") return { kind: "all", ...commit };
  if (task !== undefined) return { kind: "task", taskId: task, ...commit };
  return from === undefined ? { kind: "rest", ...commit } : { kind: "from", taskId: from, ...commit };
};

const cancelMessage = (run: Run): string => {
  if (run.status === "cancelled") return "the run is cancelled";
  return isFinal(run.status)
    ? `the run has already ended: it ${RUN_STATUS_VERBS[run.status]}`
    : "the run is being cancelled";
};

const DecisionBody = exactly(
  { comment: t.Optional(t.String({ description: "Why; stored with the decision" })) },
  { title: "DecisionRequest", description: "Optional", examples: [{ comment: "checked the numbers" }] },
);

const Decided = exactly(
  {
    run_id: RunIdText,
    job_id: JobIdText,
    task_id: TaskIdText,
    message: t.String({ description: "What petit did, as a sentence" }),
  },
  {
    title: "Decided",
    description: "A decision about a task that waited for approval",
    examples: [
      {
        run_id: "019b76da-a800-7c3e-8f2b-5d1c9a7e4f60",
        job_id: "deploy",
        task_id: "approve",
        message: "task 'approve' is approved",
      },
    ],
  },
);

export const approvalRoutes = ({ engine, store, requests }: ApiContext) => {
  const decide = async (
    kind: "approve" | "reject",
    {
      params,
      body,
      request,
    }: { params: { run_id: string; task_id: string }; body: { comment?: string }; request: Request },
  ) => {
    const { id, jobId } = requireRun(store, params.run_id);
    const { taskId } = requireTask(store, id, params.task_id);
    await engine.decide(id, taskId, { kind, by: requests.actorOf(request), comment: body.comment || null });
    const message = `task '${taskId}' is ${kind === "approve" ? "approved" : "rejected"}`;
    return { run_id: id, job_id: jobId, task_id: taskId, message };
  };
  const schema = {
    parse: readJson,
    params: exactly({ run_id: RunIdText, task_id: TaskIdText }),
    body: DecisionBody,
    response: {
      200: Decided,
      ...failures("INVALID_REQUEST", "NOT_FOUND", "CONFLICT", "PAYLOAD_TOO_LARGE"),
    },
  };
  return new Elysia({ prefix: "/api/runs/:run_id/tasks/:task_id" })
    .post("/approve", (given) => decide("approve", given), {
      ...schema,
      detail: { operationId: "approveTask", tags: ["runs"], summary: "Approve a task that waits for approval" },
    })
    .post("/reject", (given) => decide("reject", given), {
      ...schema,
      detail: {
        operationId: "rejectTask",
        tags: ["runs"],
        summary: "Reject a task that waits for approval",
        description: "The task fails with the reason `rejected`.",
      },
    });
};
