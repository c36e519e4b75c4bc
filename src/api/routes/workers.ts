import { Elysia, t } from "elysia";
import { workerNotFound } from "../../domain/refusal.ts";
import { waitingByLabels } from "../../domain/workers/waiting.ts";
import type { WorkerView } from "../../domain/workers/worker.ts";
import type { ApiContext } from "../context.ts";
import type { ApiEngine } from "../options.ts";
import { failures } from "../shapes/failure.ts";
import { exactly } from "../shapes/schemas.ts";
import { WorkerBody, WorkerList, workerBody, workerList } from "../shapes/workers/worker.ts";
import { Message } from "./scheduler.ts";

const WorkerParams = exactly({ name: t.String({ description: "Name of a worker", examples: ["box7"] }) });

const changes = failures("NOT_FOUND", "CONFLICT", "PAYLOAD_TOO_LARGE");

export const workerRoutes = ({ engine, requests }: ApiContext) =>
  new Elysia({ prefix: "/api/workers" })
    .get(
      "",
      () => {
        const { workers, dispatch } = engine;
        return workerList({ workers, dispatch, waiting: waitingByLabels(engine.listWorkerWaits(), workers) });
      },
      {
        response: { 200: WorkerList, ...failures() },
        detail: {
          operationId: "listWorkers",
          tags: ["workers"],
          summary: "List the workers, what runs on each, and what waits for one",
          description: "Empty without `--nats`. No event reports changes of workers: ask again every few seconds.",
        },
      },
    )
    .get("/:name", ({ params }) => workerBody(requireWorker(engine, params.name)), {
      params: WorkerParams,
      response: { 200: WorkerBody, ...failures("NOT_FOUND") },
      detail: { operationId: "getWorker", tags: ["workers"], summary: "Get a worker, with what runs there" },
    })
    .post(
      "/:name/drain",
      async ({ params: { name }, request }) => {
        await engine.drainWorker(name, requests.actorOf(request));
        return { message: drainMessage(requireWorker(engine, name)) };
      },
      {
        params: WorkerParams,
        response: { 200: Message, ...changes },
        detail: {
          operationId: "drainWorker",
          tags: ["workers"],
          summary: "Drain a worker: it claims nothing more, and finishes what it has",
          description:
            "Once this has returned, the worker claims nothing until it is resumed, also over restarts of it and of petit. It works as well " +
            "while the worker is unreachable. Draining a drained worker changes nothing.",
        },
      },
    )
    .post(
      "/:name/resume",
      async ({ params: { name }, request }) => {
        await engine.resumeWorker(name, requests.actorOf(request));
        return { message: `worker '${name}' may claim tasks again` };
      },
      {
        params: WorkerParams,
        response: { 200: Message, ...changes },
        detail: { operationId: "resumeWorker", tags: ["workers"], summary: "Let a drained worker claim tasks again" },
      },
    )
    .delete(
      "/:name",
      async ({ params: { name } }) => {
        await engine.forgetWorker(name);
        return { message: `worker '${name}' is no longer listed` };
      },
      {
        params: WorkerParams,
        response: { 200: Message, ...changes },
        detail: {
          operationId: "forgetWorker",
          tags: ["workers"],
          summary: "Forget a worker that is gone",
          description:
            "A worker that is connected, or that holds attempts, can't be forgotten. One that connects again is listed again.",
        },
      },
    );

/** Returns a worker, or throws `not_found`. */
const requireWorker = ({ workers }: Pick<ApiEngine, "workers">, name: string): WorkerView => {
  const worker = workers.find((each) => each.name === name);
  if (worker !== undefined) return worker;
  throw workerNotFound(
    name,
    workers.map((each) => each.name),
  );
};

const drainMessage = ({ name, attempts }: WorkerView): string => {
  const left =
    attempts.length === 0
      ? "nothing runs there"
      : `${attempts.length === 1 ? "1 task runs" : `${attempts.length} tasks run`} on there`;
  return `worker '${name}' claims nothing more; ${left}`;
};
