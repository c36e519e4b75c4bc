import type { InterruptPolicy, Job } from "../domain/job.ts";
import type { JobFiles } from "../jobfile/read/job-dir.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Store } from "../store/store.ts";

export type EngineOptions = {
  readonly store: Store;
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly log: Log;
  /** Reads JOBS_DIR. */
  readonly readJobs: () => Promise<JobFiles>;
  /** Where processes leave their output, exit status and outputs until they are stored; made with mode 0700. */
  readonly spoolDir: string;
  /** petit's own environment, from which tasks inherit. */
  readonly environment: Readonly<Record<string, string>>;
  readonly settings: EngineSettings;
  /** False where only triggers make runs: nothing is due, nothing is caught up on. Default true. */
  readonly followSchedules?: boolean;
};

export type EngineSettings = {
  /** Runs at once; null is unlimited. */
  readonly maxJobs: number | null;
  /** Tasks at once in a run. */
  readonly maxTasks: number;
  /** IANA name, for schedules without one of their own. */
  readonly timezone: string;
  /** For jobs that give none. */
  readonly killGraceMs: number;
  readonly onInterrupt: InterruptPolicy;
  /** Output kept of an attempt, in bytes. */
  readonly logLimitBytes: number;
  /** Of finished runs, for jobs that don't say: so many, for so many days; null is without limit, as is leaving it out. */
  readonly retention?: Job["retention"];
  /** How long running runs may go on when petit drains. */
  readonly shutdownTimeoutMs: number;
};
