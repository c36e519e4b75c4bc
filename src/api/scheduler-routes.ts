import { Elysia, t } from "elysia";
import type { Problem } from "../jobfile/problem.ts";
import type { ApiContext } from "./context.ts";
import { exactly, failures, integer, word } from "./schemas.ts";

const SchedulerBody = exactly(
  {
    state: word(
      ["running", "paused", "stopped"],
      "`paused`: no occurrence fires; triggers work. `stopped`: starting or stopping",
    ),
    is_running: t.Boolean({ description: "Whether it is `running`" }),
    is_paused: t.Boolean({ description: "Whether it is `paused`" }),
  },
  { title: "SchedulerState", examples: [{ state: "running", is_running: true, is_paused: false }] },
);

const Message = exactly(
  { message: t.String({ description: "What was done, in a sentence" }) },
  { title: "Message", examples: [{ message: "the scheduler is paused" }] },
);

const ProblemBody = exactly(
  {
    file: t.String({ description: "Path relative to JOBS_DIR" }),
    line: integer({ minimum: 1 }),
    column: integer({ minimum: 1 }),
    path: t.String({ description: "Path of the field; empty for the file as a whole" }),
    message: t.String({ description: "What is wrong; what was expected" }),
  },
  { title: "Problem", description: "What is wrong with a job file" },
);

const Reloaded = exactly(
  { message: Message.properties.message, problems: t.Array(ProblemBody, { description: "By file and place" }) },
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

export const schedulerRoutes = ({ engine }: ApiContext) =>
  new Elysia()
    .get(
      "/api/scheduler/state",
      () => ({ state: engine.state, is_running: engine.state === "running", is_paused: engine.state === "paused" }),
      {
        response: { 200: SchedulerBody, ...failures() },
        detail: { operationId: "getSchedulerState", tags: ["scheduler"], summary: "Whether the scheduler runs" },
      },
    )
    .post(
      "/api/scheduler/pause",
      () => {
        engine.pause();
        return { message: "the scheduler is paused" };
      },
      {
        response: { 200: Message, ...failures("PAYLOAD_TOO_LARGE", "SERVICE_UNAVAILABLE") },
        detail: {
          operationId: "pauseScheduler",
          tags: ["scheduler"],
          summary: "Stop scheduled triggers",
          description: "Survives a restart. Triggers by hand go on; occurrences that pass are skipped.",
        },
      },
    )
    .post(
      "/api/scheduler/resume",
      () => {
        engine.resume();
        return { message: "the scheduler is running" };
      },
      {
        response: { 200: Message, ...failures("PAYLOAD_TOO_LARGE", "SERVICE_UNAVAILABLE") },
        detail: {
          operationId: "resumeScheduler",
          tags: ["scheduler"],
          summary: "Take up scheduled triggers again",
          description: "Fires nothing that is past.",
        },
      },
    )
    .post(
      "/api/jobs/reload",
      async () => {
        const { jobs, problems } = await engine.reload();
        return { message: reloadMessage(jobs, problems.length), problems: problems.map(problemBody) };
      },
      {
        response: { 200: Reloaded, ...failures("PAYLOAD_TOO_LARGE", "SERVICE_UNAVAILABLE") },
        detail: {
          operationId: "reloadJobs",
          tags: ["scheduler"],
          summary: "Read the job files again",
          description: "The jobs of a broken file keep their last good version; `problems` says what is wrong.",
        },
      },
    );

const problemBody = ({ file, line, column, path, message }: Problem): typeof ProblemBody.static => ({
  file,
  line,
  column,
  path,
  message,
});

const reloadMessage = (jobs: number, problems: number): string => {
  const read = jobs === 1 ? "1 job was read" : `${jobs} jobs were read`;
  if (problems === 0) return read;
  return `${read}; ${problems === 1 ? "1 problem was" : `${problems} problems were`} found`;
};
