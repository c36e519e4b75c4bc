import type { ErrorCode } from "../domain/errors.ts";

/**
 * The exit statuses of petit. `FAILED`: the operation failed, for example a run failed or a file is invalid. `USAGE`: the command
 * line or the configuration is wrong, or names something that does not exist. `UNREACHABLE`: no running petit answers.
 * `TAKEN`: another process holds the database or the port.
 */
export const EXIT = { DONE: 0, FAILED: 1, USAGE: 2, UNREACHABLE: 3, TAKEN: 4 } as const;
export type ExitStatus = (typeof EXIT)[keyof typeof EXIT];

/** The exit status of each error code. */
export const EXIT_OF_ERROR = {
  not_found: EXIT.USAGE,
  invalid_request: EXIT.USAGE,
  unusable_database: EXIT.USAGE,
  dependency_not_met: EXIT.FAILED,
  conflict: EXIT.FAILED,
  limit_reached: EXIT.FAILED,
  not_running: EXIT.FAILED,
  storage_failed: EXIT.FAILED,
  taken: EXIT.TAKEN,
} as const satisfies Record<ErrorCode, ExitStatus>;

/** An error of a command, with its message for the user and the exit status. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly status: ExitStatus;

  constructor(status: ExitStatus, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}
