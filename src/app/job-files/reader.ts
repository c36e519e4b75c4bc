import { join, resolve } from "node:path";
import { PetitError } from "../../domain/errors.ts";
import { type Job, withDefaultNotify } from "../../domain/job.ts";
import type { Queues } from "../../domain/limits/queue.ts";
import type { NotifyTarget } from "../../domain/notification.ts";
import type { Edit } from "../../domain/versions/version.ts";
import type { ReadJobFiles } from "../../engine/options.ts";
import type { Privileges } from "../../jobfile/check/limits.ts";
import type { OwnFolders } from "../../jobfile/mount.ts";
import { formatProblem } from "../../jobfile/problem.ts";
import { type DraftReading, readDraft } from "../../jobfile/read/draft.ts";
import { digestOfFile, type FolderReading, type JobFiles, readFolder } from "../../jobfile/read/job-dir.ts";
import { type FolderScan, readState } from "../../jobfile/read/scan.ts";
import type { Reference } from "../../jobfile/reference.ts";
import { type Clock, sleep } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import type { Store } from "../../store/store.ts";
import { StoredFiles } from "./stored-files.ts";

export type JobsReaderOptions = {
  readonly jobsDir: string;
  /** The queues that jobs can name. */
  readonly queues: Queues;
  /** Whether tasks can run on workers. */
  readonly hasWorkers: boolean;
  /** The folders that containers must not mount. */
  readonly ownFolders: OwnFolders;
  /** What tasks may be. */
  readonly privileges: Privileges;
  readonly log: Log;
  readonly clock: Clock;
  /** Identifies the petit that reads; see `JobFileSource`. Null to read every file each time. */
  readonly reader: string | null;
  /** A reading that was made just now, which becomes the first one; null if there is none. */
  readonly given: FolderReading | null;
  /** The receivers of jobs that name none. */
  readonly defaultNotify: readonly NotifyTarget[];
};

/** Reads the job files for the engine. A file that has not changed since it was stored is not read again. */
export class JobsReader implements Disposable {
  readonly #options: JobsReaderOptions;
  readonly #stop = new AbortController();
  /** A reading that is not used yet. */
  #given: FolderReading | null;
  /** The result of the first reading, until it is taken. */
  #first: FolderReading | null = null;
  #isFirstTaken = false;
  /** The files that the first reading did not read; null until then. */
  #unread: ReadonlySet<string> | null = null;
  #distrusted: ReadonlySet<string> = new Set();
  #references: readonly Reference[] = [];

  constructor(options: JobsReaderOptions) {
    this.#options = options;
    this.#given = options.given;
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
  }

  /** Other files that decide what the job files mean, with their state before they were read last. */
  get references(): readonly Reference[] {
    return this.#references;
  }

  /**
   * Reads the folder, and logs its problems. `findJob` returns the current definition of a job, or null. `editOf` returns who saved a file
   * through petit, if that left it in the state with this stamp; otherwise null.
   */
  async read(
    store: Store,
    findJob: (jobId: string) => Job | null,
    editOf: (file: string, stamp: string) => Edit | null = () => null,
  ): Promise<ReadJobFiles> {
    const { jobsDir, log, defaultNotify } = this.#options;
    const reading = this.#given ?? (await this.#readFolder(store, findJob).catch(asBrokenFolder));
    this.#given = null;
    this.#references = reading.references ?? [];
    if (!this.#isFirstTaken) this.#first ??= reading;
    tellProblems(reading.files, { jobsDir, log });
    const { states } = reading.scan;
    return {
      ...reading.files,
      jobs: reading.files.jobs.map((job) => withDefaultNotify(job, defaultNotify)),
      origin: {
        commit: null,
        modifiedAt: (file) => states.get(file)?.modifiedAt ?? null,
        editOf: (file) => {
          const stamp = states.get(file)?.stamp;
          return stamp === undefined ? null : editOf(file, stamp);
        },
      },
    };
  }

  /**
   * Reads the folder as it would be if one file had another content. `findJob` returns the current definition of a job, or null. Throws
   * `not_found` if the folder is missing.
   */
  async readDraft(
    { file, bytes }: { readonly file: string; readonly bytes: Uint8Array },
    store: Store,
    findJob: (jobId: string) => Job | null,
  ): Promise<DraftReading> {
    const { jobsDir: dir, queues, hasWorkers, ownFolders, privileges, defaultNotify } = this.#options;
    const known = this.#known(store, findJob) ?? undefined;
    const reading = await readDraft({ dir, queues, hasWorkers, ownFolders, privileges, known, file, bytes });
    const complete = (jobs: readonly Job[]) => jobs.map((job) => withDefaultNotify(job, defaultNotify));
    return { ...reading, jobs: complete(reading.jobs), others: complete(reading.others) };
  }

  #known(store: Store, findJob: (jobId: string) => Job | null): StoredFiles | null {
    const { jobsDir, reader, clock } = this.#options;
    if (reader === null) return null;
    const source = { folder: resolve(jobsDir), reader };
    return new StoredFiles({ store, source, findJob, now: clock.now(), distrusted: this.#distrusted });
  }

  /** Returns the first reading. It can be large, so it is not kept. */
  takeFirst(): FolderReading {
    const first = this.#first;
    if (first === null) throw new Error("the first reading of the job files is missing or was taken before");
    this.#first = null;
    this.#isFirstTaken = true;
    return first;
  }

  async #readFolder(store: Store, findJob: (jobId: string) => Job | null): Promise<FolderReading> {
    const { jobsDir: dir, queues, hasWorkers, ownFolders, privileges, log } = this.#options;
    const known = this.#known(store, findJob);
    if (known === null) return await readFolder({ dir, queues, hasWorkers, ownFolders, privileges });
    const reading = await readFolder({ dir, queues, hasWorkers, ownFolders, privileges, known });
    this.#unread ??= known.unread;
    try {
      known.save();
    } catch (error) {
      // The next reading only takes longer.
      log.debug({ err: error }, "the content of the job files could not be stored");
    }
    return reading;
  }

  /**
   * Compares the files that the first reading did not read with what is stored, slowly. Calls `onWrong` if one differs, so that it
   * is read: its content has changed although its state is the same, which no ordinary program can do.
   */
  async verify(store: Store, onWrong: () => Promise<void>): Promise<void> {
    const { jobsDir, reader, clock, log } = this.#options;
    if (reader === null) return;
    const source = { folder: resolve(jobsDir), reader };
    const wrong = new Set<string>();
    let count = 0;
    for (const file of this.#unread ?? []) {
      const path = join(source.folder, file);
      const stored = store.jobFiles.find(source, file);
      // A file that changes now is a matter of the watch.
      if (stored !== null && digestOfFile(path) !== stored.digest && readState(path)?.stamp === stored.stamp)
        wrong.add(file);
      if (++count % FILES_PER_PAUSE === 0) await sleep(clock, VERIFY_PAUSE_MS, this.#stop.signal);
      if (this.#stop.signal.aborted) return;
    }
    this.#unread = NONE;
    if (wrong.size === 0) return;
    this.#distrusted = wrong;
    const files = [...wrong].slice(0, MAX_LOGGED);
    log.warn(
      { count: wrong.size, files },
      "job files have changed although their times have not; petit reads them again",
    );
    await onWrong();
  }
}

const NONE: ReadonlySet<string> = new Set();

const MAX_LOGGED = 20;

/** A file takes about 30 µs, so this keeps a processor busy for about 5 % of the time, and 10,000 files take 6 s. */
const FILES_PER_PAUSE = 100;
const VERIFY_PAUSE_MS = 60;

const NO_SCAN: FolderScan = { files: [], failures: [], hasLinks: false, states: new Map() };

/** Treats a folder that disappeared, perhaps temporarily, as unreadable: all jobs keep their last good version. */
const asBrokenFolder = (error: unknown): FolderReading => {
  if (!(error instanceof PetitError && error.code === "not_found")) throw error;
  const problem = { file: ".", line: 1, column: 1, path: "", message: error.message };
  return { files: { jobs: [], problems: [problem], broken: ["."] }, scan: NO_SCAN };
};

const tellProblems = (
  { jobs, problems }: JobFiles,
  { jobsDir, log }: Pick<JobsReaderOptions, "jobsDir" | "log">,
): void => {
  for (const problem of problems) {
    const { file, line, column, path } = problem;
    log.warn({ file, line, column, path }, `a job file is broken: ${formatProblem(problem)}`);
  }
  if (jobs.length === 0 && problems.length === 0) log.warn({ jobs_dir: jobsDir }, "JOBS_DIR has no job file");
};
