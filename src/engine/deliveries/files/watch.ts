import { access } from "node:fs/promises";
import { resolve } from "node:path";
import type { FailingTrigger } from "../../../domain/attention.ts";
import { compileFilePattern, type FilePattern } from "../../../domain/deliveries/file-pattern.ts";
import type { FilesTrigger } from "../../../domain/deliveries/trigger.ts";
import type { Clock } from "../../../lib/clock.ts";
import { FolderEvents } from "../../../lib/files/folder-events.ts";
import type { Log } from "../../../lib/log.ts";
import { pluralize } from "../../../lib/text.ts";
import type { StoredJob } from "../../../store/jobs.ts";
import type { Store } from "../../../store/store.ts";
import type { FileTriggerKey, SeenFile } from "../../../store/triggers/seen-files.ts";
import type { AddHooks, Commits } from "../../commits.ts";
import { assertNoStorageFault, type InternalErrors } from "../../internal-errors.ts";
import { expandFor } from "../decide.ts";
import type { Deliveries } from "../deliveries.ts";
import { hashFile } from "./hash-file.ts";
import {
  canMatch,
  type FolderState,
  findFault,
  findFile,
  idsOfMatches,
  join,
  type Look,
  lookForFiles,
  MAX_FILES,
  MAX_FOLDERS,
  type MatchedFile,
  reachesInto,
  readFolderState,
} from "./look.ts";
import { SeenFiles } from "./seen-files.ts";
import { type SettledFile, SettlingFiles } from "./settling.ts";

/** How long events are collected, in ms. Later ones do not postpone that, because constant events would do so forever. */
const COLLECT_MS = 100;

/** Interval of the checks whether the folders are there, in ms. */
const POLL_MS = 5_000;

/** A file system that does not answer for so long counts as unreadable, in ms. */
const PATIENCE_MS = 8_000;

/** Delay of the next look after one during which something changed, in ms. */
const AGAIN_MS = 1_000;

/** Beyond so many names at once, everything is looked at. */
const MAX_CHANGED = 2_000;

/** Maximum number of folders of a trigger whose changes the system reports. */
const MAX_EVENTS = 1_000;

/**
 * Where the system reports changes, all files are looked at in so many intervals at the latest: a write through a memory map or through a
 * hard link in another folder has no event.
 */
const RARE_FACTOR = 10;

/** A look at a file costs about 6 µs of CPU, so the interval that this asks for each file limits that to 0.15 % of a core. */
const MIN_MS_PER_FILE = 4;

/** What it costs to list a folder, in files. */
const FILES_PER_FOLDER = 10;

/** Events may cause looks more often, so that new folders are found soon. */
const SOONEST_MS_PER_FILE = 0.1;

/** How many files are checked at once whether they are still the same, and how many runs one transaction stores. */
const SETTLE_BATCH = 256;
const RUNS_BATCH = 10;

/** How many seen files that may come back are kept: their folder is missing, or another folder is in its place. */
const MAX_KEPT = 10_000;

/** How many changes of seen files one transaction stores. */
const CHANGES_BATCH = 500;

export type FilesWatchOptions = {
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
};

/** Returns the patterns of a trigger, for files that are there relative to the folder of its job file. */
export const patternsOf = ({ paths }: Pick<FilesTrigger, "paths">, folder: string): readonly FilePattern[] =>
  paths.map((path) => compileFilePattern(path, folder));

type Fault = Pick<FailingTrigger, "fault" | "count" | "problem">;

/**
 * Watches the files of one trigger. What the system reports are hints to look at some names; a look at everything finds the rest. A file
 * that was not seen before settles, and is then stored as seen in the transaction that stores its delivery.
 */
export class FilesWatch implements Disposable {
  readonly #options: FilesWatchOptions;
  readonly #patterns: readonly FilePattern[];
  #seen = new SeenFiles([]);
  readonly #files: SettlingFiles;
  /** The ids of the patterns that were looked for before. */
  readonly #watched = new Set<string>();
  /** The ids of the patterns for which what is there is ignored. */
  readonly #ignoring = new Set<string>();
  /** True while the store has patterns that the trigger has no more. */
  #hasFormer = false;
  readonly #stop = new AbortController();
  /** By path, as in the last look. */
  #folders: ReadonlyMap<string, FolderState> = new Map();
  readonly #events = new Map<string, FolderEvents>();
  /** Names that may have changed, by folder. */
  #changed = new Map<string, Set<string>>();
  #changedCount = 0;
  /** Seen files that the last look did not find. */
  #absent: ReadonlySet<SeenFile> = new Set();
  #matches = 0;
  #faults: readonly Fault[] = [];
  readonly #faultSince = new Map<Fault["fault"], number>();
  /** Everything must be looked at: now, in a second, or with the next interval. */
  #mustLook = true;
  #mustLookNext = false;
  #mustLookSoon = false;
  #isCollecting = false;
  #mustReadChanged = false;
  #lastLookAt = 0;
  #nextCheckAt = 0;
  #mustPoll = false;
  #isWorking = false;
  /** When the file system was asked something that it has not answered. */
  #askedAt: number | null = null;
  #cancelPoll: () => void = () => {};
  #cancelSettle: () => void = () => {};
  #cancelCollect: () => void = () => {};
  #hasWarned = false;

  constructor(options: FilesWatchOptions) {
    this.#options = options;
    const { trigger, folder } = options;
    this.#patterns = patternsOf(trigger, folder);
    const { settleMs, max, batch } = trigger;
    this.#files = new SettlingFiles({ settleMs, max, isTogether: batch === "all" });
  }

  start(): void {
    if (this.#isStopped) return;
    const { store, key } = this.#options;
    this.#seen = new SeenFiles(store.seenFiles.list(key));
    const current = new Set(this.#patterns.map(({ id }) => id));
    for (const [id, { ignoresExisting }] of store.seenFiles.listPatterns(key)) {
      if (current.has(id)) (ignoresExisting ? this.#ignoring : this.#watched).add(id);
      else this.#hasFormer = true;
    }
    this.#poll();
    this.#work();
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
    this.#cancelPoll();
    this.#cancelSettle();
    this.#cancelCollect();
    for (const events of this.#events.values()) events[Symbol.dispose]();
    this.#events.clear();
  }

  /** Returns what is wrong with the folders and files. */
  listFaults(): readonly FailingTrigger[] {
    const { key, clock } = this.#options;
    const isSilent = this.#askedAt !== null && clock.monotonic() - this.#askedAt > PATIENCE_MS;
    const silent: readonly Fault[] = isSilent
      ? [{ fault: "folder_unreadable", count: 1, problem: `${this.#patterns[0]?.folder} does not answer` }]
      : [];
    const faults = [...silent, ...this.#faults.filter(({ fault }) => !isSilent || fault !== "folder_unreadable")];
    for (const fault of this.#faultSince.keys())
      if (!faults.some((each) => each.fault === fault)) this.#faultSince.delete(fault);
    return faults.map((each) => {
      const since = this.#faultSince.get(each.fault) ?? clock.now();
      this.#faultSince.set(each.fault, since);
      return { ...key, ...each, since };
    });
  }

  /** Does what is to be done, one thing after the other. */
  #work(): void {
    if (this.#isWorking || this.#isStopped) return;
    this.#isWorking = true;
    void this.#workAll();
  }

  async #workAll(): Promise<void> {
    const { clock, log, key } = this.#options;
    try {
      while (!this.#isStopped) {
        this.#askedAt = clock.monotonic();
        if (this.#mustPoll) await this.#checkFolders();
        else if (this.#mustLook) await this.#look();
        else if (this.#mustReadChanged) await this.#readChanged();
        else if (this.#isDue()) await this.#settle();
        else break;
      }
    } catch (error) {
      if (!this.#isStopped)
        log.error({ err: error, job_id: key.jobId }, "cannot watch the files of a trigger; petit tries it again");
      this.#mustLookNext = true;
    } finally {
      this.#isWorking = false;
      this.#askedAt = null;
      this.#armSettle();
    }
  }

  get #isStopped(): boolean {
    return this.#stop.signal.aborted;
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
    const { clock } = this.#options;
    this.#mustPoll = false;
    const bases = new Set(this.#patterns.map(({ folder }) => folder));
    for (const base of bases) {
      const fault = (await findFault(base)) !== null;
      const state = fault ? null : await readFolderState(base);
      const known = this.#folders.get(base);
      if (state?.inode !== known?.inode || state?.device !== known?.device) this.#mustLook = true;
    }
    if (this.#mustLookSoon) this.#requestLook();
    if (this.#mustLook || clock.monotonic() < this.#nextCheckAt) return;
    this.#nextCheckAt = clock.monotonic() + this.#options.trigger.intervalMs;
    if (this.#files.size > 0) this.#files.checkAgain(null);
    if (await this.#isLookDue()) this.#mustLook = true;
  }

  /** Looks at everything now, unless that would be too often for so many files. */
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

  /** Folders of which the system reports changes are only compared. */
  async #isLookDue(): Promise<boolean> {
    const { clock, trigger } = this.#options;
    const sinceMs = clock.monotonic() - this.#lastLookAt;
    const minMs = this.#cost * MIN_MS_PER_FILE;
    if (sinceMs < minMs) return false;
    if (this.#mustLookNext || this.#isUnreliable || sinceMs >= Math.max(minMs, trigger.intervalMs * RARE_FACTOR))
      return true;
    for (const [path, { stamp }] of this.#folders) if ((await readFolderState(path))?.stamp !== stamp) return true;
    return false;
  }

  get #isUnreliable(): boolean {
    return this.#events.size < this.#folders.size || this.#events.values().some(({ isUnreliable }) => isUnreliable);
  }

  async #look(): Promise<void> {
    const { clock, trigger } = this.#options;
    this.#mustLook = this.#mustLookSoon = this.#mustLookNext = this.#mustReadChanged = false;
    this.#changed = new Map();
    this.#changedCount = 0;
    const look = await lookForFiles({
      patterns: this.#patterns,
      onFolder: (path) => this.#openEvents(path),
      onProgress: () => {
        this.#askedAt = clock.monotonic();
      },
      isKnownName: (folder, name) => this.#seen.hasPath(join(folder, name)),
    });
    if (this.#isStopped) return;
    this.#lastLookAt = clock.monotonic();
    this.#nextCheckAt = this.#lastLookAt + trigger.intervalMs;
    this.#folders = look.folders;
    this.#matches = look.matches;
    this.#faults = faultsOf(look);
    this.#closeEvents();
    await this.#begin(look);
    const found = new Map<SeenFile, MatchedFile>();
    for (const file of look.files) {
      const seen = this.#note(file);
      if (seen !== null && !isPlaceOf(seen, found.get(seen))) found.set(seen, file);
    }
    if (look.isComplete) this.#dropGone(look);
    else this.#lookSoon();
    this.#files.checkAgain(null);
    if (look.isComplete && !look.hasMoreFolders) await this.#forget(look, found);
    await this.#storeMoves(found);
  }

  /** Stores something as soon as the database can be written. Meanwhile the file system is not asked. */
  async #store<T>(work: (addHooks: AddHooks) => T): Promise<T> {
    this.#askedAt = null;
    return await this.#options.commits.enqueueUntilStored(work);
  }

  /** Waits for changes in a folder from now on. */
  #openEvents(path: string): void {
    const { log, key } = this.#options;
    const known = this.#events.get(path);
    if (known !== undefined) {
      known.reopenIfReplaced();
      return;
    }
    if (this.#events.size >= MAX_EVENTS || this.#isStopped) return;
    const events = new FolderEvents({
      dir: path,
      isRecursive: false,
      onEvent: (name) => this.#noteChange(path, name),
      onFailure: (error) => {
        if (this.#hasWarned) return;
        this.#hasWarned = true;
        const { job_id, message } = { job_id: key.jobId, message: "a folder cannot be watched; petit looks regularly" };
        log.warn({ job_id, dir: path, err: error }, message);
      },
    });
    this.#events.set(path, events);
  }

  #closeEvents(): void {
    for (const [path, events] of this.#events) {
      if (this.#folders.has(path)) continue;
      events[Symbol.dispose]();
      this.#events.delete(path);
    }
  }

  #noteChange(folder: string, name: string | null): void {
    if (this.#isStopped) return;
    if (name === null) this.#changedCount = Number.POSITIVE_INFINITY;
    else {
      const names = this.#changed.get(folder);
      if (names === undefined) this.#changed.set(folder, new Set([name]));
      else names.add(name);
      this.#changedCount++;
    }
    if (this.#isCollecting) return;
    this.#isCollecting = true;
    this.#cancelCollect = this.#options.clock.setTimeout(() => {
      this.#isCollecting = false;
      this.#mustReadChanged = true;
      if (this.#changedCount > MAX_CHANGED) this.#requestLook();
      this.#work();
    }, COLLECT_MS);
  }

  /** Looks at the names that the system has reported. */
  async #readChanged(): Promise<void> {
    this.#mustReadChanged = false;
    const changed = this.#changed;
    this.#changed = new Map();
    this.#changedCount = 0;
    const paths = new Set<string>();
    for (const [folder, names] of changed) {
      const state = this.#folders.get(folder);
      if (state === undefined) this.#requestLook();
      else
        for (const name of names) {
          paths.add(join(folder, name));
          await this.#readName(folder, state, name);
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
      this.#mustLookNext = true;
      if (this.#folders.has(path)) this.#requestLook();
    } else if (typeof found !== "string" && patterns.length > 0) this.#noteChanged(found);
  }

  /** At the limit, a look decides which files are watched. */
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

  /** Lets a file settle unless it was seen before, which it returns. */
  #note(file: MatchedFile): SeenFile | null {
    const seen = this.#seen.find(file, this.#folders);
    if (seen !== null) this.#files.delete(file.path);
    else if (file.patterns.some((id) => this.#watched.has(id))) this.#files.note(file, this.#options.clock.monotonic());
    return seen;
  }

  /** Files that are gone before they have settled start nothing. */
  #dropGone({ files }: Look): void {
    if (this.#files.size === 0) return;
    const there = new Set(files.map(({ path }) => path));
    for (const path of this.#files.paths) if (!there.has(path)) this.#files.delete(path);
  }

  /** Begins with new patterns, and with all after a restore: what is there then may count as seen. */
  async #begin(look: Look): Promise<void> {
    const { store, key, trigger, clock } = this.#options;
    const faults = new Map(look.faults.map(({ folder, fault }) => [folder, fault]));
    // Nothing lies in a folder that is missing, but after a restore it may come back with files.
    const canBegin = ({ id, folder }: FilePattern): boolean => {
      const fault = faults.get(folder);
      return fault === undefined || (fault === "folder_missing" && !this.#ignoring.has(id));
    };
    const ids = this.#patterns.filter(canBegin).map(({ id }) => id);
    const fresh = ids.filter((id) => !this.#watched.has(id));
    if (fresh.length === 0 && !this.#hasFormer) return;
    if (!look.isComplete || look.matches > MAX_FILES || look.hasMoreFolders) return;
    const isIgnored = (id: string): boolean => trigger.existing === "ignore" || this.#ignoring.has(id);
    const ignored = new Set(fresh.filter(isIgnored));
    const files: SeenFile[] = [];
    for (const file of look.files) {
      const isNew = this.#seen.find(file, look.folders) === null;
      if (!isNew || !file.patterns.some((id) => ignored.has(id))) continue;
      if (file.patterns.some((id) => this.#watched.has(id) || !ignored.has(id))) continue;
      const digest = await this.#digestOf(file);
      if (digest !== "gone") files.push(seenFile({ file, digest }));
    }
    if (this.#isStopped) return;
    await this.#store(() => {
      if (!this.#isStopped) store.seenFiles.addPatterns(key, [...ignored]);
    });
    for (let at = 0; at < files.length && !this.#isStopped; at += CHANGES_BATCH) {
      const batch = files.slice(at, at + CHANGES_BATCH);
      await this.#store((addHooks) => {
        if (this.#isStopped) return;
        store.seenFiles.addAll(key, batch, clock.now());
        addHooks({
          onCommit: () => {
            for (const file of batch) this.#seen.add(file);
          },
        });
      });
    }
    await this.#store((addHooks) => {
      if (this.#isStopped) return;
      store.seenFiles.setPatterns(key, [...this.#watched, ...fresh]);
      store.seenFiles.addPatterns(
        key,
        [...this.#ignoring].filter((id) => !fresh.includes(id)),
      );
      addHooks({
        onCommit: () => {
          this.#hasFormer = false;
          for (const id of fresh) {
            this.#watched.add(id);
            this.#ignoring.delete(id);
          }
        },
      });
    });
  }

  async #digestOf(file: MatchedFile): Promise<string | null | "gone"> {
    if (this.#options.trigger.identity === "stat") return null;
    // That takes long for a large file.
    this.#askedAt = null;
    return (await hashFile(file, this.#stop.signal)) ?? "gone";
  }

  /** Stores where seen files are now: their folder was renamed, or has another inode on a file system that does not keep it. */
  async #storeMoves(found: ReadonlyMap<SeenFile, MatchedFile>): Promise<void> {
    const { store, key } = this.#options;
    const moved = [...found].filter(([seen, file]) => !isPlaceOf(seen, file) && this.#seen.has(seen));
    for (let at = 0; at < moved.length && !this.#isStopped; at += CHANGES_BATCH) {
      const batch = moved
        .slice(at, at + CHANGES_BATCH)
        .map(([seen, file]) => ({ seen, now: seenFile({ file, digest: seen.digest }) }));
      await this.#store((addHooks) => {
        if (this.#isStopped) return;
        for (const { seen, now } of batch) store.seenFiles.move(key, seen.folder, now);
        addHooks({
          onCommit: () => {
            for (const { seen, now } of batch) {
              this.#seen.delete(seen);
              this.#seen.add(now);
            }
          },
        });
      });
    }
  }

  /** Forgets the files that two looks have not found. Those whose folder can't be read, or is another one now, may come back. */
  async #forget(look: Look, found: ReadonlyMap<SeenFile, unknown>): Promise<void> {
    const { store, key } = this.#options;
    const absent = new Set<SeenFile>();
    const gone: SeenFile[] = [];
    const mayReturn: SeenFile[] = [];
    for (const file of this.#seen.all) {
      if (found.has(file)) continue;
      const folder = look.folders.get(file.folder);
      const isReplaced = folder !== undefined && folder.inode !== file.folderInode;
      if (isReplaced || [...look.unreadable].some((each) => isBelow(file.folder, each))) mayReturn.push(file);
      else if (this.#absent.has(file)) gone.push(file);
      else absent.add(file);
    }
    gone.push(...mayReturn.slice(0, Math.max(0, mayReturn.length - MAX_KEPT)));
    this.#absent = absent;
    if (absent.size > 0) this.#mustLookNext = true;
    for (let at = 0; at < gone.length && !this.#isStopped; at += CHANGES_BATCH) {
      const batch = gone.slice(at, at + CHANGES_BATCH);
      await this.#store((addHooks) => {
        if (this.#isStopped) return;
        store.seenFiles.delete(key, batch);
        addHooks({
          onCommit: () => {
            for (const file of batch) this.#seen.delete(file);
          },
        });
      });
    }
  }

  /** Checks the files that have been the same for long enough, and starts runs for those that are complete. */
  async #settle(): Promise<void> {
    const { clock } = this.#options;
    const due = this.#files.takeDue(clock.monotonic(), SETTLE_BATCH);
    const current = await Promise.all(due.map((file) => findFile(file)));
    for (const [index, before] of due.entries()) {
      const now = current[index];
      if (now === "unreadable") this.#files.note(before, clock.monotonic());
      if (now === undefined || typeof now === "string") continue;
      if (now.stat === before.stat) await this.#complete(now);
      else this.#files.note(now, clock.monotonic());
    }
    await this.#fireReady();
  }

  async #complete(file: MatchedFile): Promise<void> {
    const { clock } = this.#options;
    const waitsFor = this.#doneOf(file);
    if (waitsFor !== null && !(await exists(waitsFor))) {
      this.#files.waitFor(file, waitsFor);
      return;
    }
    const digest = await this.#digestOf(file);
    if (digest === "gone") this.#files.note(file, clock.monotonic());
    else this.#files.addReady({ file, digest }, clock.monotonic());
  }

  /** Returns the path of the file that must be there too; null if there is none. */
  #doneOf(file: MatchedFile): string | null {
    const { trigger, folder, findJob } = this.#options;
    const stored = findJob();
    if (trigger.done === null || stored === null) return null;
    const event = { type: "files", id: "", delivery_id: null, ...eventOf([file], trigger) };
    const path = expandFor(stored.job, trigger.done, event);
    // A template that can't be expanded names no file.
    return typeof path === "string" ? resolve(folder, path) : resolve(folder, trigger.done);
  }

  async #fireReady(): Promise<void> {
    const { clock } = this.#options;
    for (let batches = await this.#nextBatches(); batches.length > 0; batches = await this.#nextBatches()) {
      const repeated = await this.#findRepeated(batches.flat());
      const isStored = await this.#store((addHooks) => {
        if (this.#isStopped || this.#options.findJob() === null) return false;
        for (const batch of batches) this.#fire(batch, repeated, addHooks);
        return true;
      });
      if (isStored) continue;
      for (const { file } of batches.flat()) this.#files.note(file, clock.monotonic());
      return;
    }
  }

  /** Returns the files of the next runs. Those that waited for others may have changed since. */
  async #nextBatches(): Promise<readonly (readonly SettledFile[])[]> {
    const { clock, trigger } = this.#options;
    const batches: (readonly SettledFile[])[] = [];
    while (batches.length < RUNS_BATCH) {
      const batch = this.#files.takeBatch(clock.monotonic());
      if (batch.length === 0) break;
      batches.push(trigger.batch === "each" ? batch : await this.#withoutChanged(batch));
    }
    return batches;
  }

  async #withoutChanged(batch: readonly SettledFile[]): Promise<readonly SettledFile[]> {
    const current = await Promise.all(batch.map(({ file }) => findFile(file)));
    return batch.filter(({ file }, index) => {
      const now = current[index];
      if (now === undefined || typeof now === "string") return false;
      if (now.stat !== file.stat) this.#files.note(now, this.#options.clock.monotonic());
      return now.stat === file.stat;
    });
  }

  /** Returns those that start nothing: their content, or the file itself, was seen at another path that is there too. */
  async #findRepeated(files: readonly SettledFile[]): Promise<ReadonlySet<SettledFile>> {
    const repeated = new Set<SettledFile>();
    const before = new Set<string>();
    for (const settled of files) {
      const { file, digest } = settled;
      const device = this.#folders.get(file.folder)?.device ?? file.folder;
      const key = digest ?? `${device} ${file.folderInode} ${file.stat}`;
      if (before.has(key) || (digest !== null && (await this.#hasContent(file, digest)))) repeated.add(settled);
      before.add(key);
    }
    return repeated;
  }

  async #hasContent({ path }: MatchedFile, digest: string): Promise<boolean> {
    for (const seen of this.#seen.withContent(digest)) {
      if (join(seen.folder, seen.name) === path) return true;
      const now = await findFile({ ...seen, patterns: [] });
      if (typeof now !== "string" && now.stat === seen.stat) return true;
    }
    return false;
  }

  /** Stores files as seen and accepts the delivery for them, or neither if petit itself fails. Then they settle again. */
  #fire(batch: readonly SettledFile[], repeated: ReadonlySet<SettledFile>, addHooks: AddHooks): void {
    const { store, clock, log, key, internalErrors } = this.#options;
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
      for (const { file } of batch) this.#files.note(file, clock.monotonic());
    }
  }

  #accept(batch: readonly SettledFile[], repeated: ReadonlySet<SettledFile>, addHooks: AddHooks): void {
    const { store, clock, key, trigger, deliveries, findJob } = this.#options;
    const stored = findJob();
    if (stored === null) return;
    const isNew = batch.map((settled) => {
      const seen = seenFile(settled);
      const wasSeen = this.#seen.find(settled.file, this.#folders) !== null;
      const isAdded = store.seenFiles.add(key, seen, clock.now());
      if (isAdded) addHooks({ onCommit: () => this.#seen.add(seen) });
      return isAdded && !wasSeen && !repeated.has(settled);
    });
    const files = batch.filter((_, index) => isNew[index]).map(({ file }) => file);
    if (files.length === 0) return;
    const event = eventOf(files, trigger);
    deliveries.accept(
      { stored, trigger, eventTypes: [], providerId: null, signedBody: null, event, chain: 0 },
      addHooks,
    );
  }
}

const isPlaceOf = (seen: SeenFile, found: MatchedFile | undefined): boolean =>
  found !== undefined &&
  seen.folder === found.folder &&
  seen.folderInode === found.folderInode &&
  seen.name === found.name;

const seenFile = ({ file, digest }: SettledFile): SeenFile => ({
  folder: file.folder,
  folderInode: file.folderInode,
  name: file.name,
  stat: file.stat,
  digest,
});

/** Returns what an event says about files. */
const eventOf = (files: readonly MatchedFile[], { batch }: Pick<FilesTrigger, "batch">) => ({
  ...(batch === "each" && files[0] !== undefined && { path: files[0].path }),
  files: files.map(({ path, size, mtime }) => ({ path, size, mtime })),
});

const faultsOf = ({ faults, matches, files, hasMoreFolders }: Look): readonly Fault[] => {
  const found: Fault[] = [];
  for (const [fault, each] of Map.groupBy(faults, (one) => one.fault)) {
    const more = each.length === 1 ? "" : `, and so with ${pluralize(each.length - 1, "more folder")}`;
    found.push({ fault, count: each.length, problem: `${each[0]?.problem}${more}` });
  }
  const problem =
    matches > MAX_FILES
      ? `${matches} files match, and petit watches at most ${MAX_FILES}`
      : `the patterns lead to more than ${MAX_FOLDERS} folders`;
  if (matches > MAX_FILES || hasMoreFolders)
    found.push({ fault: "too_many_files", count: Math.max(1, matches, files.length), problem });
  return found;
};

const isBelow = (path: string, folder: string): boolean => namesBelow(folder, path) !== null;

/** Returns the names on the way from a folder to another path; null if it is not in it. */
const namesBelow = (folder: string, path: string): readonly string[] | null => {
  if (path === folder) return [];
  const start = folder === "/" ? folder : `${folder}/`;
  return path.startsWith(start) ? path.slice(start.length).split("/") : null;
};

const exists = async (path: string): Promise<boolean> => {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
};
