import { type Dirent, existsSync, renameSync } from "node:fs";
import { readdir, rmdir, unlink } from "node:fs/promises";
import { join } from "node:path";
import { parseRunId, type RunId } from "../../domain/ids.ts";
import { isFinal } from "../../domain/run.ts";
import { removeTree } from "../../lib/files/remove-tree.ts";
import type { Log } from "../../lib/log.ts";
import type { Store } from "../../store/store.ts";

/** The folder of copies that are not complete. */
export const TEMPORARY_NAME = ".new";

/** Prefix of folders that were temporary for a previous process. */
const OLD_NAME = ".old-";

type SweepOptions = {
  /** The folder of all artifacts. It need not exist. */
  readonly dir: string;
  readonly store: Pick<Store, "runs" | "artifacts">;
  readonly log: Log;
  readonly signal: AbortSignal;
};

/** Deletes what a previous process left in the folder of artifacts, in the background. Call it before any run continues. */
export const startSweep = (options: SweepOptions): void => {
  const { dir, log, signal } = options;
  if (!existsSync(dir)) return;
  try {
    const temporary = join(dir, TEMPORARY_NAME);
    if (existsSync(temporary)) renameSync(temporary, join(dir, `${OLD_NAME}${process.pid}-${Date.now()}`));
  } catch (error) {
    log.warn({ err: error, folder: dir }, "cannot delete temporary artifacts");
  }
  sweep(options).catch((error: unknown) => {
    if (!signal.aborted) log.warn({ err: error, folder: dir }, "cannot delete left over artifacts");
  });
};

/**
 * Deletes temporary folders of a previous process, the files of runs that are not stored any more, and files that no run lists.
 * An unfinished run is skipped, because it may be collecting.
 */
const sweep = async ({ dir, store, signal }: SweepOptions): Promise<void> => {
  for (const name of await readdir(dir)) {
    signal.throwIfAborted();
    if (name.startsWith(OLD_NAME)) await removeTree(join(dir, name));
    const runId = parseRunId(name);
    if (runId !== null) await sweepRun(runId, join(dir, name), store);
  }
};

const sweepRun = async (runId: RunId, folder: string, store: SweepOptions["store"]): Promise<void> => {
  const run = store.runs.find(runId);
  if (run === null) await removeTree(folder);
  if (run === null || !isFinal(run.status)) return;
  const listed = new Set(store.artifacts.list(runId).map(({ path }) => path));
  try {
    await sweepFolder(folder, "", listed);
  } catch (error) {
    // The run may be deleted meanwhile.
    if (store.runs.find(runId) !== null) throw error;
  }
};

/** Deletes the files below a folder that are not listed, and empty folders. Returns whether the folder is empty. */
const sweepFolder = async (folder: string, path: string, listed: ReadonlySet<string>): Promise<boolean> => {
  let isEmpty = true;
  for (const entry of await readdir(folder, { withFileTypes: true }))
    if (!(await sweepEntry(entry, join(folder, entry.name), { path: path + entry.name, listed }))) isEmpty = false;
  if (isEmpty) await rmdir(folder);
  return isEmpty;
};

const sweepEntry = async (
  entry: Dirent,
  file: string,
  { path, listed }: { readonly path: string; readonly listed: ReadonlySet<string> },
): Promise<boolean> => {
  if (entry.isDirectory()) return await sweepFolder(file, `${path}/`, listed);
  if (listed.has(path)) return false;
  await unlink(file);
  return true;
};
