import type { TaskType } from "../domain/job.ts";
import type { UsageSource } from "../domain/usage.ts";
import type { TaskUser } from "../engine/attempt/user/task-user.ts";
import type { EngineOptions } from "../engine/options.ts";
import type { PublicKey } from "../lib/wire/signing.ts";
import type { WorkerTransport } from "./transport.ts";

export type WorkerOptions = Pick<
  EngineOptions,
  "store" | "runtime" | "clock" | "log" | "spoolDir" | "secretKeyFile" | "artifactsDir" | "ownFolders" | "cgroups"
> & {
  readonly name: string;
  readonly labels: readonly string[];
  readonly slots: number;
  /** The types of tasks that it runs; null for all. */
  readonly allowedTypes: readonly TaskType[] | null;
  /** The trusted keys. One of them must have signed an offer. */
  readonly trust: readonly PublicKey[];
  readonly transport: WorkerTransport;
  readonly stateDir: string;
  /** See `WorkerProcess`. */
  readonly processFile: string;
  /** The working directory, to which paths of jobs are relative. */
  readonly folder: string;
  /** petit's environment. */
  readonly environment: EngineOptions["environment"];
  /** The user that tasks without `run_as` run as; null for the worker's own. */
  readonly user: TaskUser | null;
  /** How what attempts use is measured. Default: `wait`. */
  readonly usage?: UsageSource;
  /** The users that tasks may name in `run_as`. Default: none. */
  readonly runAsAllowed?: readonly string[];
  /** The host name or address of the worker, to display. */
  readonly address: string;
  /** petit's version. */
  readonly version: string;
  /** How long a drain waits until all attempts have ended and are handed over, in ms. */
  readonly shutdownTimeoutMs: number;
  readonly killGraceMs: number;
};
