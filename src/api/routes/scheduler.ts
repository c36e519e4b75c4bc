import { Elysia, t } from "elysia";
import { PetitError } from "../../domain/errors.ts";
import { isStorageFault } from "../../domain/health.ts";
import { healthMessage } from "../../domain/words/health.ts";
import { LOCK_WAIT_MS } from "../../engine/commits.ts";
import type { Reload } from "../../engine/engine.ts";
import { sleep } from "../../lib/clock.ts";
import type { ApiContext } from "../context.ts";
import { failures } from "../shapes/failure.ts";
import { QueueList, queueList } from "../shapes/limits/queue.ts";
import { ProblemBody, problemBody, SchedulerBody, schedulerBody } from "../shapes/scheduler.ts";
import { exactly, flag, isOn } from "../shapes/schemas.ts";

export const Message = exactly(
  { message: t.String({ description: "What petit did, as a sentence" }) },
  { title: "Message", examples: [{ message: "the scheduler is paused" }] },
);

const Reloaded = exactly(
  {
    message: Message.properties.message,
    problems: t.Array(ProblemBody, { description: "Problems of the job files, by file and line" }),
  },
  {
    title: "Reloaded",
    examples: [
      {
        message: "3 jobs were read; 1 problem was found",
        problems: [
          {
            file: "broken.yaml",
            line: 3,
            column: 1,
            path: "taks",
            message: "unknown field; did you mean 'tasks'?",
          },
        ],
      },
    ],
  },
);

export const schedulerRoutes = ({ engine, clock, requests }: ApiContext) =>
  new Elysia()
    .get("/api/scheduler/state", () => schedulerBody(engine), {
      response: { 200: SchedulerBody, ...failures() },
      detail: { operationId: "getSchedulerState", tags: ["scheduler"], summary: "Get the state of the scheduler" },
    })
    .get(
      "/api/queues",
      ({ query }) => queueList(engine.queues, isOn(query.runs) ? engine.queueRuns.bind(engine) : null),
      {
        query: exactly({ runs: t.Optional(flag("True to include the first runs that have a slot and that wait")) }),
        response: { 200: QueueList, ...failures("INVALID_REQUEST") },
        detail: {
          operationId: "listQueues",
          tags: ["scheduler"],
          summary: "List the queues, with what runs and waits in each",
          description:
            "The configured queues, and others that unfinished runs still use; those let one run at a time run.",
        },
      },
    )
    .post(
      "/api/scheduler/pause",
      async ({ request }) => {
        await engine.pause(requests.actorOf(request));
        return { message: "the scheduler is paused" };
      },
      {
        response: { 200: Message, ...failures("PAYLOAD_TOO_LARGE") },
        detail: {
          operationId: "pauseScheduler",
          tags: ["scheduler"],
          summary: "Pause the scheduler",
          description: "Lasts over a restart. Occurrences are skipped meanwhile; manual triggers still work.",
        },
      },
    )
    .post(
      "/api/scheduler/resume",
      async ({ request }) => {
        await engine.resume(requests.actorOf(request));
        return { message: "the scheduler is running" };
      },
      {
        response: { 200: Message, ...failures("PAYLOAD_TOO_LARGE") },
        detail: {
          operationId: "resumeScheduler",
          tags: ["scheduler"],
          summary: "Resume the scheduler",
          description: "Past occurrences do not fire.",
        },
      },
    )
    .post(
      "/api/jobs/reload",
      async ({ request }) => {
        const { jobs, problems } = await reload({ engine, clock, by: requests.actorOf(request) });
        return { message: reloadMessage(jobs, problems.length), problems: problems.map(problemBody) };
      },
      {
        response: { 200: Reloaded, ...failures("PAYLOAD_TOO_LARGE") },
        detail: {
          operationId: "reloadJobs",
          tags: ["scheduler"],
          summary: "Reload the job files",
          description: "The jobs of a broken file keep their last good version; `problems` lists what is wrong.",
        },
      },
    );

const reloadMessage = (jobs: number, problems: number): string => {
  const read = jobs === 1 ? "1 job was read" : `${jobs} jobs were read`;
  if (problems === 0) return read;
  return `${read}; ${problems === 1 ? "1 problem was" : `${problems} problems were`} found`;
};

/** Waits for a reload at most as long as a trigger waits for the database. The engine keeps trying after that. */
const reload = async ({
  engine,
  clock,
  by,
}: Pick<ApiContext, "engine" | "clock"> & { readonly by: string | null }): Promise<Reload> => {
  const done = new AbortController();
  const reloading = engine.reload({ cause: "api", by }).finally(() => done.abort());
  await Promise.race([reloading, sleep(clock, LOCK_WAIT_MS, done.signal)]);
  if (done.signal.aborted) return await reloading;
  reloading.catch(() => {});
  const { reasons } = engine.health();
  const why = reasons.map(healthMessage).join("; ");
  const fault = reasons.find(isStorageFault);
  throw new PetitError("storage_failed", `the job files will be reloaded when the database can be written: ${why}`, {
    details: fault === undefined ? null : { reason: "storage_failed", fault },
  });
};
