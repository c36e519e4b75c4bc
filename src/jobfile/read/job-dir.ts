import { createHash } from "node:crypto";
import { closeSync, existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { dirname, join, posix, resolve } from "node:path";
import { setImmediate } from "node:timers/promises";
import { PetitError } from "../../domain/errors.ts";
import type { Job } from "../../domain/job.ts";
import { loadPatterns } from "../../domain/params/pattern.ts";
import { openRegular, readStart } from "../../lib/files/regular-file.ts";
import { checkJobs, type Extent, type Setup } from "../check/jobs.ts";
import { hasPrograms } from "../check/programs.ts";
import { type Conflict, formatProblem, type Problem } from "../problem.ts";
import type { Reference } from "../reference.ts";
import { type FileContent, readJobFile } from "./job-file.ts";
import type { KnownFiles } from "./known-files.ts";
import { describeFailure } from "./list-files.ts";
import { type FileState, type FolderScan, scanFolder } from "./scan.ts";

/** The contents of a JOBS_DIR. */
export type JobFiles = {
  /** The jobs of the valid files, sorted by id. */
  readonly jobs: readonly Job[];
  /** All problems, sorted by file and position. */
  readonly problems: readonly Problem[];
  /**
   * The files that have a problem, relative to JOBS_DIR. Their jobs keep their last good version. An unreadable folder
   * stands for all files below it; see `brokenFiles`.
   */
  readonly broken: readonly string[];
};

/** The contents of a folder, and the state of its files before they were read. */
export type FolderReading = {
  readonly files: JobFiles;
  readonly scan: FolderScan;
  /** Other files that decide what the job files mean, and their state before they were read; left out if there are none. */
  readonly references?: readonly Reference[];
};

/** Returns a predicate that is true for each file in `broken` and each file below a folder in `broken`. */
export const brokenFiles = (broken: readonly string[]): ((file: string) => boolean) => {
  const paths = new Set(broken);
  return (file) => {
    for (let path = file; path !== "."; path = posix.dirname(path)) if (paths.has(path)) return true;
    return paths.has(".");
  };
};

/**
 * Reads and checks every job file of a folder. A file with a problem contributes no job. Yields to the event loop
 * between batches. Without `setup`, jobs may name any queue, run on workers, and mount any folder. Throws `not_found` if the folder does not exist.
 */
export const readJobsDir = async (dir: string, setup: Setup = ANY_SETUP): Promise<JobFiles> =>
  (await readFolder({ dir, ...setup })).files;

/** Reads and checks some job files. Jobs that they name may be in other files. */
export const readJobFiles = async (paths: readonly NamedFile[], setup: Setup): Promise<JobFiles> => {
  const contents: FileContent[] = [];
  for (const { file, bytes } of paths)
    contents.push(
      bytes === undefined
        ? await readFile({ root: "", file, state: null, known: undefined })
        : await readContent(bytes, { file, folder: "." }),
    );
  return assemble(contents, setup, "part");
};

/**
 * Returns the problems that a folder would have if these files were written there, beyond those that it has. `file` is relative to the
 * folder, which need not exist; null is an empty folder here.
 */
export const problemsWith = async (
  files: readonly { readonly file: string; readonly text: string }[],
  dir: string | null,
): Promise<readonly Problem[]> => {
  const root = resolve(dir ?? ".");
  const contents: FileContent[] = [];
  for (const { file, text } of files)
    contents.push(await readContent(new TextEncoder().encode(text), { file, folder: dirname(resolve(root, file)) }));
  const present =
    dir !== null && existsSync(root) ? await readContents({ dir, known: undefined, stampOf: undefined }) : null;
  const replaced = new Set(files.map(({ file }) => file));
  const others = [...(present?.byFile ?? [])].flatMap(([file, content]) => (replaced.has(file) ? [] : [content]));
  await loadPatternsOfCalls([...others, ...contents]);
  const problemsOf = (all: readonly FileContent[]): readonly Problem[] =>
    findConflicts(all, ANY_SETUP, "all").map(({ problem }) => problem);
  const before = new Set(problemsOf(others).map(formatProblem));
  return problemsOf([...others, ...contents]).filter((problem) => !before.has(formatProblem(problem)));
};

/** Checks the text of a job file. Reads no files: neither those that it names nor those of other jobs. */
export const readJobText = async (text: string): Promise<JobFiles> =>
  assemble([await readContent(new TextEncoder().encode(text), { file: "text", folder: null })], ANY_SETUP, "part");

/**
 * A job file. `file` is its path, absolute or relative to the current folder; or, with `bytes`, a name for its content, whose scripts
 * are looked for in the current folder.
 */
export type NamedFile = { readonly file: string; readonly bytes?: Uint8Array };

const ANY_SETUP: Setup = { queues: null, hasWorkers: true, ownFolders: null, privileges: null };

export type FolderToRead = Setup & {
  readonly dir: string;
  readonly known?: KnownFiles | undefined;
  /** Returns a stamp that identifies the content of a file, for files that never change; undefined for other files. */
  readonly stampOf?: ((file: string) => string | undefined) | undefined;
};

/** Does the same, except for files that `known` says have not changed. Also returns the state of the files before they were read. */
export const readFolder = async ({ dir, known, stampOf, ...setup }: FolderToRead): Promise<FolderReading> => {
  const { scan, failed, byFile } = await readContents({ dir, known, stampOf });
  const contents = [...byFile.values()];
  const references = contents.flatMap((content) => content.references ?? []);
  await loadPatternsOfCalls(contents);
  return {
    files: assemble([...failed, ...contents], setup, "all"),
    scan,
    ...(references.length > 0 && { references }),
  };
};

/** A value that a job passes to another one must match the pattern of that one's param. */
export const loadPatternsOfCalls = async (contents: readonly FileContent[]): Promise<void> => {
  if (contents.some(({ declarations }) => declarations.some(({ calls }) => calls.length > 0))) await loadPatterns();
};

/** Reads every job file of a folder, but not what they mean for each other. `failed` has the folders that can't be read. */
export const readContents = async ({ dir, known, stampOf }: Pick<FolderToRead, "dir" | "known" | "stampOf">) => {
  const root = resolve(dir);
  await requireFolder(root, dir);
  const scan = await scanFolder(root);
  const byFile = new Map<string, FileContent>();
  const failed = scan.failures.map(({ file, message }) => wholeFile(file, message));
  let pausedAt = performance.now();
  for (const [file, found] of scan.states) {
    const stamp = stampOf?.(file);
    const state = found === null || stamp === undefined ? found : { ...found, stamp, changedAt: 0 };
    byFile.set(file, restoreFile({ root, file, state, known }) ?? (await readFile({ root, file, state, known })));
    if (performance.now() - pausedAt < BATCH_MS) continue;
    await setImmediate();
    pausedAt = performance.now();
  }
  return { root, scan, failed, byFile };
};

/** Maximum time in ms without yielding; a run that becomes due meanwhile waits no longer than this. */
const BATCH_MS = 10;

const requireFolder = async (root: string, dir: string): Promise<void> => {
  const stats = await stat(root).catch(() => null);
  if (stats === null)
    throw new PetitError("not_found", `JOBS_DIR '${dir}' was not found; expected a folder of job files`);
  if (!stats.isDirectory())
    throw new PetitError("not_found", `JOBS_DIR '${dir}' is a file; expected the folder it is in`);
};

const wholeFile = (file: string, message: string): FileContent => ({
  jobs: [],
  declarations: [],
  problems: [{ file, line: 1, column: 1, path: "", message }],
});

/** Maximum size of a job file. */
export const MAX_BYTES = 2 ** 20;

type FileToRead = {
  readonly root: string;
  readonly file: string;
  readonly state: FileState | null;
  readonly known: KnownFiles | undefined;
};

/** Returns what the file contained before; null if it must be read. */
const restoreFile = ({ root, file, state, known }: FileToRead): FileContent | null => {
  const found = state === null || known === undefined ? null : known.find(file, state);
  if (state === null || known === undefined || found === null) return null;
  // A script is another file, which can disappear.
  if (!found.content.jobs.every(hasPrograms)) return null;
  // Files of dates are read again with the job file.
  if (found.content.jobs.some(({ schedule }) => (schedule?.except?.files.length ?? 0) > 0)) return null;
  if (found.isSettled) return found.content;
  if (found.digest !== digestOfFile(join(root, file))) return null;
  known.add(file, { ...found, state });
  return found.content;
};

/** Returns the SHA-256 of a job file, in hexadecimal; null if it is not readable as one. */
export const digestOfFile = (path: string): string | null => {
  try {
    const bytes = readBytes(path);
    return bytes === null || bytes.length > MAX_BYTES ? null : digestOf(bytes);
  } catch {
    return null;
  }
};

/** Returns the SHA-256 of the content of a job file, in hexadecimal. */
export const digestOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

const readFile = async ({ root, file, state, known }: FileToRead): Promise<FileContent> => {
  try {
    const path = resolve(root, file);
    const bytes = readBytes(path);
    if (bytes === null) return wholeFile(file, "is not a regular file; expected a job file");
    const content = await readContent(bytes, { file, folder: dirname(path) });
    if (state !== null && content.problems.length === 0) known?.add(file, { state, digest: digestOf(bytes), content });
    return content;
  } catch (error) {
    return wholeFile(file, describeFailure(error));
  }
};

/** Reads the content of a job file. */
export const readContent = async (
  bytes: Uint8Array,
  { file, folder }: { readonly file: string; readonly folder: string | null },
): Promise<FileContent> => {
  if (bytes.length > MAX_BYTES) return wholeFile(file, "is larger than 1 MiB; expected several smaller files");
  const text = decode(bytes);
  if (text === null) return wholeFile(file, "is not UTF-8 text; expected YAML in UTF-8");
  if (PATTERN_KEY.test(text)) await loadPatterns();
  return readJobFile({ file, folder, text });
};

/** Returns at most one byte more than the size limit, or null if the path is not a regular file. */
const readBytes = (path: string): Buffer | null => {
  const fd = openRegular(path);
  if (fd === null) return null;
  try {
    return readStart(fd, MAX_BYTES + 1);
  } finally {
    closeSync(fd);
  }
};

/** Matches every file that can contain the key `pattern`: YAML spells it literally or with one of these escapes. */
const PATTERN_KEY = /pattern|\\[xuU\r\n]/;

/** Returns null if the bytes are not valid UTF-8. */
export const decode = (bytes: Uint8Array): string | null => {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
};

const assemble = (contents: readonly FileContent[], setup: Setup, extent: Extent): JobFiles => {
  const conflicts = findConflicts(contents, setup, extent);
  const broken = new Set(conflicts.flatMap(({ problem, files }) => [problem.file, ...files]));
  const jobs = contents.flatMap((content) => content.jobs).filter((job) => !broken.has(job.source.file));
  return {
    jobs: jobs.sort((a, b) => (a.id < b.id ? -1 : 1)),
    problems: conflicts.map(({ problem }) => problem).sort(byPlace),
    broken: [...broken].sort(),
  };
};

/** Returns all problems in files and between their jobs, each with the files that it affects. */
export const findConflicts = (contents: readonly FileContent[], setup: Setup, extent: Extent): readonly Conflict[] => [
  ...contents.flatMap(({ problems }) => problems.map((problem) => ({ problem, files: [problem.file] }))),
  ...checkJobs(
    contents.flatMap(({ declarations }) => declarations),
    setup,
    extent,
  ),
];

/** Orders problems by file and position. */
export const byPlace = (a: Problem, b: Problem): number => {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  return a.line - b.line || a.column - b.column;
};
