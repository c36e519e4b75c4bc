import type { TaskType } from "../domain/job.ts";
import type { TaskUser } from "../engine/attempt/task-user.ts";
import type { EngineOptions } from "../engine/options.ts";
import type { PublicKey } from "../lib/wire/signing.ts";
import type { WorkerTransport } from "./transport.ts";

export type WorkerOptions = Pick<EngineOptions, "store" | "runtime" | "clock" | "log" | "spoolDir" | "artifactsDir"> & {
  readonly name: string;
  readonly labels: readonly string[];
  readonly slots: number;
  /** The types of tasks that it runs; null for all. */
  readonly allowedTypes: readonly TaskType[] | null;
  /** The keys of which one signs an offer. */
  readonly trust: readonly PublicKey[];
  readonly transport: WorkerTransport;
  readonly stateDir: string;
  /** The working directory, to which paths of jobs are relative. */
  readonly folder: string;
  /** petit's environment. */
  readonly environment: EngineOptions["environment"];
  /** The user that tasks run as; null for the worker's own. */
  readonly user: TaskUser | null;
  /** Where it runs, for people. */
  readonly address: string;
  /** petit's version. */
  readonly version: string;
  /** How long a drain waits for attempts to end, and for the scheduler to have everything about them, in ms. */
  readonly shutdownTimeoutMs: number;
  readonly killGraceMs: number;
};
