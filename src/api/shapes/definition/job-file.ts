import { t } from "elysia";
import type { DraftCheck } from "../../options.ts";
import { ProblemBody, problemBody } from "../scheduler.ts";
import { exactly, instant, integer, JobIdText, nullable, word } from "../schemas.ts";
import { DraftDiffBody } from "./commit-diff.ts";

export const JobFilePath = t.String({ description: "Path relative to JOBS_DIR", examples: ["backups/nightly.yaml"] });

const FileDigest = t.String({ description: "SHA-256 of the file, in hexadecimal" });

export const JobFileList = exactly(
  {
    files: t.Array(
      exactly(
        {
          path: JobFilePath,
          jobs: t.Array(JobIdText, { description: "The jobs that run from it" }),
          digest: nullable(FileDigest, "SHA-256 of the file, in hexadecimal; null if it can't be read as a job file"),
          problems: integer({ minimum: 0, description: "Number of its problems when it was read last" }),
        },
        { title: "ListedJobFile" },
      ),
      { description: "By path" },
    ),
    templates: t.Array(
      exactly(
        {
          name: t.String({ description: "Short name for people", examples: ["Scheduled command"] }),
          description: t.String({ description: "What it is for" }),
          text: t.String({ description: "A valid job file" }),
        },
        { title: "JobFileTemplate" },
      ),
      { description: "What a new file can begin with" },
    ),
  },
  { title: "JobFileList" },
);

export const JobFileText = exactly(
  {
    path: JobFilePath,
    text: t.String({ description: "The text as it is, with its line ends" }),
    digest: FileDigest,
    modified_at: instant("When it was modified last"),
    by: nullable(t.String(), "Who brought it into use, as far as the versions of its jobs say; otherwise null"),
  },
  { title: "JobFileText" },
);

export const SavedJobFile = exactly({ path: JobFilePath, digest: FileDigest }, { title: "SavedJobFile" });

const DraftProblemBody = exactly(
  {
    ...ProblemBody.properties,
    severity: word(
      ["error", "warning"],
      "`error`: because of it the text is not saved; `warning`: another file has it anyway",
    ),
  },
  { title: "DraftProblem" },
);

export const DraftCheckBody = exactly(
  {
    problems: t.Array(DraftProblemBody, {
      description: "Errors first, those in the file itself before others; at most 200",
    }),
    is_new: t.Boolean({ description: "Whether there is no such file yet" }),
    unchanged: t.Boolean({ description: "Whether the file has this text" }),
    changed_meanwhile: t.Boolean({ description: "Whether the file is not that of `base`" }),
    diff: nullable(DraftDiffBody, "What differs from the jobs that run; null if there are errors"),
    text_diff: nullable(
      t.Array(t.String()),
      "Lines of a unified diff with the present file; null if it is new or unchanged, or if too much differs",
    ),
  },
  { title: "JobFileCheck" },
);

/** Number of problems that an answer lists. */
const MAX_PROBLEMS = 200;

type Compared = {
  readonly diff: typeof DraftDiffBody.static | null;
  readonly textDiff: readonly string[] | null;
};

export const draftCheckBody = (check: DraftCheck, { diff, textDiff }: Compared): typeof DraftCheckBody.static => ({
  problems: [
    ...check.errors.map((problem) => ({ ...problemBody(problem), severity: "error" as const })),
    ...check.warnings.map((problem) => ({ ...problemBody(problem), severity: "warning" as const })),
  ].slice(0, MAX_PROBLEMS),
  is_new: check.isNew,
  unchanged: check.isUnchanged,
  changed_meanwhile: check.isChangedMeanwhile,
  diff,
  text_diff: textDiff === null ? null : [...textDiff],
});
