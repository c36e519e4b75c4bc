import { t } from "elysia";
import type { Job } from "../../../domain/job.ts";
import type { JobVersion } from "../../../store/versions/versions.ts";
import type { DefinitionDiff } from "../../comparison/definition-diff.ts";
import { Count, exactly, instant, integer, nullable } from "../schemas.ts";

const versionFields = {
  version: integer({ minimum: 1, description: "Counts the definitions of the job from 1" }),
  changed_at: instant("When petit first read it; of the current one, when it became that"),
  current: t.Boolean({ description: "Whether it is the definition of today, or the last one of a job that is gone" }),
};

const VERSION_EXAMPLE = { version: 7, changed_at: 1767000000000, current: true };

const VersionBody = exactly(versionFields, {
  title: "JobVersion",
  description: "A definition of a job",
  examples: [VERSION_EXAMPLE],
});

export const VersionList = exactly(
  { versions: t.Array(VersionBody, { description: "The newest first" }), count: Count },
  { title: "JobVersionList", examples: [{ versions: [VERSION_EXAMPLE], count: 1 }] },
);

export const VersionDetail = exactly(
  {
    ...versionFields,
    text: nullable(t.String(), "The YAML document of the job, with secrets hidden; null if it is not stored"),
    before: nullable(integer({ minimum: 1 }), "The version before it; null if it is the first one that is stored"),
    changed: t.Boolean({
      description: "False if there is none before it, or only comments or its place in the file differ",
    }),
    diff: nullable(
      t.Array(t.String()),
      "Lines of a unified diff from `before`; null if the texts are equal, too different, or not stored",
    ),
  },
  {
    title: "JobVersionDetail",
    description: "A definition of a job, and what differs from the one before it",
    examples: [
      {
        ...VERSION_EXAMPLE,
        text: "id: hello_world\ntasks:\n  - {id: hello, type: command, command: date}\n",
        before: 6,
        changed: true,
        diff: [
          "@@ -1,2 +1,2 @@",
          " id: hello_world",
          "-tasks: []",
          "+tasks:",
          "+  - {id: hello, type: command, command: date}",
        ],
      },
    ],
  },
);

export const versionList = (versions: readonly JobVersion[]): typeof VersionList.static => ({
  versions: versions.map(versionBody),
  count: versions.length,
});

type VersionParts = {
  readonly version: JobVersion;
  readonly before: JobVersion | null;
  readonly job: Job;
  readonly diff: DefinitionDiff;
};

export const versionDetail = ({ version, before, job, diff }: VersionParts): typeof VersionDetail.static => ({
  ...versionBody(version),
  text: job.source.document?.text ?? null,
  before: before?.number ?? null,
  changed: diff.changed,
  diff: diff.lines === null ? null : [...diff.lines],
});

const versionBody = ({ number, changedAt, isCurrent }: JobVersion): typeof VersionBody.static => ({
  version: number,
  changed_at: changedAt,
  current: isCurrent,
});
