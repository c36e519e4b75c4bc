import { t } from "elysia";
import type { Job } from "../../../domain/job.ts";
import type { ScheduleMove } from "../../../domain/schedule/move.ts";
import { USE_CAUSES, type VersionUse } from "../../../domain/versions/version.ts";
import { USE_CAUSE_TEXT } from "../../../domain/words/versions/version.ts";
import type { JobVersion, VersionRun, VersionRuns } from "../../../store/versions/versions.ts";
import type { DefinitionDiff } from "../../comparison/definition-diff.ts";
import { CHANGE_KINDS, type ShownChange, shownFields } from "../../comparison/version-changes.ts";
import {
  ActorOrNull,
  Count,
  exactly,
  instant,
  instantOrNull,
  integer,
  meanings,
  nullable,
  RunIdText,
  word,
} from "../schemas.ts";
import { ScheduleMoveOrNull, scheduleMoveBody } from "./schedule-move.ts";

const VersionNumber = integer({ minimum: 1, description: "Counts the definitions of the job from 1" });

export const Digest = t.String({
  pattern: "^[0-9a-f]{64}$",
  description:
    "HMAC-SHA-256 of the definition and its text with a key of this database: it identifies the version, wherever its file is",
});

/** What names a version of a job. */
export const VersionName = exactly(
  { version: VersionNumber, digest: Digest },
  { title: "JobVersionName", description: "A version of the definition of a job" },
);

const UseBody = exactly(
  {
    since: instant("When petit had read it"),
    until: instantOrNull("When another version took its place, or the job was removed; null while it is in use"),
    cause: nullable(word(USE_CAUSES, meanings(USE_CAUSE_TEXT)), "Why it came into use; null if it was not recorded"),
    by: ActorOrNull,
    file: nullable(t.String(), "Path of the job file then, relative to JOBS_DIR; null if it was not recorded"),
    file_modified_at: instantOrNull("When the file was last modified then; null if it is unknown"),
    commit: nullable(
      exactly({
        id: t.String({ description: "Id of the commit" }),
        author: nullable(t.String(), "Its author; null if it is unknown"),
      }),
      "The commit that the job files were from; null for files in a folder",
    ),
  },
  { title: "JobVersionUse", description: "A time during which a version of a job was in use" },
);

const RunOrNull = nullable(
  exactly({ id: RunIdText, created_at: instant("When the run was created") }),
  "Null if none is stored",
);

const versionFields = {
  version: VersionNumber,
  digest: Digest,
  changed_at: instant("When petit first read it; of the current one, when it became that"),
  current: t.Boolean({ description: "Whether it is the definition of today, or the last one of a job that is gone" }),
  uses: t.Array(UseBody, {
    description: "When it was in use, the newest first: in a list the newest 10, or as many as `uses` says",
  }),
  use_count: integer({ minimum: 0, description: "How often it was in use, as far as that is stored" }),
  runs: exactly(
    { count: integer({ minimum: 0, description: "At most 100,000" }), first: RunOrNull, last: RunOrNull },
    { description: "The stored runs that use it" },
  ),
};

export const DIGEST_EXAMPLE = "3f9a1c20c6f54b0cb7b6ab2a8f6c1b1c0b0f4c1a7f2b2f8d9e6a5d4c3b2a1f0e";

const VERSION_EXAMPLE = {
  version: 7,
  digest: DIGEST_EXAMPLE,
  changed_at: 1767000000000,
  current: true,
  uses: [
    {
      since: 1767000000000,
      until: null,
      cause: "watch",
      by: null,
      file: "hello.yaml",
      file_modified_at: 1766999999700,
      commit: null,
    },
  ],
  use_count: 1,
  runs: {
    count: 12,
    first: { id: "019b76da-a800-7c3e-8f2b-5d1c9a7e4f60", created_at: 1767225600000 },
    last: { id: "019b8a42-0f10-71aa-9d0e-6b1f2c3d4e5f", created_at: 1767551200000 },
  },
};

const VersionBody = exactly(versionFields, {
  title: "JobVersion",
  description: "A definition of a job",
  examples: [VERSION_EXAMPLE],
});

export const VersionList = exactly(
  { versions: t.Array(VersionBody, { description: "The newest first" }), count: Count },
  { title: "JobVersionList", examples: [{ versions: [VERSION_EXAMPLE], count: 1 }] },
);

export const ChangeBody = exactly(
  {
    path: t.String({ description: "The field, such as `tasks.load.retry.delay`" }),
    kind: word(CHANGE_KINDS, "What happened to it"),
    before: t.Unknown({ description: "Its former value, with possible secrets hidden; null if it was added" }),
    after: t.Unknown({ description: "Its value, with possible secrets hidden; null if it was removed" }),
    diff: nullable(
      t.Array(t.String()),
      "Lines of a unified diff, if one of both is a text of several lines; otherwise null",
    ),
  },
  { title: "JobVersionChange", description: "A field that differs between two versions" },
);

export const VersionDetail = exactly(
  {
    ...versionFields,
    definition: t.Record(t.String(), t.Unknown(), {
      description: "The fields of the definition under their names in job files, with possible secrets hidden",
    }),
    text: nullable(t.String(), "The YAML document of the job, with secrets hidden; null if it is not stored"),
    before: nullable(
      integer({ minimum: 1 }),
      "The version that it is compared with: that of `diff`, or the one before it; null if it is the first one that is stored",
    ),
    before_digest: nullable(Digest, "The digest of that version"),
    changed: t.Boolean({
      description: "False if it is compared with none, or only comments or its place in the file differ",
    }),
    changes: t.Array(ChangeBody, { description: "Each field that differs from `before`" }),
    move: ScheduleMoveOrNull,
    diff: nullable(
      t.Array(t.String()),
      "Lines of a unified diff from `before`; null if the texts are equal, too different, or not stored",
    ),
  },
  {
    title: "JobVersionDetail",
    description: "A definition of a job, and what differs from another one",
    examples: [
      {
        ...VERSION_EXAMPLE,
        definition: {
          id: "hello_world",
          name: "hello_world",
          enabled: true,
          on_overlap: "skip",
          inherit_environment: true,
          tasks: [{ id: "hello", name: "hello", condition: "all_success", type: "command", command: "date" }],
        },
        text: "id: hello_world\ntimeout: 10m\ntasks:\n  - {id: hello, type: command, command: date}\n",
        before: 6,
        before_digest: DIGEST_EXAMPLE.replace("3f9a", "b804"),
        changed: true,
        changes: [{ path: "timeout", kind: "changed", before: "5m", after: "10m", diff: null }],
        move: null,
        diff: ["@@ -1,3 +1,3 @@", " id: hello_world", "-timeout: 5m", "+timeout: 10m", " tasks:"],
      },
    ],
  },
);

/** A version with when it was in use, and the runs that use it. */
type VersionParts = {
  readonly version: JobVersion;
  readonly uses: readonly VersionUse[];
  readonly useCount: number;
  readonly runs: VersionRuns;
};

export const versionList = (versions: readonly VersionParts[]): typeof VersionList.static => ({
  versions: versions.map(versionBody),
  count: versions.length,
});

type Comparison = {
  readonly job: Job;
  readonly before: JobVersion | null;
  readonly changes: readonly ShownChange[];
  readonly move: ScheduleMove | null;
  readonly diff: DefinitionDiff;
};

export const versionDetail = (
  parts: VersionParts,
  { job, before, changes, move, diff }: Comparison,
): typeof VersionDetail.static => ({
  ...versionBody(parts),
  definition: shownFields(job),
  text: job.source.document?.text ?? null,
  before: before?.number ?? null,
  before_digest: before?.digest ?? null,
  changed: diff.changed,
  changes: changes.map((change) => ({ ...change, diff: change.diff === null ? null : [...change.diff] })),
  move: scheduleMoveBody(move),
  diff: diff.lines === null ? null : [...diff.lines],
});

export const versionName = ({ number, digest }: Pick<JobVersion, "number" | "digest">): typeof VersionName.static => ({
  version: number,
  digest,
});

const versionBody = ({ version, uses, useCount, runs }: VersionParts): typeof VersionBody.static => ({
  ...versionName(version),
  changed_at: version.changedAt,
  current: version.isCurrent,
  uses: uses.map(useBody),
  use_count: useCount,
  runs: { count: runs.count, first: runBody(runs.first), last: runBody(runs.last) },
});

const useBody = ({ fileModifiedAt, commit, ...use }: VersionUse): typeof UseBody.static => ({
  since: use.since,
  until: use.until,
  cause: use.cause,
  by: use.by,
  file: use.file,
  file_modified_at: fileModifiedAt,
  commit: commit === null ? null : { id: commit.id, author: commit.author },
});

const runBody = (run: VersionRun | null): typeof RunOrNull.static =>
  run === null ? null : { id: run.id, created_at: run.createdAt };
