import type { Json } from "../lib/json.ts";
import type { Dependency } from "./dependency.ts";
import type { TaskCondition } from "./graph.ts";
import type { JobId, TaskId } from "./ids.ts";
import type { NotifyTarget } from "./notification.ts";
import type { Retry } from "./retry.ts";
import type { ScheduleSpec } from "./schedule/schedule.ts";

/** How a task's process is made. */
export const TASK_TYPES = ["command", "shell", "python", "typescript"] as const;
export type TaskType = (typeof TASK_TYPES)[number];

/** What a scheduled occurrence does when the job is at its limit: `skip` it, `queue` it, or `replace` the oldest run. */
export const OVERLAP_POLICIES = ["skip", "queue", "replace"] as const;
export type OverlapPolicy = (typeof OVERLAP_POLICIES)[number];

/** What becomes of a run one of whose attempts was lost: it goes on and ends `interrupted`, or the attempt is made anew. */
export const INTERRUPT_POLICIES = ["fail", "rerun"] as const;
export type InterruptPolicy = (typeof INTERRUPT_POLICIES)[number];

/**
 * A definition, as a job file gives it and as the database keeps it: plain data that survives JSON unchanged.
 * Durations are in ms; null means "not given", and the default is the setting's.
 */
export type Job = {
  readonly id: JobId;
  readonly name: string;
  readonly description: string | null;
  readonly enabled: boolean;
  readonly schedule: ScheduleSpec | null;
  /** Concurrent runs of this job; null is unlimited. */
  readonly maxConcurrency: number | null;
  readonly onOverlap: OverlapPolicy;
  /** Of the whole run. */
  readonly timeoutMs: number | null;
  /** Between SIGTERM and SIGKILL. */
  readonly killGraceMs: number | null;
  /** Null: the setting's. */
  readonly onInterrupt: InterruptPolicy | null;
  readonly dependsOn: readonly Dependency[];
  readonly config: { readonly [key: string]: Json };
  readonly params: { readonly [name: string]: Param };
  readonly environment: Environment;
  readonly inheritEnvironment: boolean;
  readonly retention: { readonly runs: number | null; readonly days: number | null };
  /** Left out where there is none, as in definitions that were stored before there were any. */
  readonly notify?: readonly NotifyTarget[];
  readonly tasks: readonly Task[];
  readonly source: Source;
};

export type Environment = { readonly [name: string]: string };

/** Where a definition stands: the file's path relative to JOBS_DIR, the line from 1, and the absolute folder of the file. */
export type Source = {
  readonly file: string;
  readonly line: number;
  readonly folder: string;
  /**
   * What is written there, with secrets hidden, and the line on which that begins, which may be a comment's. Left out
   * where it isn't known, as in definitions that were stored before it was.
   */
  readonly document?: { readonly text: string; readonly line: number };
};

/** A value that a trigger may pass. */
export type Param = {
  readonly description: string | null;
  readonly default: string | null;
  readonly required: boolean;
  readonly enum: readonly string[] | null;
  /** A regular expression in JavaScript's syntax, matched with its `u` flag; anchor it to match the whole. */
  readonly pattern: string | null;
};

export type Task = {
  readonly id: TaskId;
  readonly name: string;
  readonly dependsOn: readonly TaskId[];
  readonly condition: TaskCondition;
  readonly program: Program;
  /** May hold templates. */
  readonly args: readonly string[];
  /** As written, relative to the job file's folder, and may hold templates; null is petit's own working directory. */
  readonly workingDir: string | null;
  /** May hold templates. */
  readonly stdin: string | null;
  /** Values may hold templates. */
  readonly environment: Environment;
  readonly timeoutMs: number | null;
  readonly retry: Retry | null;
};

/** What a task runs, before its `args`. */
export type Program =
  | { readonly type: "command"; readonly command: string }
  | { readonly type: "shell"; readonly script: string; readonly shell: readonly string[] }
  | { readonly type: "python" | "typescript"; readonly inline: true; readonly text: string }
  /** `file` as written: looked for in the job file's folder, then in the task's working directory. */
  | { readonly type: "python" | "typescript"; readonly inline: false; readonly file: string };

/** The task of a job; throws where it has none of that id. */
export const taskOf = (job: Job, taskId: TaskId): Task => {
  const task = job.tasks.find(({ id }) => id === taskId);
  if (task === undefined) throw new Error(`job ${job.id} has no task '${taskId}'`);
  return task;
};
