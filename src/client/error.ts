import type { DetailsBody } from "../api/shapes/error-details.ts";
import type { FailureCode } from "../api/shapes/failure.ts";

/**
 * Why a request failed:
 * - `unreachable`: petit did not answer. Another attempt can succeed.
 * - `refused`: petit answered with an error.
 * - `foreign`: something other than petit answered.
 */
export type RequestFailure =
  | {
      readonly kind: "unreachable";
      /** `gateway`: a proxy answered in place of petit; `broken`: a stream ended before its end. */
      readonly why: "no_connection" | "timeout" | "gateway" | "broken";
      /** The response of the proxy, if there is one. */
      readonly response: ResponseSummary | null;
    }
  | {
      readonly kind: "refused";
      readonly status: number;
      readonly code: FailureCode;
      readonly message: string;
      /** The data of the error, as petit sent it; null if it has none. */
      readonly details: DetailsBody | null;
    }
  | { readonly kind: "foreign"; readonly response: ResponseSummary };

export type ResponseSummary = {
  readonly status: number;
  /** Origin and path, without the query. */
  readonly url: string;
  /** Media type without parameters; null if the response has none. */
  readonly contentType: string | null;
};

/** A request to petit that failed. */
export class ClientError extends Error {
  override readonly name = "ClientError";
  readonly failure: RequestFailure;

  constructor(failure: RequestFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.failure = failure;
  }
}

/** Returns true if petit refused the request with this code. */
export const isRefused = (error: unknown, code: FailureCode): boolean =>
  error instanceof ClientError && error.failure.kind === "refused" && error.failure.code === code;

/** Returns null if petit does not know the path, or does not have what it names. */
export const ifFound = async <Body>(answer: Promise<Body>): Promise<Body | null> => {
  try {
    return await answer;
  } catch (error) {
    if (isRefused(error, "NOT_FOUND")) return null;
    throw error;
  }
};

/** Returns null if petit does not have what is asked for, or does not show it to this person. */
export const ifShown = async <Body>(answer: Promise<Body>): Promise<Body | null> => {
  try {
    return await ifFound(answer);
  } catch (error) {
    if (isRefused(error, "FORBIDDEN")) return null;
    throw error;
  }
};

/** Returns true if petit did not answer. */
export const isUnreachable = (error: unknown): boolean =>
  error instanceof ClientError && error.failure.kind === "unreachable";

/** Returns true if the same request can succeed later: petit is away, starting or stopping. */
export const isTemporary = (error: unknown): boolean => isUnreachable(error) || isRefused(error, "SERVICE_UNAVAILABLE");

/** Returns a message without an address or advice. */
export const failureMessage = (failure: RequestFailure): string => {
  switch (failure.kind) {
    case "unreachable":
      return UNREACHABLE_MESSAGES[failure.why];
    case "refused":
      return failure.message;
    case "foreign":
      return `the response is not from petit (status ${failure.response.status})`;
  }
};

const UNREACHABLE_MESSAGES = {
  no_connection: "petit does not answer",
  timeout: "petit did not answer in time",
  gateway: "a proxy answers, but petit does not",
  broken: "petit closed the connection",
} as const;
