import { Elysia, t } from "elysia";
import { dayAt } from "../../domain/durations/day.ts";
import { PetitError } from "../../domain/errors.ts";
import { hasTags, type Job } from "../../domain/job.ts";
import { zoneOf } from "../../domain/schedule/local-time.ts";
import type { SchedulerState } from "../../engine/engine.ts";
import type { ApiContext } from "../context.ts";
import { compressedJson } from "../guard/compression.ts";
import { DefinitionText, definitionText } from "../shapes/definition/definition.ts";
import { failures } from "../shapes/failure.ts";
import { DurationsBody, durationsBody } from "../shapes/figures/durations.ts";
import { JobDetail, JobList, jobDetail, jobList } from "../shapes/job.ts";
import { OccurrenceList, occurrenceList } from "../shapes/occurrence.ts";
import { exactly, flag, isOn, JobIdText, wholeNumber } from "../shapes/schemas.ts";
import { TaskHistoryBody, taskHistoryBody } from "../shapes/task-history.ts";
import { syncHandler } from "../sync-handler.ts";
import { TagQuery } from "../tags.ts";
import { currentId, requireJob } from "./require.ts";
import { Message } from "./scheduler.ts";

const JobParams = exactly({ job_id: JobIdText });

const ListQuery = exactly({
  recent: t.Optional(
    wholeNumber({ minimum: 0, maximum: 100, default: 0 }, "Number of newest runs to include for each job"),
  ),
  tag: TagQuery,
  gone: t.Optional(flag("True for the jobs that no job file defines any more, instead of those of today")),
});

const OccurrenceQuery = exactly({
  limit: t.Optional(wholeNumber({ minimum: 1, maximum: 1000, default: 100 }, "Maximum of past occurrences")),
  before: t.Optional(
    wholeNumber(
      { minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
      "Only occurrences due before this time, in ms since the Unix epoch",
    ),
  ),
  coming: t.Optional(wholeNumber({ minimum: 0, maximum: 1000, default: 0 }, "Number of coming occurrences to include")),
});

const DurationsQuery = exactly({
  days: t.Optional(wholeNumber({ minimum: 1, maximum: 100, default: 90 }, "Number of days up to today")),
});

const TaskHistoryQuery = exactly({
  limit: t.Optional(wholeNumber({ minimum: 1, maximum: 30, default: 30 }, "Maximum of runs")),
  tasks: t.Optional(wholeNumber({ minimum: 1, maximum: 1000, default: 60 }, "Maximum of tasks")),
});

export const jobRoutes = ({ engine, store, requests, clock, system }: ApiContext) =>
  new Elysia({ prefix: "/api/jobs" })
    .get(
      "",
      ({ query }) => {
        const recent = Number(query.recent ?? 0);
        const jobs = isOn(query.gone) ? engine.listGoneJobs() : engine.listJobs();
        const views = jobs.filter(({ job }) => hasTags(job, query.tag?.split(",") ?? []));
        return jobList(views, recent === 0 ? null : store.runs.listRecentByJob(recent));
      },
      {
        query: ListQuery,
        mapResponse: ({ responseValue, request }) =>
          responseValue instanceof Response ? undefined : compressedJson(responseValue, request),
        response: { 200: JobList, ...failures("INVALID_REQUEST") },
        detail: {
          operationId: "listJobs",
          tags: ["jobs"],
          summary: "List jobs by id",
          description:
            "With `recent`, each job includes its newest runs, its success rate and its usual duration. Compressed if it is large and the " +
            "client accepts gzip.",
        },
      },
    )
    .get(
      "/:job_id",
      syncHandler(({ params }: { readonly params: typeof JobParams.static }) => {
        const view = requireJob(engine, params.job_id);
        return jobDetail(
          view,
          engine.listJobs().map(({ job }) => job),
          store.versions.findCurrent(view.job.id),
        );
      }),
      {
        params: JobParams,
        response: { 200: JobDetail, ...failures("NOT_FOUND") },
        detail: {
          operationId: "getJob",
          tags: ["jobs"],
          summary: "Get a job with its definition, also one whose file is gone",
        },
      },
    )
    .get("/:job_id/definition", ({ params }) => requireText(requireJob(engine, params.job_id).job), {
      params: JobParams,
      response: { 200: DefinitionText, ...failures("NOT_FOUND") },
      detail: {
        operationId: "getJobDefinition",
        tags: ["jobs"],
        summary: "Get the YAML text of a job",
        description: "If the file is broken now, its last good version. 404 also if petit has no text of the job.",
      },
    })
    .post(
      "/:job_id/pause",
      async ({ params, request }) => {
        await engine.pauseJob(params.job_id, requests.actorOf(request));
        return { message: `job '${currentId(engine, params.job_id)}' is paused` };
      },
      {
        params: JobParams,
        response: { 200: Message, ...failures("NOT_FOUND", "PAYLOAD_TOO_LARGE") },
        detail: {
          operationId: "pauseJob",
          tags: ["jobs"],
          summary: "Pause the schedule of a job",
          description:
            "Lasts over a restart. Occurrences are skipped meanwhile; manual triggers still work. Pausing a paused job changes nothing.",
        },
      },
    )
    .post(
      "/:job_id/resume",
      async ({ params, request }) => {
        await engine.resumeJob(params.job_id, requests.actorOf(request));
        return { message: resumeMessage(currentId(engine, params.job_id), engine.state) };
      },
      {
        params: JobParams,
        response: { 200: Message, ...failures("NOT_FOUND", "PAYLOAD_TOO_LARGE") },
        detail: {
          operationId: "resumeJob",
          tags: ["jobs"],
          summary: "Resume the schedule of a job",
          description: "Past occurrences do not fire.",
        },
      },
    )
    .get(
      "/:job_id/occurrences",
      ({ params, query }) => {
        const { job } = requireJob(engine, params.job_id);
        const before = query.before === undefined ? {} : { before: Number(query.before) };
        const past = store.occurrences.list(job.id, { limit: Number(query.limit ?? 100), ...before });
        return occurrenceList(engine.nextOccurrences(job.id, Number(query.coming ?? 0)), past);
      },
      {
        params: JobParams,
        query: OccurrenceQuery,
        response: { 200: OccurrenceList, ...failures("INVALID_REQUEST", "NOT_FOUND") },
        detail: {
          operationId: "listOccurrences",
          tags: ["jobs"],
          summary: "List occurrences of a job, newest first",
        },
      },
    )
    .get(
      "/:job_id/durations",
      ({ params, query }) => {
        const { job } = requireJob(engine, params.job_id);
        const { timezone } = system;
        const to = dayAt(clock.now(), zoneOf(timezone));
        const from = Math.max(0, to - Number(query.days ?? 90) + 1);
        return durationsBody(store.durations.listDays(job.id, from, to), {
          from,
          to,
          timezone,
          isComplete: !store.durations.hasOlder(),
        });
      },
      {
        params: JobParams,
        query: DurationsQuery,
        response: { 200: DurationsBody, ...failures("INVALID_REQUEST", "NOT_FOUND") },
        detail: {
          operationId: "getDurations",
          tags: ["jobs"],
          summary: "Get the durations of a job by day",
          description:
            "A run counts on the day on which it ended. The figures are kept for 100 days, also after the runs are deleted. Days without " +
            "runs are left out.",
        },
      },
    )
    .get(
      "/:job_id/task-history",
      ({ params, query }) => {
        const { job } = requireJob(engine, params.job_id);
        const limits = { runs: Number(query.limit ?? 30), tasks: Number(query.tasks ?? 60) };
        return taskHistoryBody(store.runs.getTaskHistory(job.id, limits), store.jobs.getDefinition);
      },
      {
        params: JobParams,
        query: TaskHistoryQuery,
        response: { 200: TaskHistoryBody, ...failures("INVALID_REQUEST", "NOT_FOUND") },
        detail: {
          operationId: "getTaskHistory",
          tags: ["jobs"],
          summary: "Get what became of each task in the newest runs of a job",
        },
      },
    );

const resumeMessage = (jobId: string, state: SchedulerState): string =>
  `job '${jobId}' is no longer paused${state === "paused" ? ", but the scheduler is" : ""}`;

/** A definition that an older version stored has no text until its file is read again. Throws `not_found` then. */
const requireText = ({ id, source }: Job): typeof DefinitionText.static => {
  const text = definitionText(source);
  if (text !== null) return text;
  throw new PetitError(
    "not_found",
    `the text of job '${id}' is not available: ${source.file} has not been read since petit stores texts`,
  );
};
