import type { FailingTrigger } from "../../../domain/attention.ts";
import { compileFilePattern, type FilePattern } from "../../../domain/deliveries/file-pattern.ts";
import type { FilesTrigger } from "../../../domain/deliveries/trigger.ts";
import type { SeenFile } from "../../../store/triggers/seen-files.ts";
import { type FileFault, faultsOf, unreadableFiles } from "./faults.ts";
import { FileRuns, type FileRunsOptions } from "./file-runs.ts";
import { FolderWatches } from "./folder-watches.ts";
import {
  canMatch,
  type FolderState,
  findFault,
  findFile,
  idsOfMatches,
  isBelow,
  join,
  type Look,
  lookForFiles,
  MAX_FILES,
  type MatchedFile,
  mayBeMisnamed,
  namesBelow,
  reachesInto,
  readFolderState,
} from "./look.ts";
import { isPlaceOf, mayHaveChanged, SeenFiles, seenFile } from "./seen-files.ts";
import { SettlingFiles } from "./settling.ts";

/** Interval of the checks whether the folders are there, in ms. */
const POLL_MS = 5_000;

/** A file system that does not answer for so long counts as unreadable, in ms. */
const PATIENCE_MS = 8_000;

/** Delay of the next look after one during which something changed, in ms. */
const AGAIN_MS = 1_000;

/**
 * Where the system reports changes, all files are looked at in so many intervals at the latest: a write through a memory map or through a
 * hard link in another folder has no event.
 */
const RARE_FACTOR = 10;

/** A look at a file costs about 8 µs of CPU, so the interval that this asks for each file limits that to 0.1 % of a core. */
const MIN_MS_PER_FILE = 8;

/** A folder that has changed is looked at sooner, and events cause looks even more often, so that new files are found soon. */
const CHANGED_MS_PER_FILE = 1;
const SOONEST_MS_PER_FILE = 0.1;

/** What it costs to list a folder, in files. */
const FILES_PER_FOLDER = 10;

/** How many seen files that may come back are kept: their folder is missing, or another folder is in its place. */
const MAX_KEPT = 10_000;

/**
 * Tolerance in ms when the ctime of a file is compared with petit's clock. FAT, for example, stores times in steps of two seconds.
 */
const NEW_MARGIN_MS = 2_000;

export type FilesWatchOptions = Omit<FileRunsOptions, "seen" | "files" | "folders" | "signal"> & {
  /** The paths of petit's own files begin with this: each run changes some, which would start another one. */
  readonly ownPrefix: string;
};

/** Returns the patterns of a trigger, for files that are there relative to the folder of its job file. */
export const patternsOf = ({ paths }: Pick<FilesTrigger, "paths">, folder: string): readonly FilePattern[] =>
  paths.map((path) => compileFilePattern(path, folder));

/**
 * Watches the files of one trigger. What the system reports are hints to look at some names; a look at everything finds the rest. A file
 * that was not seen before settles, and is then stored as seen in the transaction that stores its delivery.
 */
export class FilesWatch implements Disposable {
  readonly #options: FilesWatchOptions;
  readonly #stop = new AbortController();
  readonly #begun = Promise.withResolvers<void>();
  readonly #patterns: readonly FilePattern[];
  readonly #watches: FolderWatches;
  readonly #seen: SeenFiles;
  readonly #files: SettlingFiles;
  readonly #runs: FileRuns;
  /** The ids of the patterns that were looked for before. */
  readonly #watched = new Set<string>();
  /** The ids of the patterns for which what is there is ignored. */
  readonly #ignoring = new Set<string>();
  /** For patterns whose start was postponed, by id: files with a later ctime are new. */
  readonly #newSince = new Map<string, number>();
  /** True while the store has patterns that the trigger has no more. */
  #hasFormer = false;
  /** By path, as in the last look. */
  #folders: ReadonlyMap<string, FolderState> = new Map();
  /** Seen files that the last look did not find. */
  #absent: ReadonlySet<SeenFile> = new Set();
  /** How many files match. */
  #matches = 0;
  #faults: readonly FileFault[] = [];
  /** What is wrong with names, a sentence for each. */
  #misnamed: readonly string[] = [];
  readonly #faultSince = new Map<FileFault["fault"], number>();
  /** Everything must be looked at: now, in a second, or with the next interval. */
  #mustLook = true;
  #mustLookSoon = false;
  #mustLookNext = false;
  #mustPoll = false;
  #mustReadChanged = false;
  #lastLookAt = 0;
  #nextCheckAt = 0;
  #isWorking = false;
  /** When the file system was asked something that it has not answered. */
  #askedAt: number | null = null;
  #cancelPoll: () => void = () => {};
  #cancelSettle: () => void = () => {};
  #hasWarned = false;

  constructor(options: FilesWatchOptions) {
    this.#options = options;
    const { trigger, folder, key, store, clock, commits, log } = options;
    const { settleMs, max, batch } = trigger;
    const { signal } = this.#stop;
    this.#patterns = patternsOf(trigger, folder);
    this.#seen = new SeenFiles({ key, store, clock, commits, signal });
    this.#files = new SettlingFiles({ settleMs, max, isTogether: batch === "all" });
    this.#runs = new FileRuns({
      key,
      trigger,
      folder,
      store,
      clock,
      log,
      commits,
      deliveries: options.deliveries,
      internalErrors: options.internalErrors,
      findJob: options.findJob,
      seen: this.#seen,
      files: this.#files,
      folders: () => this.#folders,
      signal,
    });
    this.#watches = new FolderWatches({
      clock,
      onChange: () => this.#noteChange(),
      onFailure: (dir, error) => {
        if (this.#hasWarned) return;
        this.#hasWarned = true;
        const { jobId } = key;
        log.warn({ job_id: jobId, dir, err: error }, "a folder cannot be watched; petit looks for files regularly");
      },
    });
  }

  start(): void {
    if (this.#isStopped) return;
    const { store, key } = this.#options;
    this.#seen.load();
    const current = new Set(this.#patterns.map(({ id }) => id));
    for (const [id, { ignoresExisting, newSince }] of store.seenFiles.listPatterns(key)) {
      if (current.has(id)) (ignoresExisting ? this.#ignoring : this.#watched).add(id);
      else this.#hasFormer = true;
      if (newSince !== null) this.#newSince.set(id, newSince);
    }
    this.#poll();
    this.#work();
  }

  /** Resolves after the first look: what comes from then on is new. Immediately if the trigger knew before what is there. */
  get begun(): Promise<void> {
    const isKnown = this.#patterns.every(({ id }) => this.#watched.has(id));
    return isKnown ? Promise.resolve() : this.#begun.promise;
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
    this.#begun.resolve();
    this.#cancelPoll();
    this.#cancelSettle();
    this.#watches[Symbol.dispose]();
  }

  /** Returns what is wrong with the folders and files. */
  listFaults(): readonly FailingTrigger[] {
    const { key, clock } = this.#options;
    const isSilent = this.#askedAt !== null && clock.monotonic() - this.#askedAt > PATIENCE_MS;
    const problem = `${this.#patterns[0]?.folder} does not answer`;
    const faults: readonly FileFault[] = isSilent
      ? [{ fault: "folder_unreadable", count: 1, problem }]
      : [...this.#faults, ...unreadableFiles([...this.#files.problems.values(), ...this.#misnamed])];
    for (const fault of this.#faultSince.keys())
      if (!faults.some((each) => each.fault === fault)) this.#faultSince.delete(fault);
    return faults.map((each) => {
      const since = this.#faultSince.get(each.fault) ?? clock.now();
      this.#faultSince.set(each.fault, since);
      return { ...key, ...each, since };
    });
  }

  get #isStopped(): boolean {
    return this.#stop.signal.aborted;
  }

  /** Does what is to be done, one thing after the other. */
  #work(): void {
    if (this.#isWorking || this.#isStopped) return;
    this.#isWorking = true;
    void this.#workAll();
  }

  async #workAll(): Promise<void> {
    const { log, key } = this.#options;
    try {
      while (!this.#isStopped) {
        if (this.#mustPoll) await this.#checkFolders();
        else if (this.#mustLook) await this.#look();
        else if (this.#mustReadChanged) await this.#ask(() => this.#readChanged());
        else if (this.#isDue()) await this.#runs.startDue();
        else break;
      }
    } catch (error) {
      if (!this.#isStopped)
        log.error({ err: error, job_id: key.jobId }, "cannot watch the files of a trigger; petit tries it again");
      this.#mustLookNext = true;
      this.#begun.resolve();
    } finally {
      this.#isWorking = false;
      this.#armSettle();
    }
  }

  /** Asks the file system something. It may never answer. */
  async #ask<T>(question: () => Promise<T>): Promise<T> {
    this.#noteAnswer();
    try {
      return await question();
    } finally {
      this.#askedAt = null;
    }
  }

  #noteAnswer(): void {
    this.#askedAt = this.#options.clock.monotonic();
  }

  #poll(): void {
    const { clock, trigger } = this.#options;
    this.#cancelPoll();
    if (this.#isStopped) return;
    const delayMs = Math.min(this.#mustLookSoon ? AGAIN_MS : POLL_MS, trigger.intervalMs);
    this.#cancelPoll = clock.setTimeout(() => {
      this.#mustPoll = true;
      this.#work();
      this.#poll();
    }, delayMs);
  }

  #armSettle(): void {
    this.#cancelSettle();
    const { clock } = this.#options;
    const now = clock.monotonic();
    const dueAt = this.#files.nextDueAt(now);
    if (this.#isStopped || dueAt === null) return;
    this.#cancelSettle = clock.setTimeout(() => this.#work(), Math.ceil(Math.min(POLL_MS, Math.max(1, dueAt - now))));
  }

  #isDue(): boolean {
    const now = this.#options.clock.monotonic();
    const dueAt = this.#files.nextDueAt(now);
    return dueAt !== null && dueAt <= now;
  }

  /** Notices folders that have come or gone, of which there is no event, and looks at everything if that is due. */
  async #checkFolders(): Promise<void> {
    const { clock, trigger } = this.#options;
    this.#mustPoll = false;
    for (const folder of new Set(this.#patterns.map((pattern) => pattern.folder))) {
      const isFaulty = (await this.#ask(() => findFault(folder))) !== null;
      const state = isFaulty ? null : await this.#ask(() => readFolderState(folder));
      const known = this.#folders.get(folder);
      if (state?.inode !== known?.inode || state?.device !== known?.device) this.#mustLook = true;
    }
    if (this.#mustLookSoon) this.#requestLook();
    if (this.#mustLook || clock.monotonic() < this.#nextCheckAt) return;
    this.#nextCheckAt = clock.monotonic() + trigger.intervalMs;
    this.#files.checkAgain(null);
    if (await this.#ask(() => this.#isLookDue())) this.#mustLook = true;
  }

  /** Requests a look at everything: now, or later if the last one was too recent for this number of files. */
  #requestLook(): void {
    const sinceMs = this.#options.clock.monotonic() - this.#lastLookAt;
    if (sinceMs >= this.#cost * SOONEST_MS_PER_FILE) this.#mustLook = true;
    else this.#lookSoon();
  }

  #lookSoon(): void {
    if (this.#mustLookSoon) return;
    this.#mustLookSoon = true;
    this.#poll();
  }

  /** What a look at everything costs, in files. */
  get #cost(): number {
    return this.#matches + this.#folders.size * FILES_PER_FOLDER;
  }

  /** Returns whether a look is due. Adding, removing or renaming an entry changes the state of its folder; writing to a file does not. */
  async #isLookDue(): Promise<boolean> {
    const { clock, trigger } = this.#options;
    const sinceMs = clock.monotonic() - this.#lastLookAt;
    if (sinceMs < this.#cost * CHANGED_MS_PER_FILE) return false;
    const isReliable = this.#watches.isReliable(this.#folders.size);
    const isSoon = this.#mustLookNext || !isReliable || sinceMs >= trigger.intervalMs * RARE_FACTOR;
    if (isSoon && sinceMs >= this.#cost * MIN_MS_PER_FILE) return true;
    for (const [path, { stamp }] of this.#folders) if ((await readFolderState(path))?.stamp !== stamp) return true;
    return false;
  }

  async #look(): Promise<void> {
    const { clock, trigger } = this.#options;
    this.#mustLook = this.#mustLookSoon = this.#mustLookNext = this.#mustReadChanged = false;
    this.#watches.take();
    const begunAt = clock.now();
    const look = await this.#ask(() =>
      lookForFiles({
        patterns: this.#patterns,
        onFolder: (path) => {
          if (!this.#isStopped) this.#watches.open(path);
        },
        onProgress: () => this.#noteAnswer(),
        isKnownName: (folder, name) => this.#seen.hasPath(join(folder, name)),
      }),
    );
    if (this.#isStopped) return;
    this.#lastLookAt = clock.monotonic();
    this.#nextCheckAt = this.#lastLookAt + trigger.intervalMs;
    this.#folders = look.folders;
    this.#matches = look.matches;
    this.#faults = faultsOf(look);
    this.#misnamed = [...look.misnamed].map((path) => `the name of ${path} is not UTF-8; rename it`);
    this.#watches.keepOnly(look.folders);
    await this.#begin(look, begunAt);
    this.#begun.resolve();
    await this.#compare(look);
  }

  /** Compares what a look has found with what is known. */
  async #compare(look: Look): Promise<void> {
    const found = new Map<SeenFile, MatchedFile>();
    for (const file of look.files) {
      const seen = this.#note(file);
      if (seen !== null && !isPlaceOf(seen, found.get(seen))) found.set(seen, file);
    }
    if (look.isComplete) this.#dropGone(look);
    else this.#lookSoon();
    this.#files.checkAgain(null);
    if (look.isComplete && !look.hasMoreFolders) await this.#forget(look, found);
    await this.#seen.move(found);
  }

  #noteChange(): void {
    if (this.#watches.isAnything) this.#requestLook();
    this.#mustReadChanged = true;
    this.#work();
  }

  /** Looks at the names that the system has reported. */
  async #readChanged(): Promise<void> {
    this.#mustReadChanged = false;
    const paths = new Set<string>();
    for (const [folder, names] of this.#watches.take()) {
      const state = this.#folders.get(folder);
      if (state === undefined) this.#requestLook();
      else
        for (const name of names) {
          paths.add(join(folder, name));
          await this.#readName(folder, state, name);
          this.#noteAnswer();
        }
    }
    this.#files.checkAgain(paths);
  }

  async #readName(folder: string, { inode }: FolderState, name: string): Promise<void> {
    if (!canMatch(name)) return;
    const places = this.#patterns.flatMap((pattern) => {
      const names = namesBelow(pattern.folder, folder);
      return names === null ? [] : [{ pattern, names: [...names, name] }];
    });
    const patterns = places.flatMap(({ pattern, names }) => idsOfMatches([pattern], names));
    const mayBeFolder = places.some(({ pattern, names }) => reachesInto([pattern], names));
    if (patterns.length === 0 && !mayBeFolder) return;
    const path = join(folder, name);
    const found = await findFile({ folder, folderInode: inode, name, patterns });
    if (found === "folder") this.#requestLook();
    else if (found === "gone") {
      this.#files.delete(path);
      this.#seen.notePathGone(path);
      this.#mustLookNext = true;
      if (this.#folders.has(path) || mayBeMisnamed(name)) this.#requestLook();
    } else if (typeof found !== "string" && patterns.length > 0) this.#noteChanged(found);
  }

  /** Notes a file that an event has reported. If the trigger is at its limit of files, the next look decides whether it is watched. */
  #noteChanged(file: MatchedFile): void {
    const isNew = !this.#files.has(file.path) && this.#seen.find(file, this.#folders) === null;
    if (isNew && !this.#seen.hasPath(file.path)) {
      if (this.#matches >= MAX_FILES) {
        this.#mustLookNext = true;
        return;
      }
      this.#matches++;
    }
    this.#note(file);
  }

  /** Lets a file settle unless it was seen before, which it returns, and its content is the same. */
  #note(file: MatchedFile): SeenFile | null {
    if (file.path.startsWith(this.#options.ownPrefix)) return null;
    const seen = this.#seen.find(file, this.#folders);
    if (seen !== null && !this.#mustHash(seen, file)) this.#files.delete(file.path);
    else if (file.patterns.some((id) => this.#watched.has(id))) this.#files.note(file, this.#options.clock.monotonic());
    return seen;
  }

  #mustHash(seen: SeenFile, file: MatchedFile): boolean {
    return this.#options.trigger.identity === "content" && mayHaveChanged(seen, file);
  }

  /** Files that are gone before they have settled start nothing. */
  #dropGone({ files }: Look): void {
    if (this.#files.size === 0) return;
    const there = new Set(files.map(({ path }) => path));
    for (const path of this.#files.paths) if (!there.has(path)) this.#files.delete(path);
  }

  /** Starts watching new patterns, and all patterns after a restore. Files that exist at this time may count as seen. */
  async #begin(look: Look, begunAt: number): Promise<void> {
    const { store, key, trigger, commits, log } = this.#options;
    const faults = new Map(look.faults.map(({ folder, fault }) => [folder, fault]));
    // Nothing lies in a folder that is missing, but after a restore it may come back with files.
    const canBegin = ({ id, folder }: FilePattern): boolean => {
      const fault = faults.get(folder);
      return fault === undefined || (fault === "folder_missing" && !this.#ignoring.has(id));
    };
    const ids = this.#patterns.filter(canBegin).map(({ id }) => id);
    const fresh = ids.filter((id) => !this.#watched.has(id));
    if (fresh.length === 0 && !this.#hasFormer) return;
    const ignored = new Set(fresh.filter((id) => trigger.existing === "ignore" || this.#ignoring.has(id)));
    const isWhole = look.isComplete && look.matches <= MAX_FILES && !look.hasMoreFolders;
    if (ignored.size > 0 && !isWhole) {
      await this.#beginLater([...ignored], begunAt);
      return;
    }
    const files = await this.#listIgnored(look, ignored);
    await this.#storeIgnoring([...ignored]);
    await this.#seen.add(files);
    if (fresh.some((id) => this.#newSince.has(id)))
      log.info(
        { job_id: key.jobId, files: files.length },
        "a trigger begins that had too many files; petit ignores these",
      );
    await commits.enqueueUntilStored((addHooks) => {
      if (this.#isStopped) return;
      const stillIgnoring = [...this.#ignoring].filter((id) => !fresh.includes(id));
      store.seenFiles.setPatterns(key, [...this.#watched, ...fresh]);
      for (const id of stillIgnoring) store.seenFiles.addPattern(key, id, this.#newSince.get(id) ?? null);
      addHooks({ onCommit: () => this.#noteBegun(fresh) });
    });
  }

  /** Postpones the start of new patterns until a look can find all files. Files that arrive in the meantime count as new. */
  async #beginLater(patterns: readonly string[], begunAt: number): Promise<void> {
    const fresh = patterns.filter((id) => !this.#newSince.has(id));
    for (const id of fresh) this.#newSince.set(id, begunAt - NEW_MARGIN_MS);
    await this.#storeIgnoring(fresh);
    for (const id of fresh) this.#ignoring.add(id);
  }

  async #storeIgnoring(patterns: readonly string[]): Promise<void> {
    const { store, key, commits } = this.#options;
    if (patterns.length === 0) return;
    await commits.enqueueUntilStored(() => {
      if (this.#isStopped) return;
      for (const id of patterns) store.seenFiles.addPattern(key, id, this.#newSince.get(id) ?? null);
    });
  }

  /** Returns the files that only patterns match for which they are ignored. */
  async #listIgnored(look: Look, ignored: ReadonlySet<string>): Promise<readonly SeenFile[]> {
    const files: SeenFile[] = [];
    for (const file of look.files) {
      const isIgnored = file.patterns.every(
        (id) => ignored.has(id) && file.ctime < (this.#newSince.get(id) ?? Infinity),
      );
      if (!isIgnored) continue;
      const seen = this.#seen.find(file, look.folders);
      if (seen !== null && !this.#mustHash(seen, file)) continue;
      const hash = await this.#runs.digestOf(file);
      if (hash === "changed") continue;
      // What can't be read is there all the same.
      if ("digest" in hash || seen === null)
        files.push(seenFile({ file, digest: "digest" in hash ? hash.digest : null }));
    }
    return files;
  }

  #noteBegun(patterns: readonly string[]): void {
    this.#hasFormer = false;
    for (const id of patterns) {
      this.#watched.add(id);
      this.#ignoring.delete(id);
      this.#newSince.delete(id);
    }
  }

  /** Returns whether the content of a seen file is to be compared with what settles at its path. */
  #isCompared({ folder, name, digest }: SeenFile): boolean {
    return digest !== null && this.#files.has(join(folder, name));
  }

  /**
   * Forgets the files that two looks have not found and that are not there: a pattern that was changed may match them again. Those whose
   * folder can't be read, or is another one now, may come back.
   */
  async #forget(look: Look, found: ReadonlyMap<SeenFile, unknown>): Promise<void> {
    const absent = new Set<SeenFile>();
    const gone: SeenFile[] = [];
    const mayReturn: SeenFile[] = [];
    const unreadable = [...look.unreadable];
    for (const file of this.#seen.all) {
      if (found.has(file) || this.#isCompared(file)) continue;
      const folder = look.folders.get(file.folder);
      const isReplaced = folder !== undefined && folder.inode !== file.folderInode;
      if (isReplaced || unreadable.some((each) => isBelow(file.folder, each))) mayReturn.push(file);
      else if (this.#absent.has(file)) gone.push(file);
      else absent.add(file);
    }
    for (const file of absent) this.#seen.noteGone(file);
    this.#absent = absent;
    if (absent.size > 0) this.#mustLookNext = true;
    const stillThere = await Promise.all(gone.map(async (file) => await isStillThere(file)));
    const forgotten = gone.filter((_, index) => stillThere[index] !== true);
    await this.#seen.delete([...forgotten, ...mayReturn.slice(0, Math.max(0, mayReturn.length - MAX_KEPT))]);
  }
}

const isStillThere = async (file: SeenFile): Promise<boolean> => {
  const now = await findFile({ ...file, patterns: [] });
  return typeof now !== "string" && now.stat === file.stat;
};
