/** Kinds of failure a caller can tell apart; the API makes statuses of them, the command line exit statuses. */
export type ErrorCode =
  /** A job, a run or an attempt that isn't there. */
  | "not_found"
  /** A gate on another job is shut. */
  | "dependency_not_met"
  /** What was asked doesn't fit the state of things: a retry of a run that still runs, a key used for another request. */
  | "conflict"
  /** A limit of concurrent runs is reached. */
  | "limit_reached"
  /** petit is starting or stopping. */
  | "not_running"
  /** A value that doesn't fit: an unknown param, a wrong limit. */
  | "invalid_request"
  /** The database can't be opened as it is: foreign, newer, broken. */
  | "unusable_database"
  /** Another petit holds the database or the port. */
  | "taken"
  /** The database can't be written at the moment: a full disk, an I/O error. */
  | "storage_failed";

export class PetitError extends Error {
  override readonly name = "PetitError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
