import type { Run } from "../../domain/run.ts";
import { sleep } from "../../lib/clock.ts";
import type { AddHooks, TransactionHooks, TransactionWork } from "../commits.ts";
import { internalErrorText } from "../internal-errors.ts";
import type { RunServices } from "./services.ts";

export type RunFaultsOptions = {
  readonly services: RunServices;
  readonly run: () => Run;
  /** Aborted when the end of the run is stored. */
  readonly over: AbortSignal;
  /** Ends the run as it is, within the current transaction. Does nothing if its end is stored already. */
  readonly storeFault: (error: unknown) => TransactionHooks;
};

/** Bounds of the delay between attempts to end a run whose end the database refuses, in ms. */
const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 60_000;

/** Handles errors of petit itself at one run, so that the run ends. Other runs continue. */
export class RunFaults {
  readonly #options: RunFaultsOptions;
  /** Aborted to try at once to store what the database has refused. */
  #retryNow = new AbortController();

  constructor(options: RunFaultsOptions) {
    this.#options = options;
  }

  /** Calls `work` at once, and ends the run if it throws. After the engine has detached, errors are expected. */
  async guard(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!this.#options.over.aborted) return await this.endFaulty(error);
      this.log(error, "cannot do what follows from the end of a run");
      if (!this.#options.services.detach.aborted) this.note(internalErrorText(error));
    }
  }

  /** Logs the error if `work` throws. The run goes on. */
  async logFailure(message: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.log(error, message);
    }
  }

  /**
   * Ends the run because of an error of petit itself, after `work` was tried once more. As long as the database refuses even that, the
   * run stays as it is, and petit says so and tries it again.
   */
  async endFaulty(error: unknown, work: TransactionWork<void> | null = null): Promise<void> {
    const { services, over, storeFault } = this.#options;
    const { commits, detach, internalErrors, clock } = services;
    const end = (addHooks: AddHooks): void => addHooks(storeFault(error));
    for (let delayMs = FIRST_DELAY_MS; !detach.aborted; delayMs = Math.min(2 * delayMs, LONGEST_DELAY_MS)) {
      this.log(error);
      for (const each of work === null ? [end] : [work, end]) {
        try {
          await commits.retryUntilStored(() => commits.commit(each));
          return internalErrors.unblock(this.#subject);
        } catch (again) {
          if (detach.aborted) return;
          internalErrors.block(this.#subject, { error: again, now: clock.now() });
        }
      }
      await sleep(clock, delayMs, AbortSignal.any([detach, over, this.#retryNow.signal]));
      if (over.aborted) return;
    }
  }

  /** Tries at once to store what the database has refused. */
  retryNow(): void {
    this.#retryNow.abort();
    this.#retryNow = new AbortController();
  }

  /** Notes that a task or the run has ended because of an error of petit itself, so that health and attention say so. */
  note(error: string): void {
    const { internalErrors, clock } = this.#options.services;
    internalErrors.note(this.#subject, { error, now: clock.now() });
  }

  log(error: unknown, message = "cannot continue a run"): void {
    const { log, detach } = this.#options.services;
    const { jobId, runId } = this.#subject;
    if (!detach.aborted) log.error({ err: error, job_id: jobId, run_id: runId }, message);
  }

  get #subject() {
    const { id, jobId } = this.#options.run();
    return { jobId, runId: id };
  }
}
