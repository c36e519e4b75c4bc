import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { PetitError } from "../../domain/errors.ts";
import { formatProblem } from "../../jobfile/problem.ts";
import { problemsWith, readJobsDir } from "../../jobfile/read/job-dir.ts";
import { readJobFile } from "../../jobfile/read/job-file.ts";
import { EXIT, Failure } from "../exit.ts";
import type { ImportedFile } from "./imported.ts";

/** Throws a `Failure` with all problems that `petit validate` would find in the folder, once the files are there, and does not find now. */
export const checkFiles = async (files: readonly ImportedFile[], dir: string | null): Promise<void> => {
  const problems = await problemsWith(
    files.map(({ path, text }) => ({ file: path, text })),
    dir,
  );
  if (problems.length === 0) return;
  const lines = problems.map(formatProblem).join("\n");
  throw new Failure(EXIT.FAILED, `nothing was written, because these job files would be invalid:\n${lines}`);
};

/** Throws `conflict` if a file exists already, unless `replaces`, or if another file of the folder has a job with the same id. */
export const checkFolder = async (
  files: readonly ImportedFile[],
  { dir, replaces }: { readonly dir: string; readonly replaces: boolean },
): Promise<void> => {
  if (!existsSync(dir)) return;
  const existing = files.map(({ path }) => path).filter((path) => existsSync(join(dir, path)));
  if (existing.length > 0 && !replaces) {
    const names = existing.map((path) => join(dir, path)).join(", ");
    throw new PetitError("conflict", `already there: ${names}; nothing was written. --force replaces files`);
  }
  const folders = existing.filter((path) => statSync(join(dir, path)).isDirectory());
  if (folders.length > 0) {
    const names = folders.map((path) => join(dir, path)).join(", ");
    throw new PetitError("conflict", `a folder has the name of a job file: ${names}; nothing was written`);
  }
  const clashes = await sameIds(files, dir);
  if (clashes.length === 0) return;
  throw new PetitError("conflict", `nothing was written, because ids are in use:\n${clashes.join("\n")}`);
};

/** Returns a line for each new job whose id a job of another file of the folder has. */
const sameIds = async (files: readonly ImportedFile[], dir: string): Promise<readonly string[]> => {
  const written = new Set(files.map(({ path }) => path));
  const present = (await readJobsDir(dir)).jobs.filter(({ source }) => !written.has(source.file));
  const places = new Map(present.map(({ id, source }) => [id as string, `${join(dir, source.file)}:${source.line}`]));
  return idsOf(files, dir).flatMap((id) => {
    const place = places.get(id);
    return place === undefined ? [] : [`${place}: has a job '${id}'`];
  });
};

const idsOf = (files: readonly ImportedFile[], dir: string): readonly string[] =>
  files.flatMap(({ path, text }) => readJobFile({ file: path, folder: dir, text }).jobs.map(({ id }) => id));
