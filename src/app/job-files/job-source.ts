import type { Job } from "../../domain/job.ts";
import type { RepositoryStatus } from "../../domain/versions/repository.ts";
import type { ReloadRequest } from "../../domain/versions/version.ts";
import type { ReadJobFiles } from "../../engine/options.ts";
import type { JobFiles } from "../../jobfile/read/job-dir.ts";
import type { Store } from "../../store/store.ts";

/** What a source of job files needs of the engine. */
export type JobsUser = {
  readonly store: Store;
  /** Returns the current definition of a job, or null. */
  readonly findJob: (jobId: string) => Job | null;
  /** Reads the job files again, and takes them. Rejects with `not_running` when petit stops. */
  readonly reload: (request: ReloadRequest) => Promise<void>;
  /** Notifies clients that the state of the repository has changed. */
  readonly noteRepository: (status: RepositoryStatus) => void;
};

/** Where the job files are from: a folder (`FolderJobs`) or a repository (`GitJobs`). */
export interface JobSource extends AsyncDisposable {
  /** Gets ready to be read. Call it before the engine starts. */
  prepare(user: JobsUser): Promise<void>;
  /** Reads the job files for the engine, and logs their problems. */
  read(findJob: (jobId: string) => Job | null): Promise<ReadJobFiles>;
  /** Reads the job files again because somebody asks for it: those of a repository are fetched. */
  refresh(request: ReloadRequest): Promise<void>;
  /** Begins to look for changes, once the engine has started. Returns what was read first, and when work in the background has ended. */
  start(): StartedSource;
}

export type StartedSource = {
  readonly first: Pick<JobFiles, "jobs" | "problems" | "broken">;
  readonly settled: Promise<void>;
};
