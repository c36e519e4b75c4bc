import { Elysia, t } from "elysia";
import { PetitError } from "../../../domain/errors.ts";
import { refuse } from "../../../domain/refusal.ts";
import { brokenFiles } from "../../../jobfile/read/job-dir.ts";
import { TEMPLATES } from "../../../jobfile/templates/templates.ts";
import { diffJobs } from "../../comparison/commit-diff.ts";
import { diffTexts } from "../../comparison/definition-diff.ts";
import type { ApiContext } from "../../context.ts";
import { ApiError } from "../../errors.ts";
import { MAX_BODY_BYTES, MAX_DRAFT_BYTES, readJsonWithTexts } from "../../guard/body.ts";
import type { DraftCheck, JobFileEditor } from "../../options.ts";
import { reloaded } from "../../reloaded.ts";
import { listedJobs } from "../../shapes/definition/commit-diff.ts";
import {
  DraftCheckBody,
  draftCheckBody,
  JobFileList,
  JobFilePath,
  JobFileText,
  SavedJobFile,
} from "../../shapes/definition/job-file.ts";
import { failures } from "../../shapes/failure.ts";
import { exactly } from "../../shapes/schemas.ts";
import { pathAfter } from "../path-after.ts";

/** Begins the paths of these routes, whose bodies may be larger than others. */
export const JOB_FILES_PATH = "/api/job-files";

const text = t.String({ description: "The text of the file, with its line ends; at most 1 MiB as UTF-8" });

const base = t.Union([t.String({ pattern: "^[0-9a-f]{64}$" }), t.Null()], {
  description: "`digest` of the file that the text was made from; null if there is to be no file yet",
  "x-expected": "64 lower-case hexadecimal digits or null",
});

const DraftBody = exactly({ path: JobFilePath, text, base }, { title: "JobFileDraft" });
const TextBody = exactly({ text, base }, { title: "JobFileChange" });

const WildcardParams = exactly({
  "*": t.String({ description: "Path of the file, relative to JOBS_DIR, with each part percent-encoded" }),
});

/** Maximum size of the bodies of these routes. */
export const maxDraftBytes = ({ editor }: Pick<ApiContext, "editor">): number =>
  editor === null ? MAX_BODY_BYTES : MAX_DRAFT_BYTES;

/** Routes for editing the job files of a folder. Without `--edit`, and for files in git, they refuse every request. */
export const jobFileRoutes = (context: ApiContext) => {
  const { engine, clock, requests, system } = context;
  const { timezone } = system;
  const parse = readJsonWithTexts(["path", "text", "base"], maxDraftBytes(context));

  /**
   * Compares the jobs that run with those that would after a save, which reads all files: jobs of other files that have changed, too. Null while
   * the draft can't be saved.
   */
  const diffOf = async ({ jobs, others, broken, errors }: DraftCheck) => {
    if (errors.length > 0) return null;
    const after = [...jobs, ...others];
    const ids = new Set(after.map(({ id }) => id));
    const isBroken = brokenFiles(broken);
    // The jobs of broken files stay as they are.
    const before = engine.listJobs().flatMap(({ job }) => (isBroken(job.source.file) && !ids.has(job.id) ? [] : [job]));
    return { timezone, ...listedJobs(await diffJobs(before, after, { now: clock.now(), timezone })) };
  };

  let checks = 0;

  return new Elysia()
    .get(
      JOB_FILES_PATH,
      async () => {
        const files = await mustHave(context).list();
        const jobs = Map.groupBy(engine.listJobs(), ({ job }) => job.source.file);
        const problems = Map.groupBy(engine.problems, ({ file }) => file);
        return {
          files: files.map(({ path, digest }) => ({
            path,
            jobs: (jobs.get(path) ?? []).map(({ job }) => job.id),
            digest,
            problems: problems.get(path)?.length ?? 0,
          })),
          templates: TEMPLATES.map((template) => ({ ...template })),
        };
      },
      {
        response: { 200: JobFileList, ...failures("CONFLICT") },
        detail: {
          operationId: "listJobFiles",
          tags: ["jobs"],
          summary: "List the job files, and templates for new ones",
          description: `With the ids of the jobs that run from each, also while the file has problems. ${NEEDS_EDIT}`,
        },
      },
    )
    .get(
      `${JOB_FILES_PATH}/*`,
      ({ request }) => {
        const { modifiedAt, ...file } = mustHave(context).read(pathOf(request));
        return { ...file, modified_at: modifiedAt };
      },
      {
        params: WildcardParams,
        response: { 200: JobFileText, ...failures("INVALID_REQUEST", "NOT_FOUND", "CONFLICT") },
        detail: {
          operationId: "getJobFile",
          tags: ["jobs"],
          summary: "Get the text of a job file",
          description: `As it is, also with secrets that are written in it. ${NEEDS_EDIT}`,
        },
      },
    )
    .post(
      `${JOB_FILES_PATH}/check`,
      async ({ body, request }) => {
        const editor = mustHave(context);
        if (checks >= MAX_CHECKS) throw tooManyChecks();
        requests.keepOpen(request);
        checks++;
        try {
          const check = await editor.check(body, request.signal);
          const { present, isUnchanged } = check;
          return draftCheckBody(check, {
            diff: await diffOf(check),
            textDiff: present === null || isUnchanged ? null : await diffTexts(present, body.text),
          });
        } finally {
          checks--;
        }
      },
      {
        parse,
        body: DraftBody,
        response: {
          200: DraftCheckBody,
          ...failures("INVALID_REQUEST", "NOT_FOUND", "CONFLICT", "PAYLOAD_TOO_LARGE"),
        },
        detail: {
          operationId: "checkJobFile",
          tags: ["jobs"],
          summary: "Check a text for a job file without saving it",
          description: `Checks it with all other files, as \`petit validate\` does, and compares the jobs that a save would bring into use with those that run, also of other files that have changed. ${NEEDS_EDIT}`,
        },
      },
    )
    .put(
      `${JOB_FILES_PATH}/*`,
      async ({ body, request }) => {
        const editor = mustHave(context);
        const path = pathOf(request);
        if (engine.phase !== "running") throw refuse({ reason: "not_running", state: "stopping" });
        requests.keepOpen(request);
        const { digest, inUse } = await editor.save({ path, ...body }, requests.actorOf(request));
        await reloaded(inUse, context, "the file is saved; ");
        return { path, digest };
      },
      {
        parse,
        params: WildcardParams,
        body: TextBody,
        response: {
          200: SavedJobFile,
          ...failures("INVALID_REQUEST", "NOT_FOUND", "CONFLICT", "PAYLOAD_TOO_LARGE"),
        },
        detail: {
          operationId: "saveJobFile",
          tags: ["jobs"],
          summary: "Save a job file, and use it",
          description:
            "409 with `file_changed` if the file is not that of `base`, 400 with `job_file_problems` if the text has problems or causes some in " +
            `other files; then nothing changes. The answer comes when its jobs are in use. ${NEEDS_EDIT}`,
        },
      },
    );
};

/** How many checks may be in progress; each has a text of up to 1 MiB. */
const MAX_CHECKS = 16;

const tooManyChecks = (): ApiError =>
  new ApiError("SERVICE_UNAVAILABLE", `${MAX_CHECKS} texts are being checked; try again in a moment`, {
    headers: { "retry-after": "1" },
  });

const NEEDS_EDIT = "Needs `--edit`, and a folder of job files: otherwise 409.";

const mustHave = ({ editor, repository }: Pick<ApiContext, "editor" | "repository">): JobFileEditor => {
  if (editor !== null) return editor;
  throw refuse({ reason: repository === null ? "editing_off" : "files_in_git" });
};

const pathOf = ({ url }: Request): string => {
  const path = pathAfter(PREFIX_PARTS, url);
  if (path !== null) return path;
  throw new PetitError("not_found", "the path of the job file is not percent-encoded UTF-8");
};

/** Number of parts of `JOB_FILES_PATH`, including the empty one at the beginning. */
const PREFIX_PARTS = 3;
