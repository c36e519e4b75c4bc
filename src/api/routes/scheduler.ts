import { Elysia, t } from "elysia";
import type { ApiContext } from "../context.ts";
import { reloaded } from "../reloaded.ts";
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
        const reloading = engine.reload({ cause: "api", by: requests.actorOf(request) });
        const { jobs, problems } = await reloaded(reloading, { engine, clock });
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
