import type { Job } from "../../domain/job.ts";
import type { Run } from "../../domain/run.ts";
import type { Attempt, TaskRun } from "../../domain/task-run.ts";
import type { RunningProcess } from "../attempt/process.ts";
import type { Commits } from "../commits.ts";
import type { Notify } from "../notify/notify.ts";
import type { EngineOptions } from "../options.ts";
import type { SpoolPool } from "../output/spool-pool.ts";
import type { Pulse } from "../poller.ts";

/** What runs need of the engine. */
export type RunsOptions = EngineOptions & { readonly notify: Notify };

/** What a run that is going on is made of, and whom it tells. */
export type RunJobOptions = {
  readonly engine: RunsOptions;
  readonly run: Run;
  readonly job: Job;
  /** As they are stored. */
  readonly taskRuns: readonly TaskRun[];
  /** Its attempts as they are stored; none of a run that begins. */
  readonly attempts: readonly Attempt[];
  /** Those that an earlier petit was making, and the process of each; null where it had not begun. */
  readonly adopted: readonly Adopted[];
  readonly pulse: Pulse;
  readonly spools: SpoolPool;
  readonly commits: Commits;
  /** Aborted when petit leaves: nothing is stored or told any more. */
  readonly left: AbortSignal;
  readonly onOutput: (run: Run) => void;
  /** Called once, when its end is stored. */
  readonly onEnd: (run: Run) => void;
};

export type Adopted = { readonly attempt: Attempt; readonly process: RunningProcess | null };
