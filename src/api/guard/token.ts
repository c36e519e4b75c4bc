import { createHash, timingSafeEqual } from "node:crypto";
import type { ApiToken } from "../../domain/token.ts";
import type { Clock } from "../../lib/clock.ts";
import { ApiError } from "../errors.ts";
import { assertFromOwnPage } from "./origin.ts";
import { readSession } from "./session.ts";

/** How a request was authenticated. */
type Identity = {
  /** The name of the token; null if it has none, or if petit requires no token. */
  readonly name: string | null;
  /** When the session ends, in ms since the Unix epoch; null if the request has none. */
  readonly sessionUntil: number | null;
};

export type AuthenticationOptions = { readonly tokens: readonly ApiToken[]; readonly clock: Clock };

export interface Authentication {
  /** Returns who sent a request, by its bearer token or its session cookie. Throws `UNAUTHORIZED`, or `FORBIDDEN`. */
  identify(request: Request): Identity;
  /** Returns false for a request without a token or a session, if petit requires one. */
  hasCredentials(request: Request): boolean;
  /** Returns the token that equals a text. Throws `UNAUTHORIZED`; without tokens returns null. */
  login(text: string): ApiToken | null;
}

/** With no tokens, every request passes. */
export const createAuthentication = ({ tokens, clock }: AuthenticationOptions): Authentication => {
  const expected = tokens.map((token) => ({ token, digest: digest(token.token) }));
  const login = (text: string): ApiToken | null => {
    if (expected.length === 0) return null;
    const given = digest(text);
    // Digests have the same length, so the time of the comparison reveals nothing about the token.
    const found = expected.filter((each) => timingSafeEqual(given, each.digest))[0];
    if (found === undefined) throw unauthorized("the token is wrong");
    return found.token;
  };
  return {
    login,
    hasCredentials: (request) =>
      expected.length === 0 || bearerOf(request) !== undefined || readSession(request, tokens, clock.now()) !== null,
    identify: (request) => {
      if (expected.length === 0) return { name: null, sessionUntil: null };
      const given = bearerOf(request);
      if (given !== undefined) return { name: login(given)?.name ?? null, sessionUntil: null };
      const session = readSession(request, tokens, clock.now());
      if (session === null) throw unauthorized("a token is required: send it as 'Authorization: Bearer TOKEN'");
      assertFromOwnPage(request);
      return { name: session.token.name, sessionUntil: session.until };
    },
  };
};

const bearerOf = ({ headers }: Request): string | undefined =>
  /^Bearer +(.+)$/i.exec(headers.get("authorization") ?? "")?.[1];

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

const unauthorized = (message: string): ApiError =>
  new ApiError("UNAUTHORIZED", message, { headers: { "www-authenticate": 'Bearer realm="petit"' } });
