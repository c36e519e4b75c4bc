import type { AttemptOutcome } from "../../domain/task-run.ts";

/** The reason why a process can't be started. `code` is an error code of the system, such as ENOENT. */
export class SpawnError extends Error {
  override readonly name = "SpawnError";
  readonly code: string;
  /** The search path, of a program that it does not have. */
  readonly path: string | null;

  constructor(code: string, message: string, path: string | null = null) {
    super(message);
    this.code = code;
    this.path = path;
  }
}

/** Returns the outcome of an attempt whose process can't be started. `error` is a sentence. */
export const spawnFailed = (error: string): AttemptOutcome => ({
  status: "failed",
  reason: "spawn_failed",
  error,
  exitCode: null,
  signal: null,
});
