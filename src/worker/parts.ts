import type { UsageSource } from "../domain/usage.ts";
import type { Cgroups } from "../engine/attempt/cgroup/cgroups.ts";
import type { TaskUser } from "../engine/attempt/user/task-user.ts";
import type { Commits } from "../engine/commits.ts";
import type { EngineOptions } from "../engine/options.ts";
import type { SpoolPool } from "../engine/output/spool-pool.ts";
import type { Poller } from "../engine/poller.ts";
import type { SecretKey } from "../engine/secrets/secret-key.ts";
import type { Requests } from "./contact/requests.ts";
import type { Guard } from "./lease/guard.ts";
import type { OfferedFiles } from "./offers/files.ts";
import type { Storage } from "./storage.ts";
import type { WorkerTransport } from "./transport.ts";

/** The parts of a worker that its attempts use. */
export type WorkerParts = Pick<
  EngineOptions,
  "store" | "runtime" | "clock" | "log" | "spoolDir" | "artifactsDir" | "ownFolders"
> & {
  /** The variables that tasks inherit. */
  readonly taskEnvironment: EngineOptions["environment"];
  /** All variables of the worker's own process, from which it reads secrets. */
  readonly fullEnvironment: EngineOptions["environment"];
  /** The working directory of the worker, to which paths of jobs are relative. */
  readonly folder: string;
  /** The user that tasks without `run_as` run as; null for the worker's own. */
  readonly user: TaskUser | null;
  readonly usage: UsageSource;
  readonly runAsAllowed: readonly string[];
  readonly commits: Commits;
  readonly poller: Poller;
  readonly spools: SpoolPool;
  readonly cgroups: Cgroups;
  readonly secretKey: SecretKey;
  readonly guard: Guard;
  readonly storage: Storage;
  readonly files: OfferedFiles;
  readonly transport: WorkerTransport;
  readonly requests: Requests;
  /** Aborted when the worker detaches: it stores and sends nothing more, and processes continue. */
  readonly detach: AbortSignal;
};
