import { ParseError, ValidationError } from "elysia";
import { type ErrorCode, PetitError } from "../domain/errors.ts";
import { describeMismatch } from "./mismatch.ts";

/** The codes of failures that a client can meet; each goes with one status. */
export const FAILURE_STATUS = {
  INVALID_REQUEST: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  CONFLICT: 409,
  PAYLOAD_TOO_LARGE: 413,
  TOO_MANY_REQUESTS: 429,
  INTERNAL_ERROR: 500,
  SERVICE_UNAVAILABLE: 503,
} as const;
export type FailureCode = keyof typeof FAILURE_STATUS;

/** A failure that the API itself finds, before or beside the engine. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly failure: FailureCode;
  /** Sent with the answer. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(failure: FailureCode, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.failure = failure;
    this.headers = headers;
  }
}

const FAILURE_OF = {
  not_found: "NOT_FOUND",
  dependency_not_met: "CONFLICT",
  conflict: "CONFLICT",
  limit_reached: "TOO_MANY_REQUESTS",
  not_running: "SERVICE_UNAVAILABLE",
  invalid_request: "INVALID_REQUEST",
  unusable_database: "INTERNAL_ERROR",
  taken: "INTERNAL_ERROR",
  storage_failed: "SERVICE_UNAVAILABLE",
} as const satisfies Record<ErrorCode, FailureCode>;

/** Any error as what a client may know of it: an error that nobody foresaw tells nothing but that it happened. */
export const toApiError = (error: unknown): ApiError => {
  if (error instanceof ApiError) return error;
  if (error instanceof PetitError) return fromPetitError(error);
  if (error instanceof ValidationError) return fromMismatch(error);
  if (error instanceof ParseError) return toApiError(error.cause);
  return internal();
};

const fromPetitError = (error: PetitError): ApiError => {
  const failure = FAILURE_OF[error.code];
  return failure === "INTERNAL_ERROR" ? internal() : new ApiError(failure, error.message, RETRY_AFTER[failure]);
};

/** In a path, an id that can't be one is an id that isn't there. A response that doesn't fit is petit's own fault. */
const fromMismatch = (error: ValidationError): ApiError => {
  if (error.type === "response") return internal();
  const message = describeMismatch(error);
  return error.type === "params" ? new ApiError("NOT_FOUND", message) : new ApiError("INVALID_REQUEST", message);
};

const internal = (): ApiError =>
  new ApiError(
    "INTERNAL_ERROR",
    "something went wrong in petit; its log tells more under the X-Request-Id of this answer",
  );

/** Seconds. */
const RETRY_AFTER: Partial<Record<FailureCode, Readonly<Record<string, string>>>> = {
  TOO_MANY_REQUESTS: { "retry-after": "1" },
  SERVICE_UNAVAILABLE: { "retry-after": "5" },
};

/** The one shape of every failure. A message that quotes half of a surrogate pair would be JSON that many can't read. */
export const failureResponse = (error: ApiError): Response =>
  Response.json(
    { error: error.message.toWellFormed(), code: error.failure },
    { status: FAILURE_STATUS[error.failure], headers: error.headers },
  );
