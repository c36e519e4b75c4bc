import type { FailureCode } from "../../api/shapes/failure.ts";
import { ClientError, isUnreachable, type RequestFailure, type ResponseSummary } from "../../client/error.ts";
import { nothingToRerunText } from "../../domain/words/refusal.ts";
import { EXIT, type ExitStatus, Failure } from "../exit.ts";

type RequestOrigin = {
  /** URL of petit with the setting that gave it. */
  readonly where: string;
  readonly hasToken: boolean;
  readonly timeoutMs: number;
};

/** Returns what went wrong and what the user can do about it. */
export const requestFailureMessage = (
  failure: RequestFailure,
  { where, hasToken, timeoutMs }: RequestOrigin,
): string => {
  switch (failure.kind) {
    case "unreachable":
      return failure.response === null
        ? unreachableMessage(failure.why, { where, timeoutMs })
        : foreignMessage(failure.response);
    case "refused":
      return failure.code === "UNAUTHORIZED" ? tokenAdvice(hasToken ? failure.message : null) : withFlag(failure);
    case "foreign":
      return foreignMessage(failure.response);
  }
};

/** Returns the exit status of a command whose request failed. */
export const exitStatusOf = ({ failure }: ClientError): ExitStatus => {
  if (failure.kind === "unreachable") return EXIT.UNREACHABLE;
  return failure.kind === "refused" && USAGE_CODES.includes(failure.code) ? EXIT.USAGE : EXIT.FAILED;
};

const USAGE_CODES: readonly FailureCode[] = ["NOT_FOUND", "INVALID_REQUEST", "UNAUTHORIZED", "FORBIDDEN"];

const unreachableMessage = (
  why: Extract<RequestFailure, { readonly kind: "unreachable" }>["why"],
  { where, timeoutMs }: Pick<RequestOrigin, "where" | "timeoutMs">,
): string => {
  if (why === "broken") return `petit at ${where} closed the connection`;
  const problem =
    why === "timeout" ? `no answer from ${where} in ${timeoutMs / 1000} s` : `no petit answers at ${where}`;
  return `${problem}; start one with 'petit run', or name its address with --url`;
};

const foreignMessage = ({ url, status, contentType }: ResponseSummary): string =>
  `the response of ${url} is not from petit (${status}, ${contentType ?? "no content type"}); name petit's address with --url`;

/** `problem` is what petit says about the token; null if none was sent. */
const tokenAdvice = (problem: string | null): string => {
  const what = problem === null ? "this petit requires a token; give it" : `${problem}; give another one`;
  return `${what} with --token-file FILE or in the variable PETIT_API_TOKEN`;
};

const BODY_FLAGS: ReadonlySet<string> = new Set(["from", "to"]);

/** Returns petit's message. If it is about a query parameter, names the flag instead: both have the same name. */
const withFlag = ({ message, details }: Extract<RequestFailure, { readonly kind: "refused" }>): string => {
  if (details?.reason === "nothing_to_rerun") return nothingToRerunText(details.run_id, details.status, "--from-start");
  // `petit backfill` has flags for what it sends in the body.
  if (details?.reason === "invalid_value" && details.in === "body" && BODY_FLAGS.has(details.name))
    return `--${details.name}: ${details.problem}`;
  if (details?.reason !== "invalid_value" || details.in !== "query") return message;
  // Some problems continue the sentence that begins with the name.
  return `--${details.name}${details.problem.startsWith("is ") ? "" : ":"} ${details.problem}`;
};

/** Awaits `request`. If no petit responds, the error also says that `command` can read a folder instead. */
export const withFolderHint = async <Result>(command: string, request: () => Promise<Result>): Promise<Result> => {
  try {
    return await request();
  } catch (error) {
    if (!isUnreachable(error) || !(error instanceof ClientError)) throw error;
    throw new Failure(exitStatusOf(error), `${error.message}, or list the jobs of a folder with '${command}'`, {
      cause: error,
    });
  }
};
