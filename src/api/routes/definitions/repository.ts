import { Elysia, t } from "elysia";
import { PetitError } from "../../../domain/errors.ts";
import type { RepositoryState } from "../../../domain/versions/repository.ts";
import { repositoryMessage } from "../../../domain/words/versions/repository.ts";
import { noteAction } from "../../../store/people/audit-scope.ts";
import { diffJobs } from "../../comparison/commit-diff.ts";
import type { ApiContext } from "../../context.ts";
import { readJson } from "../../guard/body.ts";
import type { JobRepository } from "../../options.ts";
import { JobsDiffBody, jobsDiffBody } from "../../shapes/definition/commit-diff.ts";
import { JobRepositoryBody, JobRepositoryChanged, jobRepositoryBody } from "../../shapes/definition/repository.ts";
import { failures } from "../../shapes/failure.ts";
import { exactly } from "../../shapes/schemas.ts";

const PinBody = exactly(
  {
    commit: t.String({ description: "Id of a commit, or 4 or more digits from its beginning", examples: ["3f9a1c20"] }),
  },
  { title: "PinRequest" },
);

const DiffQuery = exactly({
  ref: t.Optional(
    t.String({
      description:
        "A branch, a tag, the id of a commit, or 4 or more characters from its beginning. Default: the commit that is refused, or else the newest one",
    }),
  ),
});

/** Routes of the git repository with the job files. All but the pages of a folder of job files have one. */
export const jobRepositoryRoutes = ({ engine, clock, system, repository, requests }: ApiContext) => {
  /** Returns the repository for a request that takes as long as its server. */
  const patiently = (request: Request): JobRepository => {
    requests.keepOpen(request);
    return mustHave(repository);
  };
  return new Elysia()
    .get("/api/job-repository", () => jobRepositoryBody(mustHave(repository).state), {
      response: { 200: JobRepositoryBody, ...failures("NOT_FOUND") },
      detail: {
        operationId: "getJobRepository",
        tags: ["jobs"],
        summary: "Get the git repository with the job files",
        description: "404 if the job files are in a folder.",
      },
    })
    .get(
      "/api/job-repository/diff",
      async ({ query, request }) => {
        const source = patiently(request);
        const preview = await source.preview(query.ref ?? null);
        const { timezone } = system;
        const running = engine.listJobs().flatMap(({ job, gone }) => (gone == null ? [job] : []));
        // A file with problems has no jobs, which doesn't mean that the commit removes them.
        const diff = await diffJobs(running, preview.problems.length > 0 ? running : preview.jobs, {
          now: clock.now(),
          timezone,
        });
        return jobsDiffBody({ preview, inUse: source.state.commit, timezone, diff });
      },
      {
        query: DiffQuery,
        response: { 200: JobsDiffBody, ...failures("INVALID_REQUEST", "NOT_FOUND", "CONFLICT") },
        detail: {
          operationId: "diffJobs",
          tags: ["jobs"],
          summary: "Get what a commit would change of the jobs that run",
          description:
            "Of a commit with problems only these. A branch or a tag is fetched; 409 if the server can't be reached. Nothing is taken.",
        },
      },
    )
    .post(
      "/api/jobs/sync",
      async ({ request }) => changed(await patiently(request).sync({ cause: "api", by: requests.actorOf(request) })),
      {
        response: { 200: JobRepositoryChanged, ...failures("NOT_FOUND", "PAYLOAD_TOO_LARGE") },
        detail: {
          operationId: "syncJobs",
          tags: ["jobs"],
          summary: "Fetch the repository now",
          description:
            "Takes the newest commit, unless another one is chosen. Answers when it is in use or refused, or the fetch has failed, which can take " +
            "minutes: petit waits half a minute for the server to say what is new, and five minutes for the commit. If the commit has problems, or the server can't be reached, the answer says so, and the commit in use stays.",
        },
      },
    )
    .post(
      "/api/jobs/pin",
      async ({ body, request }) => {
        noteAction({ target: body.commit });
        return changed(await patiently(request).pin(body.commit, { cause: "api", by: requests.actorOf(request) }));
      },
      {
        parse: readJson,
        body: PinBody,
        response: {
          200: JobRepositoryChanged,
          ...failures("INVALID_REQUEST", "NOT_FOUND", "CONFLICT", "PAYLOAD_TOO_LARGE"),
        },
        detail: {
          operationId: "pinJobs",
          tags: ["jobs"],
          summary: "Use a commit, and stay with it",
          description: "A rollback, for example. 409 if the commit has problems; then nothing changes.",
        },
      },
    )
    .post(
      "/api/jobs/follow",
      async ({ request }) => changed(await patiently(request).follow({ cause: "api", by: requests.actorOf(request) })),
      {
        response: { 200: JobRepositoryChanged, ...failures("NOT_FOUND", "PAYLOAD_TOO_LARGE") },
        detail: {
          operationId: "followJobs",
          tags: ["jobs"],
          summary: "Follow the newest commit again",
        },
      },
    );
};

const mustHave = (repository: JobRepository | null): JobRepository => {
  if (repository !== null) return repository;
  throw new PetitError(
    "not_found",
    "the job files are in a folder; start petit with --jobs-git to follow a repository",
  );
};

const changed = (state: RepositoryState) => ({ message: repositoryMessage(state), ...jobRepositoryBody(state) });
