import type { ErrorCode } from "../domain/errors.ts";

/**
 * What petit's exit statuses mean: `DONE`; `FAILED` what was asked for failed (a run failed, a file is invalid);
 * `USAGE` the command line or the configuration is wrong, or names what isn't there; `UNREACHABLE` no scheduler
 * answers; `TAKEN` another one holds the database or the port.
 */
export const EXIT = { DONE: 0, FAILED: 1, USAGE: 2, UNREACHABLE: 3, TAKEN: 4 } as const;
export type ExitStatus = (typeof EXIT)[keyof typeof EXIT];

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
