import { PetitError } from "../../domain/errors.ts";
import type { ReloadRequest } from "../../domain/versions/version.ts";
import { errorMessage } from "../../lib/error-message.ts";
import type { Commits } from "../commits.ts";
import type { Reload } from "../engine.ts";
import type { Notifier } from "../notify/notifier.ts";
import type { EngineOptions, ReadJobFiles } from "../options.ts";
import type { Jobs } from "./jobs.ts";
import type { ScheduleQueue } from "./schedule-queue.ts";

export type ReloaderOptions = Pick<EngineOptions, "store" | "clock" | "log"> & {
  readonly jobs: Jobs;
  readonly commits: Commits;
  readonly scheduleQueue: ScheduleQueue;
  readonly notifier: Notifier;
  /** Aborted when the engine detaches. */
  readonly detach: AbortSignal;
  /** Throws `not_running`. */
  readonly assertRunning: () => void;
  /** Called after each successful reload, which ends when that has. */
  readonly onReloaded: () => Promise<void>;
};

/** Reads the job files again and replaces the current jobs. */
export class Reloader {
  readonly #options: ReloaderOptions;
  #reloading: Promise<Reload> = Promise.resolve({ jobs: 0, problems: [] });
  #failure: string | null = null;

  constructor(options: ReloaderOptions) {
    this.#options = options;
  }

  /** Why the last reload failed or is being retried; null if it succeeded. */
  get failure(): string | null {
    return this.#failure;
  }

  /**
   * Reloads for `request`, one call after the other. Each call reads the files when it begins. Retries while the database can't be
   * written.
   */
  reload(request: ReloadRequest): Promise<Reload> {
    this.#reloading = this.#reloading.catch(() => {}).then(() => this.#reload(request));
    return this.#reloading;
  }

  async #reload(request: ReloadRequest): Promise<Reload> {
    const { log, commits, jobs, notifier, detach, assertRunning, onReloaded } = this.#options;
    const { outage } = commits;
    try {
      assertRunning();
      const files = await jobs.read();
      if (outage.isLocked) this.#failure = errorMessage(outage.error);
      await commits.retryUntilStored(() => jobs.accountForBacklogs(files));
      await commits.retryUntilStored(() => this.#replace(files, request));
    } catch (error) {
      if (detach.aborted) assertRunning();
      if (!isRefusal(error)) this.#failure = errorMessage(error);
      throw error;
    }
    this.#failure = null;
    const { problems, all } = jobs;
    notifier.warnOfMissingSecrets(all.values());
    await onReloaded();
    log.info({ jobs: all.size, problems: problems.length }, "reloaded the job files");
    return { jobs: all.size, problems };
  }

  /** Replaces the stored jobs, the jobs in memory and the schedule queue together, or none of them. */
  #replace(files: ReadJobFiles, request: ReloadRequest): void {
    const { store, clock, jobs, scheduleQueue, assertRunning } = this.#options;
    assertRunning();
    try {
      const status = files.problems.length === 0 ? "ok" : "degraded";
      jobs.replace(files, request, () => store.events.record({ type: "jobs.reloaded", now: clock.now(), status }));
    } catch (error) {
      this.#failure = errorMessage(error);
      throw error;
    }
    scheduleQueue.set(jobs.all.values(), clock.now());
  }
}

const isRefusal = (error: unknown): boolean => error instanceof PetitError && error.code === "not_running";
