import { Elysia, t } from "elysia";
import { PetitError } from "../../../domain/errors.ts";
import type { Job } from "../../../domain/job.ts";
import { hasSameTimes, scheduleMove } from "../../../domain/schedule/move.ts";
import { shorten } from "../../../lib/text.ts";
import type { JobVersion } from "../../../store/versions/versions.ts";
import { diffVersions } from "../../comparison/definition-diff.ts";
import { shownChanges } from "../../comparison/version-changes.ts";
import type { ApiContext } from "../../context.ts";
import type { ApiStore } from "../../options.ts";
import { VersionDetail, VersionList, versionDetail, versionList } from "../../shapes/definition/version.ts";
import { failures } from "../../shapes/failure.ts";
import { exactly, JobIdText, wholeNumber } from "../../shapes/schemas.ts";
import { requireJob } from "../require.ts";

const VERSION_TEXT = "its digest, 4 or more characters from the beginning of that, or its number";

/** Default number of uses of each version in a list. The newest ones of a version are enough to see when it was in use. */
const LISTED_USES = 10;
/** A job has no more. */
const ALL_USES = 1_000;

const ListQuery = exactly({
  limit: t.Optional(wholeNumber({ minimum: 1, maximum: 1000, default: 100 }, "Maximum of versions")),
  uses: t.Optional(
    wholeNumber(
      { minimum: 1, maximum: ALL_USES, default: LISTED_USES },
      "Maximum of the times of each version in `uses`",
    ),
  ),
  before: t.Optional(t.String({ description: `Lists only the versions before this one: ${VERSION_TEXT}` })),
});

const VersionParams = exactly({
  job_id: JobIdText,
  version: t.String({ description: `The version: ${VERSION_TEXT}`, examples: ["3f9a1c20"] }),
});

const DetailQuery = exactly({
  diff: t.Optional(
    t.String({
      description: `The version to compare with: ${VERSION_TEXT}. Default: the one that was stored before it`,
    }),
  ),
});

export const versionRoutes = ({ engine, store, clock, system }: ApiContext) =>
  new Elysia({ prefix: "/api/jobs/:job_id/versions" })
    .get(
      "",
      ({ params, query }) => {
        const { job } = requireJob(engine, params.job_id);
        const before = query.before === undefined ? null : requireVersion(store, job, query.before);
        const page = { limit: Number(query.limit ?? 100), ...(before !== null && { before: before.number }) };
        return versionList(
          store.versions
            .list(job.id, page)
            .map((version) => partsOf(store, job, version, Number(query.uses ?? LISTED_USES))),
        );
      },
      {
        params: exactly({ job_id: JobIdText }),
        query: ListQuery,
        response: { 200: VersionList, ...failures("INVALID_REQUEST", "NOT_FOUND") },
        detail: {
          operationId: "listJobVersions",
          tags: ["jobs"],
          summary: "List the versions of the definition of a job, newest first",
          description:
            "A definition that returns is its earlier version again. Versions are kept as long as runs that used them. Others are kept while one " +
            "of the newest 50 times that a version of the job was in use is theirs.",
        },
      },
    )
    .get(
      "/:version",
      async ({ params, query }) => {
        const { job } = requireJob(engine, params.job_id);
        const version = requireVersion(store, job, params.version);
        const before =
          query.diff === undefined
            ? (store.versions.list(job.id, { limit: 1, before: version.number })[0] ?? null)
            : requireVersion(store, job, query.diff);
        const definition = store.jobs.getDefinition(version.versionId);
        const other = before === null ? null : store.jobs.getDefinition(before.versionId);
        return versionDetail(partsOf(store, job, version, ALL_USES), {
          job: definition,
          before,
          changes: other === null ? [] : await shownChanges(other, definition),
          move:
            other === null || hasSameTimes(other, definition)
              ? null
              : scheduleMove(other, definition, { now: clock.now(), timezone: system.timezone }),
          diff: other === null ? { changed: false, lines: null } : await diffVersions(other, definition),
        });
      },
      {
        params: VersionParams,
        query: DetailQuery,
        response: { 200: VersionDetail, ...failures("INVALID_REQUEST", "NOT_FOUND") },
        detail: {
          operationId: "getJobVersion",
          tags: ["jobs"],
          summary: "Get a version of the definition of a job, and what differs from another one",
          description:
            "`changes` has each field that differs, under its name in job files. `diff` compares the YAML texts, also where only comments differ.",
        },
      },
    );

const partsOf = (store: ApiStore, { id }: Pick<Job, "id">, version: JobVersion, uses: number) => ({
  version,
  uses: store.versions.listUses(id, version.number, uses),
  useCount: store.versions.countUses(id, version.number),
  runs: store.versions.describeRuns(id, version.number),
});

/** Returns the version of a job that a text names. Throws `not_found`, and `invalid_request` if it is the beginning of several digests. */
const requireVersion = (store: ApiStore, { id }: Pick<Job, "id">, text: string): JobVersion => {
  const name = text.toLowerCase();
  const byNumber = /^\d{1,15}$/.test(name) ? store.versions.find(id, Number(name)) : null;
  if (byNumber !== null) return byNumber;
  const [found, another] = /^[0-9a-f]{4,64}$/.test(name) ? store.versions.findByDigest(id, name, 2) : [];
  if (another !== undefined)
    throw new PetitError(
      "invalid_request",
      `'${name}' is the beginning of the digests of several versions of job '${id}'; expected more characters`,
    );
  if (found !== undefined) return found;
  throw new PetitError(
    "not_found",
    `job '${id}' has no version '${shorten(text, 64)}', or it is deleted; expected a digest, 4 or more characters from its beginning, or a number`,
  );
};
