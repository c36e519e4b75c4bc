import { type Job, withoutDefaultNotify } from "../../domain/job.ts";
import type { FileContent } from "../../jobfile/read/job-file.ts";
import type { KnownFile, KnownFiles, ReadFile } from "../../jobfile/read/known-files.ts";
import type { FileState } from "../../jobfile/read/scan.ts";
import type { JobFileSource, StoredJobDeclaration, StoredJobFile } from "../../store/job-files.ts";
import type { Store } from "../../store/store.ts";

export type StoredFilesOptions = {
  readonly store: Pick<Store, "jobFiles" | "jobs">;
  readonly source: JobFileSource;
  /** Returns the current definition of a job, or null. */
  readonly findJob: (jobId: string) => Job | null;
  /** A time before the state of the files is read, in ms since the Unix epoch. */
  readonly now: number;
  /** Files whose content differs from what is stored, although their state is the same. */
  readonly distrusted: ReadonlySet<string>;
};

/**
 * A file that changed this long ago or longer has settled: another change gives it another time. File systems keep times with
 * a resolution of up to 2 s. A clock of a file system that is ahead of petit's only makes files settle later.
 */
const SETTLED_MS = 2_500;

/**
 * What the database says about job files. A stored file refers to definitions by their digests, and counts only while they are the
 * current ones, so it is right also in a database that was restored or copied.
 */
export class StoredFiles implements KnownFiles {
  readonly #options: StoredFilesOptions;
  /** The files that need not be read. */
  readonly #found = new Set<string>();
  readonly #changed = new Map<string, StoredJobFile>();

  constructor(options: StoredFilesOptions) {
    this.#options = options;
  }

  find(file: string, { stamp }: FileState): KnownFile | null {
    const { store, source, distrusted } = this.#options;
    const stored = distrusted.has(file) ? null : store.jobFiles.find(source, file);
    if (stored?.stamp !== stamp) return null;
    const content = this.#restore(file, stored.jobs);
    if (content === null) return null;
    const { digest, isSettled } = stored;
    if (isSettled) this.#found.add(file);
    return { content, digest, isSettled };
  }

  #restore(file: string, declared: readonly StoredJobDeclaration[]): FileContent | null {
    const { store, findJob } = this.#options;
    const jobs: Job[] = [];
    for (const { id, digest } of declared) {
      const current = findJob(id);
      const job = current === null ? null : withoutDefaultNotify(current);
      if (job === null || store.jobs.digestOf(job) !== digest) return null;
      jobs.push(job);
    }
    const declarations = declared.map(
      (
        {
          id,
          line,
          column,
          formerly = [],
          gates,
          calls = [],
          follows = [],
          queue = null,
          runsOn = [],
          messages = [],
          mounts = [],
          users = [],
          priorities = [],
        },
        index,
      ) => ({
        id,
        file,
        position: { line, column },
        isGuess: false,
        formerly,
        calls,
        follows,
        params: jobs[index]?.params ?? null,
        outputs: Object.keys(jobs[index]?.outputs ?? {}),
        gates: gates.map((gate, nth) => ({
          jobId: gate.jobId,
          isWindow: jobs[index]?.dependsOn[nth]?.condition === "within_window",
          path: gate.path,
          position: { line: gate.line, column: gate.column },
        })),
        queue:
          queue === null
            ? null
            : { name: queue.name, path: queue.path, position: { line: queue.line, column: queue.column } },
        runsOn,
        messages,
        mounts,
        users,
        priorities,
      }),
    );
    return { jobs, declarations, problems: [] };
  }

  add(file: string, { state, digest, content }: ReadFile): void {
    const { now, store } = this.#options;
    const jobs = content.declarations.map(
      (
        { id, position, formerly, gates, calls, follows, queue, runsOn, messages, mounts, users, priorities },
        index,
      ) => {
        const job = content.jobs[index];
        if (job === undefined || job.id !== id) throw new Error(`the declarations of ${file} do not match its jobs`);
        return {
          id: job.id,
          digest: store.jobs.digestOf(job),
          ...position,
          gates: gates.map((gate) => ({ jobId: gate.jobId, path: gate.path, ...gate.position })),
          ...(formerly.length > 0 && { formerly }),
          ...(calls.length > 0 && { calls }),
          ...(follows.length > 0 && { follows }),
          ...(queue !== null && { queue: { name: queue.name, path: queue.path, ...queue.position } }),
          ...(runsOn.length > 0 && { runsOn }),
          ...(messages.length > 0 && { messages }),
          ...(mounts.length > 0 && { mounts }),
          ...(users.length > 0 && { users }),
          ...(priorities.length > 0 && { priorities }),
        };
      },
    );
    this.#changed.set(file, {
      stamp: state.stamp,
      isSettled: state.changedAt < now - SETTLED_MS,
      digest,
      jobs,
    });
    this.#found.delete(file);
  }

  /** Returns the files that were not read. */
  get unread(): ReadonlySet<string> {
    return this.#found;
  }

  /** Stores what has changed. */
  save(): void {
    const { store, source } = this.#options;
    const gone = store.jobFiles.listPaths(source).filter((file) => !this.#found.has(file) && !this.#changed.has(file));
    if (gone.length > 0 || this.#changed.size > 0) store.jobFiles.save(source, { changed: this.#changed, gone });
  }
}
