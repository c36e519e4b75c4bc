import { PetitError } from "../../domain/errors.ts";
import type { JobFiles } from "../../jobfile/read/job-dir.ts";
import type { Reload } from "../engine.ts";
import type { Notify } from "../notify/notify.ts";
import type { EngineOptions } from "../options.ts";
import type { Runs } from "../run/runs.ts";
import type { Jobs } from "./jobs.ts";
import type { Agenda } from "./schedule-queue.ts";

export type ReloaderOptions = EngineOptions & {
  readonly jobs: Jobs;
  readonly runs: Runs;
  readonly agenda: Agenda;
  readonly notify: Notify;
  /** Throws `not_running`. */
  readonly assertRunning: () => void;
};

/** Reads the job files again, and puts what they say in the place of what was known. */
export class Reloader {
  readonly #options: ReloaderOptions;
  #reloading: Promise<Reload> = Promise.resolve({ jobs: 0, problems: [] });
  #failure: string | null = null;

  constructor(options: ReloaderOptions) {
    this.#options = options;
  }

  /** Why the last reload has not succeeded, or not yet; null where it has. */
  get failure(): string | null {
    return this.#failure;
  }

  /** One at a time: each reads the files as they are when it begins. It is repeated while the database can't be written. */
  reload(): Promise<Reload> {
    this.#reloading = this.#reloading.catch(() => {}).then(() => this.#reload());
    return this.#reloading;
  }

  async #reload(): Promise<Reload> {
    const { log, readJobs, runs, jobs, notify, assertRunning } = this.#options;
    const { outage } = runs.commits;
    try {
      assertRunning();
      const files = await readJobs();
      if (outage.isLocked) this.#failure = messageOf(outage.error);
      await runs.commits.untilStored(() => jobs.leaveLargeSchedules(files));
      await runs.commits.untilStored(() => this.#replace(files));
    } catch (error) {
      if (runs.left.aborted) assertRunning();
      if (!isRefusal(error)) this.#failure = messageOf(error);
      throw error;
    }
    this.#failure = null;
    const { problems, all } = jobs;
    notify.check(all.values());
    log.info({ jobs: all.size, problems: problems.length }, "the job files were read again");
    return { jobs: all.size, problems };
  }

  /** What is stored, what is shown and what fires change together, or not at all. */
  #replace(files: JobFiles): void {
    const { store, clock, jobs, agenda, assertRunning } = this.#options;
    assertRunning();
    try {
      const status = files.problems.length === 0 ? "ok" : "degraded";
      jobs.replace(files, () => store.events.record({ type: "jobs.reloaded", now: clock.now(), status }));
    } catch (error) {
      this.#failure = messageOf(error);
      throw error;
    }
    agenda.set(jobs.all.values(), clock.now());
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const isRefusal = (error: unknown): boolean => error instanceof PetitError && error.code === "not_running";
