import { existsSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { errorMessage } from "../../lib/error-message.ts";
import { EXIT, Failure } from "../exit.ts";
import type { ImportedFile } from "./imported.ts";

/** A file that was written. */
export type SavedFile = { readonly file: string; readonly replaced: boolean };

/** Writes the files into a folder, all or none: each is written beside its name first, and renamed when all are there. */
export const saveFiles = async (files: readonly ImportedFile[], dir: string): Promise<readonly SavedFile[]> => {
  const targets = files.map(({ path, text }) => ({ file: join(dir, path), text }));
  const drafts: string[] = [];
  const folders: string[] = [];
  try {
    for (const { file, text } of targets) {
      const made = await mkdir(dirname(file), { recursive: true });
      if (made !== undefined) folders.push(made);
      drafts.push(draftOf(file));
      await writeFile(draftOf(file), text, { flag: "wx" });
    }
    const saved: SavedFile[] = [];
    for (const { file } of targets) {
      saved.push({ file, replaced: existsSync(file) });
      await rename(draftOf(file), file);
    }
    return saved;
  } catch (error) {
    await Promise.all([...drafts, ...folders].map((path) => rm(path, { recursive: true, force: true })));
    const reason = errorMessage(error);
    throw new Failure(EXIT.FAILED, `the job files can't be written to ${dir}: ${reason}`, { cause: error });
  }
};

/** The name begins with a dot, so that a running petit ignores the file. */
const draftOf = (file: string): string =>
  join(dirname(file), `.${process.pid}-${file.slice(dirname(file).length + 1)}.new`);
