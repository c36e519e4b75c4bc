import type { Job } from "../../domain/job.ts";
import type { ReloadRequest } from "../../domain/versions/version.ts";
import type { ReadJobFiles } from "../../engine/options.ts";
import { JobFileEditor } from "./edit/editor.ts";
import { LostEdits } from "./edit/lost-edits.ts";
import type { JobSource, JobsUser, StartedSource } from "./job-source.ts";
import { JobsReader, type JobsReaderOptions } from "./reader.ts";
import { JobsWatcher } from "./watch.ts";

export type FolderJobsOptions = JobsReaderOptions & {
  /** Whether changes are noticed without a reload. */
  readonly watch: boolean;
  /** Whether people may edit the files through petit. */
  readonly edit: boolean;
};

/** The job files of a folder. */
export class FolderJobs implements JobSource {
  /** Null if people must not edit the files through petit. */
  readonly editor: JobFileEditor | null;
  readonly #options: FolderJobsOptions;
  readonly #reader: JobsReader;
  #user: JobsUser | null = null;
  #watcher: JobsWatcher | null = null;
  #lostEdits: LostEdits | null = null;

  constructor(options: FolderJobsOptions) {
    this.#options = options;
    const { jobsDir, log, edit } = options;
    this.#reader = new JobsReader(options);
    this.editor = edit
      ? new JobFileEditor({
          jobsDir,
          log,
          readDraft: (draft) => {
            const { store, findJob } = this.#mustUser();
            return this.#reader.readDraft(draft, store, findJob);
          },
          // petit does not know who changed the other files.
          reload: () => this.#mustUser().reload({ cause: "api", by: null }),
          lostEdits: () => this.#mustLostEdits(),
          whoSaved: (path, modifiedAt) => this.#mustUser().store.versions.findEditor(path, modifiedAt),
        })
      : null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watcher?.[Symbol.asyncDispose]();
    await this.editor?.[Symbol.asyncDispose]();
    this.#reader[Symbol.dispose]();
  }

  /** Begins to watch before the files are read, so that no change falls between the reading and the watch. */
  async prepare(user: JobsUser): Promise<void> {
    this.#user = user;
    const { jobsDir: dir, clock, log, watch } = this.#options;
    this.#lostEdits = new LostEdits({ jobsDir: dir, log, store: user.store });
    await this.editor?.prepare();
    if (!watch) return;
    this.#watcher = new JobsWatcher({
      dir,
      clock,
      log,
      onChange: () => user.reload({ cause: "watch", by: null }),
      references: () => this.#reader.references,
    });
  }

  async read(findJob: (jobId: string) => Job | null): Promise<ReadJobFiles> {
    const editOf = (file: string, stamp: string) =>
      this.editor?.editOf(file, stamp) ?? this.#mustLostEdits().editOf(file, stamp);
    return await this.#reader.read(this.#mustUser().store, findJob, editOf);
  }

  async refresh(request: ReloadRequest): Promise<void> {
    await this.#mustUser().reload(request);
  }

  start(): StartedSource {
    const { store, reload } = this.#mustUser();
    this.#mustLostEdits().clear();
    const { files, scan } = this.#reader.takeFirst();
    this.#watcher?.start(scan);
    const onWrong = async (): Promise<void> => {
      await reload({ cause: "watch", by: null }).catch((error: unknown) =>
        this.#options.log.error({ err: error }, "the reload failed"),
      );
    };
    return { first: files, settled: this.#reader.verify(store, onWrong) };
  }

  #mustLostEdits(): LostEdits {
    if (this.#lostEdits === null) throw new Error("the job files are used before they are prepared");
    return this.#lostEdits;
  }

  #mustUser(): JobsUser {
    if (this.#user === null) throw new Error("the job files are used before they are prepared");
    return this.#user;
  }
}
