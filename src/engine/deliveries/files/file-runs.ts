import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { FilesTrigger } from "../../../domain/deliveries/trigger.ts";
import type { Clock } from "../../../lib/clock.ts";
import type { Log } from "../../../lib/log.ts";
import type { StoredJob } from "../../../store/jobs.ts";
import type { Store } from "../../../store/store.ts";
import type { FileTriggerKey } from "../../../store/triggers/seen-files.ts";
import type { AddHooks, Commits } from "../../commits.ts";
import { assertNoStorageFault, type InternalErrors } from "../../internal-errors.ts";
import { expandFor } from "../decide.ts";
import type { Deliveries } from "../deliveries.ts";
import { type FileHash, hashFile } from "./hash-file.ts";
import { type FolderState, findFile, join, type MatchedFile } from "./look.ts";
import { type SeenFiles, seenFile } from "./seen-files.ts";
import type { SettledFile, SettlingFiles } from "./settling.ts";

/** Maximum number of files that are checked at once, and of runs that one transaction stores. */
const SETTLE_BATCH = 256;
const RUNS_BATCH = 10;

/** Additional delay before files are tried again for which petit could start no runs, in ms. */
const LATER_MS = 1_000;

export type FileRunsOptions = {
  readonly key: FileTriggerKey;
  readonly trigger: FilesTrigger;
  /** Absolute path of the job file's folder. */
  readonly folder: string;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly commits: Commits;
  readonly deliveries: Pick<Deliveries, "accept">;
  readonly internalErrors: InternalErrors;
  /** Returns the job with its present definition; null if it starts no runs now. */
  readonly findJob: () => StoredJob | null;
  readonly seen: SeenFiles;
  readonly files: SettlingFiles;
  /** Returns the folders that are there now, by path. */
  readonly folders: () => ReadonlyMap<string, FolderState>;
  /** Aborted when the trigger is watched no more. */
  readonly signal: AbortSignal;
};

/** Starts the runs for files that have settled. */
export class FileRuns {
  readonly #options: FileRunsOptions;

  constructor(options: FileRunsOptions) {
    this.#options = options;
  }

  /** Checks the files that have been the same for long enough, and starts runs for those that are complete. */
  async startDue(): Promise<void> {
    const { clock, files } = this.#options;
    const due = files.takeDue(clock.monotonic(), SETTLE_BATCH);
    const current = await Promise.all(due.map((file) => findFile(file)));
    for (const [index, before] of due.entries()) {
      const now = current[index];
      if (now === "unreadable") files.note(before, clock.monotonic());
      else if (now === undefined || typeof now === "string") files.delete(before.path);
      else if (now.stat === before.stat) await this.#complete(now);
      else files.note(now, clock.monotonic());
    }
    await this.#startReady();
  }

  /** Returns what identifies the content of a file; null if that does not matter. */
  async digestOf(file: MatchedFile): Promise<FileHash | { readonly digest: null }> {
    const { trigger, signal } = this.#options;
    return trigger.identity === "stat" ? { digest: null } : await hashFile(file, signal);
  }

  async #complete(file: MatchedFile): Promise<void> {
    const { clock, files } = this.#options;
    const waitsFor = this.#doneOf(file);
    if (waitsFor !== null && !(await exists(waitsFor))) {
      files.waitFor(file, waitsFor);
      return;
    }
    const hash = await this.digestOf(file);
    if (hash === "changed") files.note(file, clock.monotonic());
    else if ("problem" in hash) files.waitUntilReadable(file, hash.problem);
    else files.addReady({ file, digest: hash.digest }, clock.monotonic());
  }

  /** Returns the path of the file that must be there too; null if there is none. */
  #doneOf(file: MatchedFile): string | null {
    const { trigger, folder, findJob } = this.#options;
    const stored = findJob();
    if (trigger.done === null || stored === null) return null;
    const event = { type: "files", id: "", delivery_id: null, path: file.path, files: eventFiles([file]) };
    const path = expandFor(stored.job, trigger.done, event);
    // A template that can't be expanded names no file.
    return resolve(folder, typeof path === "string" ? path : trigger.done);
  }

  async #startReady(): Promise<void> {
    const { clock, commits, files, findJob, signal } = this.#options;
    for (let batches = await this.#nextBatches(); batches.length > 0; batches = await this.#nextBatches()) {
      const repeated = await this.#findRepeated(batches.flat());
      const isStored = await commits.enqueueUntilStored((addHooks) => {
        if (signal.aborted || findJob() === null) return false;
        for (const batch of batches) this.#start(batch, repeated, addHooks);
        return true;
      });
      if (isStored) continue;
      for (const { file } of batches.flat()) files.note(file, clock.monotonic() + LATER_MS);
      return;
    }
  }

  /** Returns the files of the next runs. Those that waited for others may have changed since. */
  async #nextBatches(): Promise<readonly (readonly SettledFile[])[]> {
    const { clock, files, trigger } = this.#options;
    const batches: (readonly SettledFile[])[] = [];
    while (batches.length < RUNS_BATCH) {
      const batch = files.takeBatch(clock.monotonic());
      if (batch.length === 0) break;
      batches.push(trigger.batch === "each" ? batch : await this.#withoutChanged(batch));
    }
    return batches;
  }

  async #withoutChanged(batch: readonly SettledFile[]): Promise<readonly SettledFile[]> {
    const { clock, files } = this.#options;
    const current = await Promise.all(batch.map(({ file }) => findFile(file)));
    return batch.filter(({ file, digest }, index) => {
      const now = current[index];
      if (now === undefined || typeof now === "string") return false;
      const isSame = now.stat === file.stat && (digest === null || now.ctimeNs === file.ctimeNs);
      if (!isSame) files.note(now, clock.monotonic());
      return isSame;
    });
  }

  /** Returns the duplicates among settled files: the same file, or the same content, was seen at another path that still exists. */
  async #findRepeated(settled: readonly SettledFile[]): Promise<ReadonlySet<SettledFile>> {
    const folders = this.#options.folders();
    const repeated = new Set<SettledFile>();
    const before = new Set<string>();
    for (const each of settled) {
      const { file, digest } = each;
      const device = folders.get(file.folder)?.device ?? file.folder;
      const key = digest ?? `${device} ${file.folderInode} ${file.stat}`;
      if (before.has(key) || (digest !== null && (await this.#hasContent(file, digest)))) repeated.add(each);
      before.add(key);
    }
    return repeated;
  }

  async #hasContent({ path }: MatchedFile, digest: string): Promise<boolean> {
    for (const seen of this.#options.seen.withContent(digest)) {
      if (join(seen.folder, seen.name) === path) return true;
      const now = await findFile({ ...seen, patterns: [] });
      if (typeof now === "string") continue;
      if (now.stat === seen.stat) return true;
      // It was touched or written since, which is not noticed yet.
      const hash = await this.digestOf(now);
      if (hash !== "changed" && "digest" in hash && hash.digest === digest) return true;
    }
    return false;
  }

  /** Stores files as seen and accepts the delivery for them, or neither if petit itself fails. Then they settle again. */
  #start(batch: readonly SettledFile[], repeated: ReadonlySet<SettledFile>, addHooks: AddHooks): void {
    const { store, clock, log, key, files, internalErrors } = this.#options;
    const subject = { jobId: key.jobId, runId: null };
    const hooks: Parameters<AddHooks>[0][] = [];
    try {
      store.transaction(() => this.#accept(batch, repeated, (each) => hooks.push(each)));
      hooks.push({ onCommit: () => internalErrors.unblock(subject) });
      for (const each of hooks) addHooks(each);
    } catch (error) {
      for (const { onRollback } of hooks.toReversed()) onRollback?.();
      assertNoStorageFault(error);
      log.error({ err: error, job_id: key.jobId }, "cannot decide about new files");
      internalErrors.block(subject, { error, now: clock.now() });
      for (const { file } of batch) files.note(file, clock.monotonic());
    }
  }

  #accept(batch: readonly SettledFile[], repeated: ReadonlySet<SettledFile>, addHooks: AddHooks): void {
    const { trigger, deliveries, findJob, seen, folders } = this.#options;
    const stored = findJob();
    if (stored === null) return;
    const isNew = batch.map((settled) => {
      const before = seen.find(settled.file, folders());
      const wasSeen = before !== null && before.digest === settled.digest;
      return seen.claim(seenFile(settled), addHooks) && !wasSeen && !repeated.has(settled);
    });
    const files = eventFiles(batch.filter((_, index) => isNew[index]).map(({ file }) => file));
    const [first] = files;
    if (first === undefined) return;
    const event = { ...(trigger.batch === "each" && { path: first.path }), files };
    deliveries.accept(
      { stored, trigger, eventTypes: [], providerId: null, signedBody: null, event, chain: 0 },
      addHooks,
    );
  }
}

/** Returns what an event says about files. */
const eventFiles = (files: readonly MatchedFile[]) => files.map(({ path, size, mtime }) => ({ path, size, mtime }));

const exists = async (path: string): Promise<boolean> => {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
};
