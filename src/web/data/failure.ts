/** What petit refused, or that it could not be asked at all. */
export class ApiFailure extends Error {
  /** HTTP status; 0 where petit did not answer. */
  readonly status: number;
  /** petit's own word, such as `NOT_FOUND`; `UNREACHABLE` where it did not answer. */
  readonly code: string;

  constructor(status: number, code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ApiFailure";
    this.status = status;
    this.code = code;
  }

  static unreachable(cause: unknown): ApiFailure {
    return new ApiFailure(0, "UNREACHABLE", "petit does not answer", { cause });
  }
}

export const failureOf = (status: number, body: unknown): ApiFailure => {
  // A proxy in between answers in its own words.
  if (typeof body !== "object" || body === null || !("error" in body) || !("code" in body)) {
    const isAway = status === 0 || status === 502 || status === 503 || status === 504 || status === 500;
    return new ApiFailure(status, isAway ? "UNREACHABLE" : "UNKNOWN", `petit does not answer (status ${status})`);
  }
  return new ApiFailure(status, String(body.code), String(body.error));
};

export const isNotFound = (error: unknown): boolean => error instanceof ApiFailure && error.code === "NOT_FOUND";
