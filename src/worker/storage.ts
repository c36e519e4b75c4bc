import { rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PetitError } from "../domain/errors.ts";
import type { Clock } from "../lib/clock.ts";
import { errorMessage } from "../lib/error-message.ts";
import type { Log } from "../lib/log.ts";
import { formatRoundedSize } from "../lib/size.ts";
import type { Store } from "../store/store.ts";

export type StorageOptions = {
  /** The folder of everything that the worker stores. */
  readonly stateDir: string;
  readonly store: Pick<Store, "probe">;
  readonly clock: Pick<Clock, "now">;
  readonly log: Log;
};

/** With less free space than this, the next attempt may not fit. */
const MIN_FREE_BYTES = 2 ** 20;

/** Size of the file that proves that the disk accepts writes again. */
const PROBE_BYTES = 65_536;

/** Errors of the file system that concern everything that is written to it. */
const UNWRITABLE: ReadonlySet<unknown> = new Set(["ENOSPC", "EDQUOT", "EROFS", "EIO"]);

/** Knows whether the worker can store what it takes. One that can't takes nothing, and tells the scheduler why. */
export class Storage {
  readonly #options: StorageOptions;
  /** Why the last write failed; null if it did not. */
  #failure: string | null = null;
  #isLogged = false;

  constructor(options: StorageOptions) {
    this.#options = options;
  }

  /** Notes that something could not be stored. Returns false if `error` has another cause. */
  noteFailure(error: unknown): boolean {
    const isStorage =
      (error instanceof PetitError && error.code === "storage_failed") ||
      (error instanceof Error && "code" in error && UNWRITABLE.has(error.code));
    if (isStorage) this.#failure = error.message;
    return isStorage;
  }

  /** Returns why nothing can be stored, or null. After a failure, it tries to write. */
  check(): string | null {
    const problem = this.#freeSpaceProblem() ?? (this.#failure === null ? null : this.#probe());
    if (problem === null) this.#failure = null;
    this.#logChange(problem);
    return problem;
  }

  #freeSpaceProblem(): string | null {
    const { stateDir } = this.#options;
    try {
      const { bsize, bavail, bfree, blocks } = statfsSync(stateDir);
      // Some file systems report nothing. Only root may use what is reserved.
      const free = bsize * (process.geteuid?.() === 0 ? bfree : bavail);
      if (blocks === 0 || free >= MIN_FREE_BYTES) return null;
      return `the disk of ${stateDir} is full: ${formatRoundedSize(free)} are free, and ${formatRoundedSize(MIN_FREE_BYTES)} are needed`;
    } catch (error) {
      return errorMessage(error);
    }
  }

  #probe(): string | null {
    const { stateDir, store, clock } = this.#options;
    const file = join(stateDir, "probe");
    try {
      store.probe(clock.now());
      writeFileSync(file, new Uint8Array(PROBE_BYTES), { mode: 0o600 });
      return null;
    } catch (error) {
      return errorMessage(error);
    } finally {
      rmSync(file, { force: true });
    }
  }

  #logChange(problem: string | null): void {
    const { log, stateDir } = this.#options;
    if (problem !== null && !this.#isLogged)
      log.error({ folder: stateDir, problem }, "the worker can't store anything, so it takes no work");
    if (problem === null && this.#isLogged) log.info({ folder: stateDir }, "the worker can store again");
    this.#isLogged = problem !== null;
  }
}
