import type { Auth, Identified, Login, Proof, Refused } from "../../auth/auth.ts";
import { assertNever } from "../../lib/never.ts";
import { ApiError } from "../errors.ts";
import { sessionValue } from "./cookie.ts";
import { assertFromOwnPage } from "./origin.ts";

/** Says who sends a request, by its bearer token or its session cookie. */
export interface Authentication {
  /** Returns whether petit requires a token. */
  needsToken(): boolean;
  /** Returns who sent a request. Throws `UNAUTHORIZED`, or `FORBIDDEN`. */
  identify(request: Request): Identified;
  /** Returns false for a request without a token or a session, if petit requires one. */
  hasCredentials(request: Request): boolean;
  /** Begins a session with a token. Throws `UNAUTHORIZED`. */
  login(token: string): Login;
  /** Ends the session of a request's cookie, and the streams that it has opened. Throws `storage_failed`. */
  logout(request: Request): void;
  /** Returns a signal that aborts with `closing`, or when the session or the token that authenticated a request ends. */
  untilLogout(request: Request, closing: AbortSignal): AbortSignal;
}

export const createAuthentication = (auth: Auth, addressOf: (request: Request) => string | null): Authentication => {
  const proofOf = (request: Request): Proof => ({
    bearer: /^Bearer +(.+)$/i.exec(request.headers.get("authorization") ?? "")?.[1] ?? null,
    session: sessionValue(request),
    address: addressOf(request),
  });
  return {
    needsToken: () => auth.needsToken(),
    identify: (request) => {
      const identity = accept(auth.identify(proofOf(request)));
      if (identity.person.via === "session") assertFromOwnPage(request);
      return identity;
    },
    hasCredentials: (request) => auth.hasProof(proofOf(request)),
    login: (token) => accept(auth.login(token)),
    logout: (request) => auth.logout(sessionValue(request) ?? ""),
    untilLogout: (request, closing) => auth.untilEnded(proofOf(request), closing),
  };
};

const accept = <Accepted extends object>(answer: Accepted | Refused): Accepted => {
  if ("refused" in answer) throw unauthorized(refusalText(answer));
  return answer;
};

const refusalText = (refusal: Refused): string => {
  switch (refusal.refused) {
    case "missing":
      return "a token is required: send it as 'Authorization: Bearer TOKEN'";
    case "wrong":
      return "the token is wrong";
    case "expired":
      return `the token '${refusal.name}' expired on ${timeText(refusal.at)}`;
    case "revoked":
      return `the token '${refusal.name}' was revoked on ${timeText(refusal.at)}`;
    default:
      return assertNever(refusal);
  }
};

/** Returns a time as `2026-03-01 09:00:00 UTC`. */
const timeText = (at: number): string =>
  new Date(at)
    .toISOString()
    .replace("T", " ")
    .replace(/\.\d+Z$/, " UTC");

const unauthorized = (message: string): ApiError =>
  new ApiError("UNAUTHORIZED", message, { headers: { "www-authenticate": 'Bearer realm="petit"' } });
