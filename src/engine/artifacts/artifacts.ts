import { existsSync, mkdirSync, readdirSync, realpathSync } from "node:fs";
import { mkdir, rename } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Artifact } from "../../domain/artifact/artifact.ts";
import { compileArtifactPattern } from "../../domain/artifact/pattern.ts";
import type { RunId } from "../../domain/ids.ts";
import type { Attempt } from "../../domain/task-run.ts";
import type { Clock } from "../../lib/clock.ts";
import { Folder } from "../../lib/files/folder.ts";
import { removeTree } from "../../lib/files/remove-tree.ts";
import type { Log } from "../../lib/log.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { StoredFile } from "../../store/artifacts.ts";
import type { Store } from "../../store/store.ts";
import type { TaskUser } from "../attempt/user/task-user.ts";
import type { Commits } from "../commits.ts";
import { makeSpoolDir, type Spool } from "../output/spool.ts";
import type { Mask } from "../secrets/mask.ts";
import { ArtifactError, describing } from "./artifact-error.ts";
import { Copier } from "./copy.ts";
import { findFiles, folderId } from "./find-files.ts";
import { artifactFolder } from "./folder-name.ts";
import { readAsUser } from "./read-as-user.ts";
import { type SourceFile, sourceOf } from "./source-file.ts";
import { startSweep, TEMPORARY_NAME } from "./sweep.ts";

export type ArtifactsOptions = {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly commits: Commits;
  /** `DB-artifacts`. It is created when the first artifact is stored. */
  readonly dir: string;
  /** Maximum size of the artifacts of a run. */
  readonly limitBytes: number;
  readonly runtime: Pick<Runtime, "self">;
  /** Aborted when the engine detaches. The next process collects again what is not stored yet. */
  readonly detach: AbortSignal;
};

/** An attempt whose process has ended. */
export type EndedAttempt = {
  readonly attempt: Attempt;
  readonly itemKey: string | null;
  readonly spool: Spool;
  /** The patterns of the task. */
  readonly patterns: readonly string[];
  /** The working directory in which the process started, without links; null if it is unknown. */
  readonly workdir: string | null;
  /** The user of the process, who may read less than petit. Null for petit's own. */
  readonly user: TaskUser | null;
  /** Hides secrets in the paths of the files. Null if there are none. */
  readonly mask: Mask | null;
};

/**
 * Keeps files of ended attempts with their run, and deletes them with it. The files of an attempt are copied into a temporary
 * folder, which is then renamed; SQLite lists them last. After a crash in between, the attempt is still running for the
 * next process, which collects again.
 */
export class Artifacts {
  readonly #options: ArtifactsOptions;
  /** The last collection of each run. A run collects one attempt at a time, so that its total size is known. */
  readonly #queue = new Map<RunId, Promise<unknown>>();
  #deleting: Promise<unknown> = Promise.resolve();

  constructor(options: ArtifactsOptions) {
    this.#options = options;
  }

  /** Deletes what a previous process left behind, in the background. Call it before any run continues. */
  start(): void {
    const { dir, store, log, detach } = this.#options;
    startSweep({ dir, store, log, signal: detach });
  }

  /** Replaces the artifacts of a task or item by those of an attempt. Returns what went wrong as a sentence, or null. */
  async collect(ended: EndedAttempt): Promise<string | null> {
    try {
      await this.store(ended);
      return null;
    } catch (error) {
      if (!(error instanceof ArtifactError)) throw error;
      return error.message;
    }
  }

  /** Does the same as `collect`, and rejects with ArtifactError. It can be called again. */
  async store(ended: EndedAttempt): Promise<void> {
    const { attempt, patterns, spool } = ended;
    const isEmpty = isEmptyFolder(spool.artifacts);
    const mayReplace = attempt.attempt > 1 && this.#options.store.artifacts.has(attempt.runId, attempt);
    if (patterns.length === 0 && isEmpty && !mayReplace && !existsSync(this.#folderOf(ended))) return;
    const earlier = this.#queue.get(attempt.runId) ?? Promise.resolve();
    const collected = earlier.then(() => this.#collect(ended));
    const settled = collected.catch(() => {});
    this.#queue.set(attempt.runId, settled);
    try {
      await collected;
    } finally {
      if (this.#queue.get(attempt.runId) === settled) this.#queue.delete(attempt.runId);
    }
  }

  /** Deletes the files of deleted runs, in the background. */
  deleteRuns(runIds: readonly RunId[]): void {
    for (const runId of runIds) this.#deleting = this.#deleting.then(() => removeTree(join(this.#options.dir, runId)));
  }

  /** Opens a stored artifact. Returns its descriptor, or null if the file is missing. */
  open({ runId, path }: Artifact): number | null {
    using folders = new DisposableStack();
    let folder = Folder.open(this.#options.dir);
    for (const name of [runId, ...path.split("/").slice(0, -1)]) {
      if (folder === null) return null;
      folder = folders.use(folder).folder(name);
    }
    return folder === null ? null : folders.use(folder).file(basename(path));
  }

  fileOf({ runId, path }: Artifact): string {
    return join(this.#options.dir, runId, path);
  }

  async #collect(ended: EndedAttempt): Promise<void> {
    const { attempt } = ended;
    const temporary = join(this.#options.dir, TEMPORARY_NAME, String(attempt.id));
    try {
      await describing("cannot store the files", async () => {
        const files = await this.#copy(ended, temporary);
        await this.#replace(ended, temporary, files);
      });
    } catch (error) {
      if (!(error instanceof ArtifactError)) throw error;
      await removeTree(temporary);
      // Files that no list has are left of a collection before a crash.
      if (!this.#options.store.artifacts.has(attempt.runId, attempt)) await removeTree(this.#folderOf(ended));
      throw error;
    }
  }

  async #copy(ended: EndedAttempt, folder: string): Promise<readonly StoredFile[]> {
    const { store, limitBytes, detach, dir } = this.#options;
    const { attempt } = ended;
    await describing(`cannot create ${dir}`, () => {
      makeSpoolDir(dir);
      mkdirSync(dirname(folder), { recursive: true, mode: 0o700 });
    });
    await removeTree(folder);
    const usedBytes = store.artifacts.getSize(attempt.runId, attempt);
    const hide = hidePaths(ended.mask);
    await using copier = new Copier({ folder, limitBytes, usedBytes, signal: detach });
    for await (const file of this.#files(ended)) await copier.add(hide(file));
    return await copier.finish();
  }

  /** Finds the files in $PETIT_ARTIFACTS, then those that match the patterns. */
  async *#files({ spool, patterns, workdir, user }: EndedAttempt): AsyncGenerator<SourceFile> {
    const { dir, detach: signal, runtime } = this.#options;
    using spoolFolder = Folder.open(dirname(spool.artifacts));
    using own = Folder.open(dir);
    const except = [spoolFolder, own].flatMap((each) => (each === null ? [] : [folderId(each)]));
    const inSpool = (): string => join(realpathSync(dirname(spool.artifacts)), basename(spool.artifacts));
    const searches = [
      ...(spoolFolder === null ? [] : [{ folder: inSpool(), patterns: ["."], except: [] }]),
      ...(patterns.length === 0 || workdir === null ? [] : [{ folder: workdir, patterns, except }]),
    ];
    if (user !== null) {
      yield* readAsUser(searches, { user, runtime, signal });
      return;
    }
    for (const search of searches) {
      using folder = Folder.openReal(search.folder);
      if (folder === null) continue;
      for (const pattern of search.patterns.map(compileArtifactPattern))
        for await (const file of findFiles(folder, { pattern, except: new Set(search.except), signal }))
          yield sourceOf(file);
    }
  }

  /** A list never has files that are missing: the earlier one is deleted before its files. */
  async #replace(ended: EndedAttempt, temporary: string, files: readonly StoredFile[]): Promise<void> {
    const { store, commits, clock } = this.#options;
    const { attempt, itemKey } = ended;
    const folder = this.#folderOf(ended);
    const replaceList = (list: readonly StoredFile[]): Promise<void> =>
      commits.retryUntilStored(() => store.artifacts.replace(attempt, list, clock.now()));
    if (store.artifacts.has(attempt.runId, attempt)) await replaceList([]);
    await removeTree(folder);
    if (files.length === 0) return;
    await mkdir(dirname(folder), { recursive: true, mode: 0o700 });
    await rename(temporary, folder);
    const prefix = artifactFolder(attempt.taskId, itemKey);
    await replaceList(files.map((file) => ({ ...file, path: `${prefix}/${file.path}` })));
  }

  #folderOf({ attempt, itemKey }: EndedAttempt): string {
    return join(this.#options.dir, attempt.runId, artifactFolder(attempt.taskId, itemKey));
  }
}

/** Returns a function that hides secrets in the path of a file. It throws ArtifactError if two paths become the same. */
const hidePaths = (mask: Mask | null): ((file: SourceFile) => SourceFile) => {
  if (mask === null) return (file) => file;
  const found = new Map<string, string>();
  return ({ path, sizeBytes, read }) => {
    if (mask.hidesAll) throw new ArtifactError("a secret in their paths can't be hidden");
    const shown = mask.text(path);
    if ((found.get(shown) ?? path) !== path) throw new ArtifactError("the paths of two files differ only in a secret");
    found.set(shown, path);
    return { path: shown, sizeBytes, read };
  };
};

/** Returns true also if there is no such folder. */
const isEmptyFolder = (path: string): boolean => {
  try {
    return readdirSync(path).length === 0;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "ENOENT";
  }
};
