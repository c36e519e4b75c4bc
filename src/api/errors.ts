import { ParseError, ValidationError } from "elysia";
import { type ErrorCode, type ErrorDetails, PetitError } from "../domain/errors.ts";
import { describeInvalidRequest } from "./invalid-request.ts";
import { detailsBody } from "./shapes/error-details.ts";
import { FAILURE_STATUS, type FailureCode } from "./shapes/failure.ts";

type ApiErrorOptions = {
  /** Headers of the answer. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly details?: ErrorDetails | null;
};

/** An error as a client sees it. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly failure: FailureCode;
  readonly headers: Readonly<Record<string, string>>;
  readonly details: ErrorDetails | null;

  constructor(failure: FailureCode, message: string, { headers = {}, details = null }: ApiErrorOptions = {}) {
    super(message);
    this.failure = failure;
    this.headers = headers;
    this.details = details;
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

/** Converts any error to one that a client may see. An unexpected error becomes `INTERNAL_ERROR` without its message. */
export const toApiError = (error: unknown): ApiError => {
  if (error instanceof ApiError) return error;
  if (error instanceof PetitError) return fromPetitError(error);
  if (error instanceof ValidationError) return fromValidationError(error);
  if (error instanceof ParseError) return toApiError(error.cause);
  return internalError();
};

const fromPetitError = ({ code, message, details }: PetitError): ApiError => {
  const failure = FAILURE_OF[code];
  return failure === "INTERNAL_ERROR"
    ? internalError()
    : new ApiError(failure, message, { headers: RETRY_AFTER[failure] ?? {}, details });
};

/** A malformed id in the path is a 404. A response that doesn't fit its schema is an error of petit. */
const fromValidationError = (error: ValidationError): ApiError => {
  if (error.type === "response") return internalError();
  const { message, details } = describeInvalidRequest(error);
  return new ApiError(error.type === "params" ? "NOT_FOUND" : "INVALID_REQUEST", message, { details });
};

const internalError = (): ApiError =>
  new ApiError(
    "INTERNAL_ERROR",
    "internal error; the log of petit has the cause under the X-Request-Id of this answer",
  );

/** Returns the error for a query parameter whose value conflicts with another one. */
export const invalidQuery = (name: string, problem: string): ApiError =>
  new ApiError("INVALID_REQUEST", `query parameter '${name}': ${problem}`, {
    details: { reason: "invalid_value", in: "query", name, problem },
  });

/** Returns the error for a field of the body whose value conflicts with another one. */
export const invalidBody = (name: string, problem: string): ApiError =>
  new ApiError("INVALID_REQUEST", `body field '${name}': ${problem}`, {
    details: { reason: "invalid_value", in: "body", name, problem },
  });

/** Returns the error for a method that a path does not have; `allowed` are the methods that it has. */
export const methodNotAllowed = (method: string, path: string, allowed: readonly string[]): ApiError =>
  new ApiError("METHOD_NOT_ALLOWED", `${method} is not a method of ${path}; expected ${allowed.join(" or ")}`, {
    headers: { allow: allowed.join(", ") },
  });

const RETRY_AFTER: Partial<Record<FailureCode, { readonly "retry-after": string }>> = {
  TOO_MANY_REQUESTS: { "retry-after": "1" },
  SERVICE_UNAVAILABLE: { "retry-after": "5" },
};

/** Encodes an error in the one shape that all failures have. Half a surrogate pair in a text is replaced: not every client can read it. */
export const failureResponse = ({ message, failure, headers, details }: ApiError): Response =>
  new Response(
    JSON.stringify(
      { error: message, code: failure, ...(details === null ? {} : { details: detailsBody(details) }) },
      (_key, value: unknown) => (typeof value === "string" ? value.toWellFormed() : value),
    ),
    { status: FAILURE_STATUS[failure], headers: { "content-type": "application/json;charset=utf-8", ...headers } },
  );
