import { Elysia, t } from "elysia";
import { PetitError } from "../../domain/errors.ts";
import type { Job } from "../../domain/job.ts";
import type { ApiContext } from "../context.ts";
import { DefinitionText, definitionText } from "../shapes/definition.ts";
import { failures } from "../shapes/failure.ts";
import { JobDetail, JobList, jobDetail, jobList } from "../shapes/job.ts";
import { OccurrenceList, occurrenceList } from "../shapes/occurrence.ts";
import { exactly, JobIdText, wholeNumber } from "../shapes/schemas.ts";
import { direct } from "./direct.ts";
import { foundJob } from "./found.ts";

const JobParams = exactly({ job_id: JobIdText });

const ListQuery = exactly({
  recent: t.Optional(wholeNumber({ minimum: 0, maximum: 100, default: 0 }, "How many of the newest runs of each, too")),
});

const OccurrenceQuery = exactly({
  limit: t.Optional(wholeNumber({ minimum: 1, maximum: 1000, default: 100 }, "How many of the past, at most")),
  before: t.Optional(
    wholeNumber(
      { minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
      "Only those due before this time, in ms since the epoch",
    ),
  ),
  coming: t.Optional(wholeNumber({ minimum: 0, maximum: 1000, default: 0 }, "How many of the next ones, too")),
});

export const jobRoutes = ({ engine, store }: ApiContext) =>
  new Elysia({ prefix: "/api/jobs" })
    .get(
      "",
      ({ query }) => {
        const recent = Number(query.recent ?? 0);
        return jobList(engine.listJobs(), recent === 0 ? null : store.runs.listRecentByJob(recent));
      },
      {
        query: ListQuery,
        response: { 200: JobList, ...failures("INVALID_REQUEST") },
        detail: {
          operationId: "listJobs",
          tags: ["jobs"],
          summary: "All jobs, by id",
          description: "With `recent`, each with its newest runs, its success rate and its usual duration.",
        },
      },
    )
    .get(
      "/:job_id",
      direct(({ params }: { readonly params: typeof JobParams.static }) =>
        jobDetail(
          foundJob(engine, params.job_id),
          engine.listJobs().map(({ job }) => job),
        ),
      ),
      {
        params: JobParams,
        response: { 200: JobDetail, ...failures("NOT_FOUND") },
        detail: { operationId: "getJob", tags: ["jobs"], summary: "A job with its definition" },
      },
    )
    .get("/:job_id/definition", ({ params }) => knownText(foundJob(engine, params.job_id).job), {
      params: JobParams,
      response: { 200: DefinitionText, ...failures("NOT_FOUND") },
      detail: {
        operationId: "getJobDefinition",
        tags: ["jobs"],
        summary: "What a job file says of a job",
        description: "Of a broken file, what its last good version said. 404 also where no text was kept.",
      },
    })
    .get(
      "/:job_id/occurrences",
      ({ params, query }) => {
        const { job } = foundJob(engine, params.job_id);
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
          summary: "What became of the instants a job was due at, newest first",
        },
      },
    );

/** Definitions that were stored by a petit that kept none have no text until their file is read again. */
const knownText = ({ id, source }: Job): typeof DefinitionText.static => {
  const text = definitionText(source);
  if (text !== null) return text;
  throw new PetitError(
    "not_found",
    `the text of job '${id}' is not known: ${source.file} could not be read since petit keeps it`,
  );
};
