import type { LoginWays } from "../domain/people/login.ts";
import type { Person } from "../domain/people/person.ts";
import { grantOf, type RoleRules } from "../domain/people/sign-in.ts";
import type { StoredToken } from "../domain/people/token.ts";
import { refuse } from "../domain/refusal.ts";
import { noteAction, noteNoAction } from "../store/people/audit-scope.ts";
import type { Store } from "../store/store.ts";
import {
  type AcceptedToken,
  AcceptedTokens,
  type AcceptedTokensOptions,
  type RefusedToken,
} from "./accepted-tokens.ts";
import type { ProviderPerson } from "./provider/person.ts";
import { Provider, type ProviderOptions } from "./provider/provider.ts";
import {
  beginProviderSession,
  type EndedSession,
  endRefusedSessions,
  isProviderSession,
  type ProviderSession,
  readProviderSession,
} from "./provider/sessions.ts";
import { type ProxyOptions, type ProxyPerson, ProxySignIn } from "./proxy.ts";
import { beginSession, endSession, readSession, type Session } from "./session.ts";
import {
  type CreatedToken,
  createToken,
  digestOf,
  type RotateRequest,
  rotateToken,
  type TokenRequest,
} from "./stored-tokens.ts";

/** What a request proves itself with. */
export type Proof = {
  /** A token; null if the request has none. */
  readonly bearer: string | null;
  /** The value of a session; null if the request has none. */
  readonly session: string | null;
  /** Whom a proxy has identified; null if none did. */
  readonly proxy?: ProxyPerson | null;
  /** Returns the address of the sender; null if it has disconnected. It takes a system call, and few answers need it. */
  readonly addressOf: () => string | null;
};

export type Identified = {
  readonly person: Person;
  /** When the session ends, in ms since the Unix epoch; null if the request has none. */
  readonly sessionUntil: number | null;
};

/**
 * Why nobody is behind a request: it proves itself with nothing that is valid, or with a token that is refused, or with a login at a
 * provider that has ended, or the person has no role.
 */
export type Refused =
  | RefusedToken
  | ({ readonly refused: "ended" } & EndedSession)
  | { readonly refused: "missing" }
  | { readonly refused: "no_role"; readonly name: string };

export type Login = {
  readonly name: string | null;
  /** The value of the new session; null if petit requires no token. */
  readonly session: string | null;
};

export type AuthOptions = AcceptedTokensOptions & {
  readonly store: Pick<Store, "sessions" | "tokens" | "providerSessions">;
  /** True if petit requires a token even if there is none, because other machines can reach it. */
  readonly isExposed: boolean;
  /** Where people come from, besides tokens; missing if only from there. Then nobody is anonymous. */
  readonly signIn?: SignInOptions | null;
};

export type SignInOptions = {
  readonly proxy: ProxyOptions | null;
  readonly provider: ProviderOptions | null;
  /** Whom to ask for a role; null if that is not known. */
  readonly contact: string | null;
};

/** Says who is behind a request, and administers the stored tokens. Knows nothing about HTTP. */
export interface Auth extends Disposable {
  /** Returns whether petit requires a token. */
  needsToken(): boolean;
  /** Returns whether there is anything that a person can come in with: any token, also one that has expired, or what `signIn` says. */
  isProtected(): boolean;
  /** Judges what a proxy says; null if there is none. */
  readonly proxy: ProxySignIn | null;
  /** Logs people in at an OpenID provider; null if there is none. */
  readonly provider: Provider | null;
  /** Where people come from, besides tokens; null if only from there. */
  readonly signIn: Pick<SignInOptions, "contact"> | null;
  /** Returns whether any token is limited to some jobs. */
  hasLimits(): boolean;
  /** Returns what somebody who is refused can log in with; null if only with a token. */
  waysOf(refused: Refused): LoginWays | null;
  /** Begins a session of somebody whom the provider has identified. Returns its value. Throws `storage_failed`. */
  beginSession(person: ProviderPerson): string;
  identify(proof: Proof): Identified | Refused;
  /** Returns false if petit requires a token, and the proof is neither one nor a valid session. */
  hasProof(proof: Proof): boolean;
  /** Begins a session with a token. Throws `storage_failed`. */
  login(token: string): Login | Refused;
  /** Ends a session, and the streams that it has opened. Throws `storage_failed`. */
  logout(session: string): void;
  /** Returns a signal that aborts with `closing`, or when the session or the token of the proof ends. */
  untilEnded(proof: Proof, closing: AbortSignal): AbortSignal;
  /** Returns the stored tokens, oldest first, also those that are no longer valid. */
  listTokens(): readonly StoredToken[];
  /** Creates a token. Throws `conflict` if a valid one has its name. */
  createToken(request: TokenRequest): CreatedToken;
  /** Creates a token in place of another one, which stays valid for the grace time. Throws `not_found`. */
  rotateToken(request: RotateRequest): CreatedToken;
  /** Revokes the stored tokens with a name, and ends their sessions and streams. Throws `not_found`. */
  revokeToken(name: string): void;
}

/** Without tokens, everybody is an admin. */
export const createAuth = (options: AuthOptions): Auth => {
  const { clock, store, isExposed, signIn = null } = options;
  const tokens = new AcceptedTokens(options);
  const proxy = signIn === null || signIn.proxy === null ? null : new ProxySignIn(signIn.proxy);
  const provider = signIn === null || signIn.provider === null ? null : new Provider(signIn.provider, options);
  endRefusedSessions(provider, store);
  const readProvider = (value: string): ProviderSession | EndedSession =>
    readProviderSession(value, provider, store, clock.now());
  const isProtected = (): boolean => signIn !== null || tokens.isNeeded;
  const needsToken = (): boolean => isExposed || isProtected();
  const sessionOf = (value: string | null): Session | null =>
    value === null ? null : readSession(value, { tokens, store, now: clock.now() });
  const hasSession = (value: string | null): boolean =>
    isProviderSession(value) ? !("ended" in readProvider(value)) : sessionOf(value) !== null;
  /** Aborted when the session with this id ends. Only sessions that have opened a stream have one. */
  const endings = new Map<string, AbortController>();
  /** Aborted when a token is no longer accepted. Only tokens that have opened a stream have one. */
  const removals = new Map<string, { readonly token: AcceptedToken; readonly removal: AbortController }>();
  /** Aborted when a petit that requires no token begins to require one. Null if nobody has opened a stream without one. */
  let protection: AbortController | null = null;
  const removalOf = (token: AcceptedToken): AbortSignal => {
    const { removal } = removals.get(token.key) ?? { removal: new AbortController() };
    removals.set(token.key, { token, removal });
    return removal.signal;
  };
  /** The values of provider sessions that have opened a stream. */
  const streaming = new Map<string, string>();
  const endStreams = (id: string): void => {
    endings.get(id)?.abort();
    endings.delete(id);
    streaming.delete(id);
  };
  tokens.onChange(() => {
    for (const [id, value] of streaming) if ("ended" in readProvider(value)) endStreams(id);
    for (const [key, { token, removal }] of removals) {
      if (tokens.has(token)) continue;
      removals.delete(key);
      removal.abort();
    }
    if (protection === null || !needsToken()) return;
    protection.abort();
    protection = null;
  });
  const changed = <Result>(result: Result): Result => {
    tokens.reload();
    return result;
  };
  return {
    needsToken,
    isProtected,
    proxy,
    provider,
    signIn,
    hasLimits: () => tokens.hasLimits,
    waysOf: (refused) =>
      signIn === null
        ? null
        : {
            provider: provider === null ? null : { host: provider.host, problem: provider.problem },
            proxy: proxy !== null,
            token: tokens.isNeeded,
            contact: signIn.contact,
            ended: refused.refused === "ended" ? refused.ended : null,
          },
    beginSession: (person) => {
      if (provider === null) throw new Error("there is no provider");
      return beginProviderSession(person, provider, store, clock.now());
    },
    identify: ({ bearer, session: value, proxy: stated = null, addressOf }) => {
      const isOpen = !needsToken();
      if (bearer !== null) {
        const token = tokens.find(bearer);
        if ("refused" in token) tokens.noteRefusal(token, addressOf);
        // Whoever sends a wrong token to a petit that requires none gets in, but not with one that was revoked.
        if ("refused" in token) return isOpen && token.refused === "wrong" ? ANYBODY : token;
        tokens.noteUse(token, addressOf);
        return { person: { name: token.name, role: token.role, scope: token.scope, via: "token" }, sessionUntil: null };
      }
      if (isOpen) return ANYBODY;
      if (stated !== null) return byProxy(stated, proxy?.settings.roles ?? null);
      if (isProviderSession(value)) {
        const found = readProvider(value);
        return "ended" in found ? { refused: "ended", ...found } : { person: found.person, sessionUntil: found.until };
      }
      const session = sessionOf(value);
      if (session === null) return { refused: "missing" };
      tokens.noteUse(session.token, addressOf);
      const { name, role, scope } = session.token;
      return { person: { name, role, scope, via: "session" }, sessionUntil: session.until };
    },
    hasProof: ({ bearer, session, proxy: stated = null }) =>
      !needsToken() || bearer !== null || stated !== null || hasSession(session),
    login: (text) => {
      if (!needsToken()) {
        noteNoAction();
        return { name: null, session: null };
      }
      const token = tokens.find(text);
      if ("refused" in token) return token;
      noteSession(token);
      return { name: token.name, session: beginSession(token, store, clock.now()) };
    },
    logout: (value) => {
      if (isProviderSession(value)) {
        const found = readProvider(value);
        if ("ended" in found) noteNoAction();
        else noteAction({ who: found.person.name, role: found.person.role, how: "provider" });
        const id = digestOf(value);
        store.providerSessions.end(id);
        endStreams(id);
        return;
      }
      const session = sessionOf(value);
      if (session === null) {
        noteNoAction();
        return;
      }
      noteSession(session.token);
      endSession(session, store, clock.now());
      endStreams(session.id);
    },
    untilEnded: ({ bearer, session: value, proxy: stated = null }, closing) => {
      if (!needsToken()) {
        protection ??= new AbortController();
        return AbortSignal.any([closing, protection.signal]);
      }
      if (bearer !== null) {
        const token = tokens.find(bearer);
        return "refused" in token ? AbortSignal.abort() : AbortSignal.any([closing, removalOf(token)]);
      }
      // Only the proxy knows when the login ends.
      if (stated !== null) return closing;
      if (isProviderSession(value)) {
        const found = readProvider(value);
        if ("ended" in found) return AbortSignal.abort();
        const end = endings.get(found.id) ?? new AbortController();
        endings.set(found.id, end);
        streaming.set(found.id, value);
        return AbortSignal.any([closing, end.signal]);
      }
      const session = sessionOf(value);
      if (session === null) return AbortSignal.abort();
      const ending = endings.get(session.id) ?? new AbortController();
      endings.set(session.id, ending);
      return AbortSignal.any([closing, ending.signal, removalOf(session.token)]);
    },
    listTokens: () => {
      tokens.storeUses();
      return store.tokens.list();
    },
    createToken: (request) => {
      if (tokens.given.some(({ name }) => name === request.name))
        throw refuse({ reason: "token_name_taken", name: request.name });
      return changed(createToken(store, request, clock.now()));
    },
    rotateToken: (request) => changed(rotateToken(store, request, clock.now())),
    revokeToken: (name) => void changed(store.tokens.revoke(name, clock.now())),
    [Symbol.dispose]: () => tokens[Symbol.dispose](),
  };
};

const byProxy = ({ name, groups }: ProxyPerson, rules: RoleRules | null): Identified | Refused => {
  const grant = rules === null ? null : grantOf(rules, groups);
  if (grant === null) return { refused: "no_role", name };
  return { person: { name, ...grant, via: "proxy" }, sessionUntil: null };
};

/** For the audit log: the person of a session logs in or out. */
const noteSession = ({ name, role }: AcceptedToken): void => noteAction({ who: name, role, how: "session" });

/** Whoever can reach a petit that requires no token. */
const ANYBODY: Identified = {
  person: { name: null, role: "admin", scope: null, via: "anonymous" },
  sessionUntil: null,
};
