import { createHash, timingSafeEqual } from "node:crypto";
import type { ApiToken } from "../../domain/token.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Store } from "../../store/store.ts";
import { ApiError } from "../errors.ts";
import { assertFromOwnPage } from "./origin.ts";
import { readSession, type Session } from "./session.ts";

/** How a request was authenticated. */
type Identity = {
  /** The name of the token; null if it has none, or if petit requires no token. */
  readonly name: string | null;
  /** When the session ends, in ms since the Unix epoch; null if the request has none. */
  readonly sessionUntil: number | null;
};

export type AuthenticationOptions = {
  readonly tokens: readonly ApiToken[];
  /** See `ApiOptions`. */
  readonly followTokens?: (listener: (tokens: readonly ApiToken[]) => void) => void;
  readonly clock: Clock;
  readonly store: Pick<Store, "sessions">;
};

export interface Authentication {
  /** Returns whether petit requires a token. */
  needsToken(): boolean;
  /** Returns who sent a request, by its bearer token or its session cookie. Throws `UNAUTHORIZED`, or `FORBIDDEN`. */
  identify(request: Request): Identity;
  /** Returns false for a request without a token or a session, if petit requires one. */
  hasCredentials(request: Request): boolean;
  /** Returns the token that equals a text. Throws `UNAUTHORIZED`; without tokens returns null. */
  login(text: string): ApiToken | null;
  /** Ends the session of a request's cookie, and the streams that it has opened. Throws `storage_failed`. */
  logout(request: Request): void;
  /** Returns a signal that aborts with `closing`, or when the session or the token that authenticated a request ends. */
  untilLogout(request: Request, closing: AbortSignal): AbortSignal;
}

/** With no tokens, every request passes. */
export const createAuthentication = (options: AuthenticationOptions): Authentication => {
  const { clock, store } = options;
  let { tokens } = options;
  const sessionOf = (request: Request): Session | null => readSession(request, { tokens, store, now: clock.now() });
  /** Aborted when the session with this id ends. Only sessions that have opened a stream have one. */
  const endings = new Map<string, AbortController>();
  /** Aborted when the token with this text is removed; `NO_TOKEN` when the first one is added. */
  const removals = new Map<string, AbortController>();
  const removalOf = (text: string): AbortSignal => {
    const removal = removals.get(text) ?? new AbortController();
    removals.set(text, removal);
    return removal.signal;
  };
  let expected = withDigests(tokens);
  options.followTokens?.((changed) => {
    tokens = changed;
    expected = withDigests(changed);
    const valid = new Set(changed.length === 0 ? [NO_TOKEN] : changed.map(({ token }) => token));
    for (const [text, removal] of removals) {
      if (valid.has(text)) continue;
      removals.delete(text);
      removal.abort();
    }
  });
  const login = (text: string): ApiToken | null => {
    if (expected.length === 0) return null;
    const given = digest(text);
    // Digests have the same length, so the time of the comparison reveals nothing about the token.
    const found = expected.filter((each) => timingSafeEqual(given, each.digest))[0];
    if (found === undefined) throw unauthorized("the token is wrong");
    return found.token;
  };
  return {
    needsToken: () => expected.length > 0,
    login,
    logout: (request) => {
      const session = sessionOf(request);
      if (session === null) return;
      store.sessions.end(session.id, session.until, clock.now());
      endings.get(session.id)?.abort();
      endings.delete(session.id);
    },
    untilLogout: (request, closing) => {
      if (expected.length === 0) return AbortSignal.any([closing, removalOf(NO_TOKEN)]);
      const bearer = bearerOf(request);
      if (bearer !== undefined) return AbortSignal.any([closing, removalOf(bearer)]);
      const session = sessionOf(request);
      if (session === null) return closing;
      const ending = endings.get(session.id) ?? new AbortController();
      endings.set(session.id, ending);
      return AbortSignal.any([closing, ending.signal, removalOf(session.token.token)]);
    },
    hasCredentials: (request) =>
      expected.length === 0 || bearerOf(request) !== undefined || sessionOf(request) !== null,
    identify: (request) => {
      if (expected.length === 0) return { name: null, sessionUntil: null };
      const given = bearerOf(request);
      if (given !== undefined) return { name: login(given)?.name ?? null, sessionUntil: null };
      const session = sessionOf(request);
      if (session === null) throw unauthorized("a token is required: send it as 'Authorization: Bearer TOKEN'");
      assertFromOwnPage(request);
      return { name: session.token.name, sessionUntil: session.until };
    },
  };
};

/** Stands for the requests of a petit that requires no token. */
const NO_TOKEN = "";

const withDigests = (tokens: readonly ApiToken[]) => tokens.map((token) => ({ token, digest: digest(token.token) }));

const bearerOf = ({ headers }: Request): string | undefined =>
  /^Bearer +(.+)$/i.exec(headers.get("authorization") ?? "")?.[1];

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

const unauthorized = (message: string): ApiError =>
  new ApiError("UNAUTHORIZED", message, { headers: { "www-authenticate": 'Bearer realm="petit"' } });
