import { closeSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { checkJobsDir } from "../../../app/jobs-dir.ts";
import { listFiles } from "../../../jobfile/read/list-files.ts";
import { errorMessage } from "../../../lib/error-message.ts";
import { openRegular, readStart } from "../../../lib/files/regular-file.ts";
import { EXIT, Failure } from "../../exit.ts";
import { noJobIn } from "../../job-folder.ts";
import type { Fate, Importer, ImportProblem } from "../imported.ts";
import { type ConvertedJob, convertJob } from "./convert-job.ts";

/** Translates a folder of job files of the Rust petit, which reads the `*.yaml` and `*.yml` in it, and none below it. */
export const importPetitRs: Importer = async ({ source: dir = ".", workingDir, context }) => {
  await checkJobsDir(dir);
  const names = (await readdir(dir)).filter((name) => /.\.ya?ml$/.test(name)).sort();
  const below = await filesBelow(dir);
  if (names.length === 0 && below.length === 0)
    throw new Failure(EXIT.FAILED, noJobIn(dir, context.terminal.err).trimEnd());
  const [oldDir, now] = [resolve(workingDir ?? "."), context.clock.now()];
  const converted = names.map((name): ConvertedJob => {
    const file = join(dir, name);
    const text = readText(file);
    return typeof text === "string"
      ? convertJob({ workingDir: oldDir, now, file, text, path: name.replace(/^\.+/, "") })
      : { job: null, files: [], fates: [], problems: [{ file, line: 1, ...text }] };
  });
  return {
    files: converted.flatMap(({ files }) => files),
    fates: [...converted.flatMap(({ fates }) => fates), ...below],
    gone: [],
    problems: [...converted.flatMap(({ problems }) => problems), ...sameIds(converted), ...sameNames(converted)],
  };
};

const MAX_BYTES = 2 ** 20;

/** Returns the text of a job file, or what is wrong with the file. */
const readText = (file: string): string | { readonly message: string } => {
  try {
    const fd = openRegular(file);
    if (fd === null) return { message: "is not a regular file; expected a job file" };
    try {
      const bytes = readStart(fd, MAX_BYTES + 1);
      if (bytes.length > MAX_BYTES) return { message: "is larger than 1 MiB; expected a smaller file" };
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    const reason = error instanceof TypeError ? "not UTF-8 text" : errorMessage(error);
    return { message: `can't be read (${reason}); expected a job file in UTF-8` };
  }
};

/** The job files that petit would read, but the Rust petit does not. */
const filesBelow = async (dir: string): Promise<readonly Fate[]> => {
  const { files } = await listFiles(dir);
  return files
    .filter((file) => file.includes("/"))
    .map((file) => ({
      file: join(dir, file),
      line: 1,
      outcome: "left_out",
      jobId: null,
      notes: ["the Rust petit does not read the folders in its folder"],
    }));
};

/** Which of two jobs with the same id runs in the Rust petit depends on the order in which it happens to read them. */
const sameIds = (converted: readonly ConvertedJob[]): readonly ImportProblem[] => {
  const places = new Map<string, string>();
  return converted.flatMap(({ job }) => {
    if (job === null) return [];
    const { id, file, line } = job;
    const place = places.get(id);
    if (place === undefined) places.set(id, `${file}:${line}`);
    return place === undefined
      ? []
      : [{ file, line, message: `the id '${id}' is the id of ${place} as well; expected another` }];
  });
};

/** A file whose name begins with a dot is renamed, because petit does not read it; there may be a file with the new name. */
const sameNames = (converted: readonly ConvertedJob[]): readonly ImportProblem[] => {
  const places = new Map<string, number>();
  for (const { files } of converted) for (const { path } of files) places.set(path, (places.get(path) ?? 0) + 1);
  return converted.flatMap(({ job, files }) =>
    files.flatMap(({ path }) => {
      const isRenamed = job !== null && basename(job.file) !== path;
      if (!isRenamed || places.get(path) === 1) return [];
      return {
        file: job.file,
        line: 1,
        message: `would be written to ${path}, as another file; expected another name`,
      };
    }),
  );
};
