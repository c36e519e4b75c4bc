import type { Auth, Identified, Login, Proof, Refused } from "../../auth/auth.ts";
import type { ProxyPerson } from "../../auth/proxy.ts";
import type { JobScope } from "../../domain/people/scope.ts";
import { noRoleText, sessionEndText } from "../../domain/words/people/sign-in.ts";
import { assertNever } from "../../lib/never.ts";
import { noteAction } from "../../store/people/audit-scope.ts";
import { ApiError } from "../errors.ts";
import { sessionValue } from "./cookie.ts";
import { assertFromOwnPage } from "./origin.ts";
import { createProxyCheck } from "./proxy.ts";

/** Says who sends a request: by its bearer token, by what a proxy says, or by its session cookie, in this order. */
export interface Authentication {
  /** Returns whether petit requires a token. */
  needsToken(): boolean;
  /** Takes in what a proxy says about a request. Throws `FORBIDDEN` if it only claims to be from the proxy. */
  admit(request: Request): void;
  /** Returns who sent a request. Throws `UNAUTHORIZED`, or `FORBIDDEN`. */
  identify(request: Request): Identified;
  /** Returns whether petit knows who sent a request. For answers that depend on that, but that need no person. */
  isIdentified(request: Request): boolean;
  /** Returns the name of somebody whom a proxy has identified, but who has no role; else null. */
  nameWithoutRole(request: Request): string | null;
  /**
   * Returns the jobs that an answer about petit's health may name, which needs no token: those of the person; for somebody unknown none, if
   * any token is limited to some jobs, because whoever has that could leave it out; otherwise all.
   */
  scopeOfHealth(request: Request): JobScope;
  /** Returns false for a request without a token or a session, if petit requires one. */
  hasCredentials(request: Request): boolean;
  /** Begins a session with a token. Throws `UNAUTHORIZED`. */
  login(token: string): Login;
  /** Ends the session of a request's cookie, and the streams that it has opened. Throws `FORBIDDEN`, or `storage_failed`. */
  logout(request: Request): void;
  /** Returns a signal that aborts with `closing`, or when the session or the token that authenticated a request ends. */
  untilLogout(request: Request, closing: AbortSignal): AbortSignal;
}

/** The addresses of requests. */
interface Addresses {
  peerOf(request: Request): string | null;
  addressOf(request: Request): string | null;
  setClient(request: Request, address: string): void;
}

export const createAuthentication = (auth: Auth, requests: Addresses): Authentication => {
  const proxied = new WeakMap<Request, ProxyPerson>();
  const checkProxy = auth.proxy === null ? null : createProxyCheck(auth.proxy, (request) => requests.peerOf(request));
  const proofOf = (request: Request): Proof => {
    const bearer = /^Bearer +(.+)$/i.exec(request.headers.get("authorization") ?? "")?.[1] ?? null;
    return {
      bearer,
      // A token wins over the cookie, which is not read then.
      session: bearer === null ? sessionValue(request) : null,
      proxy: proxied.get(request) ?? null,
      addressOf: () => requests.addressOf(request),
    };
  };
  const accept = <Accepted extends object>(answer: Accepted | Refused): Accepted => {
    if (!("refused" in answer)) return answer;
    noteRefused(answer);
    throw refusal(answer, auth);
  };
  return {
    needsToken: () => auth.needsToken(),
    admit: (request) => {
      const statement = checkProxy?.(request) ?? null;
      if (statement === null) return;
      requests.setClient(request, statement.address);
      noteAction({ address: statement.address });
      if (statement.person !== null) proxied.set(request, statement.person);
    },
    identify: (request) => {
      const identity = accept(auth.identify(proofOf(request)));
      const { via } = identity.person;
      if (via !== "token" && via !== "anonymous") assertFromOwnPage(request);
      return identity;
    },
    isIdentified: (request) => !("refused" in auth.identify(proofOf(request))),
    nameWithoutRole: (request) => {
      const proof = proofOf(request);
      if (proof.proxy === null || proof.bearer !== null) return null;
      const answer = auth.identify(proof);
      return "refused" in answer && answer.refused === "no_role" ? answer.name : null;
    },
    scopeOfHealth: (request) => {
      const identity = auth.identify(proofOf(request));
      if ("person" in identity) return identity.person.scope;
      return auth.hasLimits() ? [] : null;
    },
    hasCredentials: (request) => auth.hasProof(proofOf(request)),
    login: (token) => {
      noteAction({ how: "session" });
      return accept(auth.login(token));
    },
    logout: (request) => {
      const session = sessionValue(request);
      if (session !== null) assertFromOwnPage(request);
      auth.logout(session ?? "");
    },
    untilLogout: (request, closing) => auth.untilEnded(proofOf(request), closing),
  };
};

/** For the audit log: who is refused, if that is certain. */
const noteRefused = (answer: Refused): void => {
  switch (answer.refused) {
    case "missing":
    case "wrong":
      return;
    case "expired":
    case "revoked":
    case "ended":
      noteAction({ who: answer.name });
      return;
    case "no_role":
      noteAction({ who: answer.name, how: "proxy" });
      return;
    default:
      assertNever(answer);
  }
};

const refusal = (answer: Refused, auth: Auth): ApiError => {
  if (answer.refused === "no_role")
    return new ApiError("FORBIDDEN", noRoleText(answer.name, auth.signIn?.contact ?? null));
  const ways = auth.waysOf(answer);
  return new ApiError("UNAUTHORIZED", refusalText(answer, ways !== null), {
    headers: { "www-authenticate": 'Bearer realm="petit"' },
    details: ways === null ? null : { reason: "not_logged_in", ...ways },
  });
};

const refusalText = (answer: Exclude<Refused, { readonly refused: "no_role" }>, hasLogin: boolean): string => {
  const send = "send a token as 'Authorization: Bearer TOKEN'";
  switch (answer.refused) {
    case "missing":
      return hasLogin
        ? `nobody is logged in: log in on the page of petit, or ${send}`
        : "a token is required: send it as 'Authorization: Bearer TOKEN'";
    case "ended":
      return `${sessionEndText[answer.ended]}: log in again on the page of petit, or ${send}`;
    case "wrong":
      return "the token is wrong";
    case "expired":
      return `the token '${answer.name}' expired on ${timeText(answer.at)}`;
    case "revoked":
      return `the token '${answer.name}' was revoked on ${timeText(answer.at)}`;
    default:
      return assertNever(answer);
  }
};

/** Returns a time as `2026-03-01 09:00:00 UTC`. */
const timeText = (at: number): string =>
  new Date(at)
    .toISOString()
    .replace("T", " ")
    .replace(/\.\d+Z$/, " UTC");
