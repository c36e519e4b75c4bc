import { readdir, stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { PetitError } from "../domain/errors.ts";
import { errorMessage } from "../lib/error-message.ts";
import { suggest } from "../lib/suggest.ts";

/** Throws `not_found`, with a suggestion, if `dir` is not a folder. `shown` is how messages name it. */
export const checkJobsDir = async (dir: string, shown = dir): Promise<void> => {
  const found = await stat(dir).catch((error) => (isAbsence(error) ? null : refuse(shown, error)));
  if (found?.isDirectory()) return;
  if (found !== null) throw new PetitError("not_found", `${shown} is not a folder; expected one with job files`);
  const near = suggest(basename(dir), await neighbours(dir));
  const hint = near === null ? `; 'petit init ${dir}' creates one` : `; did you mean '${withLastPart(dir, near)}'?`;
  throw new PetitError("not_found", `there is no folder ${shown}${hint}`);
};

const isAbsence = (error: unknown): boolean =>
  error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");

/** Throws for a folder that cannot be read. It may exist, so no suggestion is made. */
const refuse = (dir: string, cause: unknown): never => {
  const why = errorMessage(cause);
  throw new PetitError("not_found", `${dir} can't be reached (${why}); expected a folder that petit may read`, {
    cause,
  });
};

const withLastPart = (path: string, part: string): string =>
  `${path.slice(0, path.lastIndexOf(basename(path)))}${part}`;

const neighbours = async (dir: string): Promise<readonly string[]> => {
  const entries = await readdir(dirname(dir), { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
};
