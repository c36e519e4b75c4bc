import type { ChangedCommitFiles } from "../domain/attention.ts";
import type { BackupPlan } from "../domain/backup/state.ts";
import type { HealthReason, Heartbeat } from "../domain/health.ts";
import type { InterruptPolicy, Job } from "../domain/job.ts";
import type { Queues } from "../domain/limits/queue.ts";
import type { DefaultRule, Retention } from "../domain/limits/retention.ts";
import type { TaskLimits, USAGE_SOURCES } from "../domain/limits/task-limits.ts";
import type { Digest } from "../domain/review/digest.ts";
import type { FilesOrigin } from "../domain/versions/version.ts";
import type { OwnFolders } from "../jobfile/mount.ts";
import type { JobFiles } from "../jobfile/read/job-dir.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Store } from "../store/store.ts";
import type { CgroupSupport } from "./attempt/cgroup/support.ts";
import type { Copier } from "./backup/copier.ts";
import type { TraceTarget } from "./traces/tracer.ts";

/** Job files, and where they come from. Missing: nothing is known about that. */
export type ReadJobFiles = JobFiles & { readonly origin?: FilesOrigin };

/** What the engine needs of a repository with job files. */
export interface FilesRepository {
  /** Returns what is wrong: a refused commit, or a server that can't be reached. */
  problems(): readonly HealthReason[];
  /** Returns the commits whose files somebody changed within the last hour. */
  changed(): readonly ChangedCommitFiles[];
  /**
   * Provides the files of a commit for a run that begins with it soon. They stay until the run is stored and what is returned is disposed.
   * Rejects with `conflict` if they can't be had.
   */
  provide(commit: string): Promise<Disposable>;
  /** Makes sure, before an attempt uses the files of a commit, that they are as the commit is. Rejects with `conflict` if they can't be had. */
  ensure(commit: string): Promise<void>;
}

export type EngineOptions = {
  readonly store: Store;
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly log: Log;
  /** Reads the job files of JOBS_DIR. `findJob` returns the current definition of a job, or null. */
  readonly readJobs: (findJob: (jobId: string) => Job | null) => Promise<ReadJobFiles>;
  /** The repository that the job files are from. Null or missing for files in a folder. */
  readonly repository?: FilesRepository | null;
  /**
   * Folder in which processes leave their output, exit status and outputs until petit stores them. Created with mode
   * 0700.
   */
  readonly spoolDir: string;
  /**
   * File in which the key for recognizing secrets after a restart is kept; null to keep it in memory. Default: beside the spool
   * folder. Created when an attempt gets a secret, with mode 0600.
   */
  readonly secretKeyFile?: string | null;
  /** Folder in which files of runs are kept. Created when the first one is stored, with mode 0700. */
  readonly artifactsDir: string;
  /** The folders from which containers are kept away. */
  readonly ownFolders: OwnFolders;
  /** petit's environment, which tasks inherit. */
  readonly environment: Readonly<Record<string, string>>;
  readonly settings: EngineSettings;
  /** Whether petit can create cgroups for attempts. Default: it does not look. */
  readonly cgroups?: CgroupSupport;
  /** The digest that is sent on a schedule, and the folder to which its paths are relative. Null or missing: none. */
  readonly digest?: { readonly digest: Digest; readonly folder: string } | null;
  /** What is pinged while petit is healthy, and the folder to which its paths are relative. Null or missing: nothing. */
  readonly heartbeat?: { readonly heartbeat: Heartbeat; readonly folder: string } | null;
  /** Where a trace of each run is sent. Null or missing: nowhere. */
  readonly traces?: TraceTarget | null;
  /** When copies of the database are made, and what makes them. Null or missing: none. */
  readonly backup?: { readonly plan: BackupPlan; readonly copier: Copier } | null;
  /** False to create runs by trigger only, and never from schedules. Default true. */
  readonly followSchedules?: boolean;
  /** False to look for no files of `files` triggers. Default: what `followSchedules` is. */
  readonly watchFiles?: boolean;
  /** True if petit has noticed at this start that the database was restored. Default false. */
  readonly isRestored?: boolean;
};

export type RetentionSettings = Retention & {
  /** What applies where no limit is given. Missing: what the database says. */
  readonly byDefault?: DefaultRule;
};

export type EngineSettings = {
  /** Maximum of concurrent runs; null is unlimited. */
  readonly maxJobs: number | null;
  /** The queues that jobs can name; none if it is missing. */
  readonly queues?: Queues;
  /** Maximum of concurrent tasks in one run. */
  readonly maxTasks: number;
  /** IANA time zone of schedules that set none. */
  readonly timezone: string;
  /** Default of `kill_grace`, for jobs that set none. */
  readonly killGraceMs: number;
  /** Default of `on_interrupt`, for jobs that set none. */
  readonly onInterrupt: InterruptPolicy;
  /** Maximum of stored output per attempt, in bytes. */
  readonly logLimitBytes: number;
  /** Maximum size of the artifacts of a run, in bytes. */
  readonly artifactLimitBytes: number;
  /** What the processes of tasks may use, unless their job says. Missing: there are no limits. */
  readonly limits?: TaskLimits;
  /** How the use of attempts is measured. Missing: `wait`. */
  readonly usage?: (typeof USAGE_SOURCES)[number];
  /** The users that tasks may run as, by name or numeric id. Missing: none. */
  readonly runAsAllowed?: readonly string[];
  /** Limits of finished runs for jobs that set none. */
  readonly retention?: RetentionSettings;
  /** How long the audit log is kept, in days. Missing: the default. */
  readonly auditDays?: number;
  /** URL under which people reach the dashboard, for links. Null, or missing: unknown. */
  readonly publicUrl?: string | null;
  /** How long a drain waits for running runs, in ms. */
  readonly shutdownTimeoutMs: number;
};
