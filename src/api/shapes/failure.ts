import { type TSchema, t } from "elysia";
import {
  BackfillEnded,
  EditingOff,
  FileChanged,
  FileIsLink,
  FileNotWritable,
  GatesShut,
  GoneJob,
  HookRefused,
  InvalidValue,
  JobFileProblems,
  KeyReused,
  LimitReachedBody,
  MarkChanged,
  NoDigest,
  NoSchedule,
  NoSuchBackfill,
  NoSuchDelivery,
  NoSuchEntry,
  NoSuchJob,
  NoSuchRun,
  NoSuchToken,
  NoSuchWorker,
  NoTaggedJob,
  NotAsking,
  NothingToBackfill,
  NotLoggedIn,
  NotRunning,
  NoWorkers,
  ReplayRefused,
  RetryRefused,
  SearchOff,
  StorageFailed,
  TaskBlocked,
  TokenNameTaken,
  TooManyOccurrences,
  WorkerInUse,
} from "./error-details.ts";
import { exactly } from "./schemas.ts";

/** Codes of the failures that a client can meet, with the HTTP status of each. */
export const FAILURE_STATUS = {
  INVALID_REQUEST: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  REQUEST_TIMEOUT: 408,
  CONFLICT: 409,
  PAYLOAD_TOO_LARGE: 413,
  RANGE_NOT_SATISFIABLE: 416,
  TOO_MANY_REQUESTS: 429,
  INTERNAL_ERROR: 500,
  SERVICE_UNAVAILABLE: 503,
} as const;
export type FailureCode = keyof typeof FAILURE_STATUS;

type FailureOptions<Code extends FailureCode, Details extends TSchema> = {
  readonly code: Code;
  readonly description: string;
  readonly example: { readonly error: string; readonly details?: Details["static"] };
  readonly details: Details;
};

const failure = <const Code extends FailureCode, Details extends TSchema>({
  code,
  description,
  example,
  details,
}: FailureOptions<Code, Details>) =>
  exactly(
    {
      error: t.String({ description: "What is wrong, as a sentence" }),
      code: t.Literal(code),
      details: t.Optional(details),
    },
    {
      title: failureTitle(code),
      description,
      examples: [{ error: example.error, code, ...(example.details && { details: example.details }) }],
    },
  );

/** A failure about which there is nothing to say beyond its code. */
const plainFailure = <const Code extends FailureCode>(code: Code, description: string, error: string) =>
  exactly(
    { error: t.String({ description: "What is wrong, as a sentence" }), code: t.Literal(code) },
    { title: failureTitle(code), description, examples: [{ error, code }] },
  );

/** Returns `NotFound` for `NOT_FOUND`. */
const failureTitle = (code: FailureCode): string =>
  code.toLowerCase().replaceAll(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase());

const details = <const Schemas extends TSchema[]>(...schemas: Schemas) =>
  t.Union(schemas, { description: "Data of the failure for programs; `reason` says which" });

/** The body of each failure. A test compares the examples with real answers. */
export const FAILURES = {
  INVALID_REQUEST: failure({
    code: "INVALID_REQUEST",
    description: "A parameter, a header or the body is invalid or unknown",
    example: {
      error: "query parameter 'limit': 'abc' is not a whole number from 1 to 1000",
      details: {
        reason: "invalid_value",
        in: "query",
        name: "limit",
        problem: "'abc' is not a whole number from 1 to 1000",
      },
    },
    details: details(InvalidValue, TooManyOccurrences, JobFileProblems),
  }),
  UNAUTHORIZED: failure({
    code: "UNAUTHORIZED",
    description: "petit requires a token or a login, and the request has none or a wrong one",
    example: { error: "a token is required: send it as 'Authorization: Bearer TOKEN'" },
    details: details(NotLoggedIn),
  }),
  FORBIDDEN: plainFailure(
    "FORBIDDEN",
    "The role of the token is too low, or petit is not served under the Host of the request, or a page of another site sent the request",
    "requests from 'https://example.com' are not allowed; --cors-origin allows an origin",
  ),
  NOT_FOUND: failure({
    code: "NOT_FOUND",
    description:
      "There is no such job, run, task, worker, token or path, or no job has the tag of a review, or no job file defines the job any more; a malformed id counts as unknown",
    example: {
      error: "job 'hello' was not found; did you mean 'hello_world'?",
      details: { reason: "job_not_found", job_id: "hello", suggestion: "hello_world" },
    },
    details: details(
      NoSuchJob,
      NoTaggedJob,
      GoneJob,
      NoSuchRun,
      NoSuchEntry,
      NoSuchDelivery,
      NoSuchBackfill,
      NoSuchWorker,
      NoSuchToken,
    ),
  }),
  METHOD_NOT_ALLOWED: plainFailure(
    "METHOD_NOT_ALLOWED",
    "The path exists, but not with this method; `Allow` lists the methods that it has",
    "DELETE is not a method of /api/jobs; expected GET or HEAD",
  ),
  REQUEST_TIMEOUT: plainFailure(
    "REQUEST_TIMEOUT",
    "The body of a webhook arrives too slowly",
    "the body did not arrive in time",
  ),
  CONFLICT: failure({
    code: "CONFLICT",
    description: "The request is valid, but conflicts with the current state",
    example: {
      error: "dependency not satisfied: 'upstream_job' has never run, but its last run must be completed",
      details: {
        reason: "gates_shut",
        gates: [{ job_id: "upstream_job", condition: "last_success", window_ms: null, newest_status: null }],
      },
    },
    details: details(
      GatesShut,
      KeyReused,
      RetryRefused,
      TaskBlocked,
      NotAsking,
      MarkChanged,
      NoWorkers,
      WorkerInUse,
      TokenNameTaken,
      NoDigest,
      ReplayRefused,
      HookRefused,
      NoSchedule,
      NothingToBackfill,
      BackfillEnded,
      EditingOff,
      SearchOff,
      FileChanged,
      FileIsLink,
      FileNotWritable,
    ),
  }),
  PAYLOAD_TOO_LARGE: plainFailure(
    "PAYLOAD_TOO_LARGE",
    "The body is larger than 1 MiB",
    "the body is larger than 1 MiB",
  ),
  RANGE_NOT_SATISFIABLE: plainFailure(
    "RANGE_NOT_SATISFIABLE",
    "The requested range begins after the end of the file; `Content-Range` has its size",
    "the range is outside of the file, which has 3 bytes",
  ),
  TOO_MANY_REQUESTS: failure({
    code: "TOO_MANY_REQUESTS",
    description: "A limit of concurrent runs is reached; `Retry-After` is in seconds",
    example: {
      error: "max concurrent runs exceeded: 'hello_world' has 1 of 1",
      details: { reason: "limit_reached", limit: "max_concurrency", job_id: "hello_world", max: 1, running: 1 },
    },
    details: details(LimitReachedBody),
  }),
  INTERNAL_ERROR: plainFailure(
    "INTERNAL_ERROR",
    "An error in petit; its log has the cause under the `X-Request-Id` of the answer",
    "internal error; the log of petit has the cause under the X-Request-Id of this answer",
  ),
  SERVICE_UNAVAILABLE: failure({
    code: "SERVICE_UNAVAILABLE",
    description: "petit is starting or stopping, or the database can't be written; `Retry-After` is in seconds",
    example: {
      error: "petit is stopping; try again in a moment",
      details: { reason: "not_running", state: "stopping" },
    },
    details: details(NotRunning, StorageFailed),
  }),
} as const satisfies { readonly [Code in FailureCode]: unknown };

type Failures<Code extends FailureCode> = {
  [Each in Code as (typeof FAILURE_STATUS)[Each]]: (typeof FAILURES)[Each];
};

/** Returns the responses of a route for these failures and for those that every route has, by HTTP status. */
export const failures = <const Code extends FailureCode = never>(...codes: readonly Code[]) =>
  Object.fromEntries([...codes, ...COMMON].map((code) => [FAILURE_STATUS[code], FAILURES[code]])) as Failures<
    Code | (typeof COMMON)[number]
  >;

const COMMON = ["UNAUTHORIZED", "FORBIDDEN", "INTERNAL_ERROR", "SERVICE_UNAVAILABLE"] as const;
