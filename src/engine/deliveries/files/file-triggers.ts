import type { FailingTrigger } from "../../../domain/attention.ts";
import { type FilesTrigger, triggerKey } from "../../../domain/deliveries/trigger.ts";
import type { JobId } from "../../../domain/ids.ts";
import { soon } from "../../../lib/clock.ts";
import type { StoredJob } from "../../../store/jobs.ts";
import type { FileTriggerKey } from "../../../store/triggers/seen-files.ts";
import type { Jobs } from "../../schedule/jobs.ts";
import { FilesWatch, type FilesWatchOptions, patternsOf } from "./watch.ts";

export type FileTriggersOptions = Omit<FilesWatchOptions, "key" | "trigger" | "folder" | "findJob"> & {
  readonly jobs: Jobs;
  /** False while petit starts no runs. */
  readonly isRunning: () => boolean;
};

/** Maximum time that a start or a reload waits for file systems, in ms. */
const PATIENCE_MS = 2_000;

type Watched = { readonly definition: string; readonly watch: FilesWatch };

/** Watches the files of all `files` triggers. */
export class FileTriggers implements Disposable {
  readonly #options: FileTriggersOptions;
  /** By job and trigger. */
  readonly #watches = new Map<string, Watched>();
  #isStarted = false;
  #isDisposed = false;
  /** Those that have not begun. */
  #waiting: readonly FilesWatch[] = [];

  constructor(options: FileTriggersOptions) {
    this.#options = options;
  }

  /** Resolves when every trigger has recorded the files that exist, or after `PATIENCE_MS`. */
  async start(): Promise<void> {
    await this.#inTime(this.#start());
  }

  async #start(): Promise<void> {
    const { store, commits, log } = this.#options;
    const patterns = this.#list().flatMap(({ key, trigger, folder }) =>
      patternsOf(trigger, folder).map(({ id }) => ({ ...key, pattern: id })),
    );
    try {
      await commits.retryUntilStored(() => store.seenFiles.noteRestore(patterns));
      this.#isStarted = !this.#isDisposed;
      await this.#follow();
    } catch (error) {
      if (!this.#isDisposed) log.error({ err: error }, "cannot watch the files of triggers");
    }
  }

  [Symbol.dispose](): void {
    this.#isStarted = false;
    this.#isDisposed = true;
    for (const { watch } of this.#watches.values()) watch[Symbol.dispose]();
    this.#watches.clear();
  }

  /** Watches the files of the current triggers. Call it when the jobs have changed. Resolves as `start` does. */
  async follow(): Promise<void> {
    if (this.#isStarted) await this.#inTime(this.#follow());
  }

  async #inTime(work: Promise<void>): Promise<void> {
    const late = Promise.withResolvers<void>();
    const cancel = this.#options.clock.setTimeout(late.resolve, PATIENCE_MS);
    await Promise.race([work, late.promise]);
    cancel();
  }

  async #follow(): Promise<void> {
    if (!this.#isStarted) return;
    const { store, commits } = this.#options;
    const current = this.#list();
    const ids = new Set(current.map(({ id }) => id));
    for (const [id, { watch }] of this.#watches) {
      if (ids.has(id)) continue;
      watch[Symbol.dispose]();
      this.#watches.delete(id);
    }
    commits.commitOrDefer(() => store.seenFiles.keepOnly(current.map(({ key }) => key)));
    for (const each of current) this.#watch(each);
    await this.#startAll();
  }

  /** Each reads what it has seen in a turn of its own, because there can be thousands of files. */
  async #startAll(): Promise<void> {
    const begun: Promise<void>[] = [];
    for (let [watch] = this.#waiting; watch !== undefined; [watch] = this.#waiting) {
      this.#waiting = this.#waiting.slice(1);
      try {
        watch.start();
        begun.push(watch.begun);
      } catch (error) {
        this.#options.log.error({ err: error }, "cannot watch the files of a trigger");
      }
      await new Promise<void>(soon);
    }
    await Promise.all(begun);
  }

  #watch({ id, key, trigger, folder }: Listed): void {
    const { jobs, isRunning, ...given } = this.#options;
    const definition = JSON.stringify([trigger, folder]);
    const known = this.#watches.get(id);
    if (known?.definition === definition) return;
    known?.watch[Symbol.dispose]();
    const findJob = (): StoredJob | null => (isRunning() ? jobs.find(key.jobId) : null);
    const watch = new FilesWatch({ ...given, key, trigger, folder, findJob });
    this.#watches.set(id, { definition, watch });
    this.#waiting = [...this.#waiting, watch];
  }

  /** Returns the triggers whose folders are missing or unreadable, or have too many files. */
  listFailing(): readonly FailingTrigger[] {
    return [...this.#watches.values()].flatMap(({ watch }) => watch.listFaults());
  }

  #list(): readonly Listed[] {
    return [...this.#options.jobs.all.values()].flatMap(({ job }) =>
      (job.triggers ?? []).flatMap((trigger) => {
        if (trigger.type !== "files") return [];
        const key = { jobId: job.id, trigger: triggerKey(trigger) };
        return [{ id: idOf(key), key, trigger, folder: job.source.folder }];
      }),
    );
  }
}

type Listed = {
  readonly id: string;
  readonly key: FileTriggerKey & { readonly jobId: JobId };
  readonly trigger: FilesTrigger;
  readonly folder: string;
};

const idOf = ({ jobId, trigger }: FileTriggerKey): string => `${jobId} ${trigger ?? ""}`;
