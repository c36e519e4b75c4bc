import type { RunId } from "../../domain/ids.ts";
import type { BlockedAttempt, Dispatch, WorkerWait } from "../../domain/workers/waiting.ts";
import type { WorkerView } from "../../domain/workers/worker.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import type { Store } from "../../store/store.ts";
import type { AttemptDriver } from "../attempt/driver.ts";
import type { EnsureFiles } from "../attempt/ensure-files.ts";
import type { Commits } from "../commits.ts";

/** Attempts on other machines, as the engine sees them. */
export interface RemoteWorkers {
  readonly driver: AttemptDriver;
  /** Starts the connection to the workers. Call it after the runs of the previous process were adopted. */
  start(): void;
  readonly dispatch: Dispatch;
  /** The known workers, by name. */
  readonly workers: readonly WorkerView[];
  /** Returns the attempts that wait for a worker, of all runs or of one; the oldest first. */
  listWaits(runId?: RunId): readonly WorkerWait[];
  /** Returns the attempts, of all runs or of one, that NATS or petit's disk keeps from reaching a worker, or from ending. */
  listBlocked(runId?: RunId): readonly BlockedAttempt[];
  /** Drains a worker, or lets it take work again. Throws `not_found`. */
  setDrained(name: string, drained: boolean, by: string | null): void;
  /** Removes a worker from the list. Throws `not_found`, and `conflict` if it is connected or holds attempts. */
  forget(name: string): void;
  onDispatched(listener: (latencyMs: number) => void): () => void;
}

export type RemoteWorkersParts = {
  readonly store: Store;
  readonly commits: Commits;
  readonly clock: Clock;
  readonly log: Log;
  readonly ensureFiles: EnsureFiles;
  /** Aborted when the engine detaches. */
  readonly detach: AbortSignal;
  /** Called when what a run waits for may have changed. */
  readonly onWaitChange: (runId: RunId) => void;
};

/** Creates the part of the engine that communicates with workers. It is loaded only in a petit that has workers. */
export type CreateRemoteWorkers = (parts: RemoteWorkersParts) => RemoteWorkers;
