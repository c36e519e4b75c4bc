import { createHash, timingSafeEqual } from "node:crypto";
import type { Person } from "../domain/people/person.ts";
import type { ApiToken } from "../domain/people/token.ts";
import type { Clock } from "../lib/clock.ts";
import type { Store } from "../store/store.ts";
import { newSession, readSession, type Session } from "./session.ts";

/** What a request proves itself with. */
export type Proof = {
  /** A token; null if the request has none. */
  readonly bearer: string | null;
  /** The value of a session; null if the request has none. */
  readonly session: string | null;
};

export type Identified = {
  readonly person: Person;
  /** When the session ends, in ms since the Unix epoch; null if the request has none. */
  readonly sessionUntil: number | null;
};

/** Why nobody is behind a request: it proves itself with nothing that is valid, or with a token that is wrong. */
export type Refused = { readonly refused: "missing" | "wrong" };

export type Login = {
  readonly name: string | null;
  /** The value of the new session; null if petit requires no token. */
  readonly session: string | null;
};

export type AuthOptions = {
  readonly tokens: readonly ApiToken[];
  /** Calls a listener with all tokens whenever they change. Missing if they never do. */
  readonly followTokens?: (listener: (tokens: readonly ApiToken[]) => void) => void;
  readonly clock: Clock;
  readonly store: Pick<Store, "sessions">;
};

/** Says who is behind a request. Knows nothing about HTTP. */
export interface Auth {
  /** Returns whether petit requires a token. */
  needsToken(): boolean;
  identify(proof: Proof): Identified | Refused;
  /** Returns false if petit requires a token, and the proof is neither one nor a valid session. */
  hasProof(proof: Proof): boolean;
  /** Begins a session with a token. */
  login(token: string): Login | Refused;
  /** Ends a session, and the streams that it has opened. Throws `storage_failed`. */
  logout(session: string): void;
  /** Returns a signal that aborts with `closing`, or when the session or the token of the proof ends. */
  untilEnded(proof: Proof, closing: AbortSignal): AbortSignal;
}

/** Without tokens, everybody is an admin. */
export const createAuth = (options: AuthOptions): Auth => {
  const { clock, store } = options;
  let { tokens } = options;
  const sessionOf = (value: string | null): Session | null =>
    value === null ? null : readSession(value, { tokens, store, now: clock.now() });
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
  const findToken = (text: string): ApiToken | null => {
    const given = digest(text);
    // Digests have the same length, so the time of the comparison reveals nothing about the token.
    return expected.filter((each) => timingSafeEqual(given, each.digest))[0]?.token ?? null;
  };
  return {
    needsToken: () => expected.length > 0,
    identify: ({ bearer, session: value }) => {
      if (expected.length === 0) return ANYBODY;
      if (bearer !== null) {
        const token = findToken(bearer);
        if (token === null) return { refused: "wrong" };
        return { person: { name: token.name, role: token.role, via: "token" }, sessionUntil: null };
      }
      const session = sessionOf(value);
      if (session === null) return { refused: "missing" };
      const { name, role } = session.token;
      return { person: { name, role, via: "session" }, sessionUntil: session.until };
    },
    hasProof: ({ bearer, session }) => expected.length === 0 || bearer !== null || sessionOf(session) !== null,
    login: (text) => {
      if (expected.length === 0) return { name: null, session: null };
      const token = findToken(text);
      return token === null ? { refused: "wrong" } : { name: token.name, session: newSession(token, clock.now()) };
    },
    logout: (value) => {
      const session = sessionOf(value);
      if (session === null) return;
      store.sessions.end(session.id, session.until, clock.now());
      endings.get(session.id)?.abort();
      endings.delete(session.id);
    },
    untilEnded: ({ bearer, session: value }, closing) => {
      if (expected.length === 0) return AbortSignal.any([closing, removalOf(NO_TOKEN)]);
      if (bearer !== null) return AbortSignal.any([closing, removalOf(bearer)]);
      const session = sessionOf(value);
      if (session === null) return closing;
      const ending = endings.get(session.id) ?? new AbortController();
      endings.set(session.id, ending);
      return AbortSignal.any([closing, ending.signal, removalOf(session.token.token)]);
    },
  };
};

/** Whoever can reach a petit that requires no token. */
const ANYBODY: Identified = { person: { name: null, role: "admin", via: "anonymous" }, sessionUntil: null };

/** Stands for the requests of a petit that requires no token. */
const NO_TOKEN = "";

const withDigests = (tokens: readonly ApiToken[]) => tokens.map((token) => ({ token, digest: digest(token.token) }));

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
