import { randomBytes } from "node:crypto";
import { PetitError } from "../../domain/errors.ts";
import type { SessionEnd } from "../../domain/people/login.ts";
import type { Person } from "../../domain/people/person.ts";
import { grantOf } from "../../domain/people/sign-in.ts";
import { outsideAction } from "../../store/people/audit-scope.ts";
import type { StoredProviderSession } from "../../store/people/provider-sessions.ts";
import type { Store } from "../../store/store.ts";
import { digestOf } from "../stored-tokens.ts";
import type { ProviderPerson } from "./person.ts";
import type { Provider } from "./provider.ts";

/** How long a session lasts, in ms. */
export const PROVIDER_SESSION_MS = 12 * 3_600_000;

export type ProviderSession = {
  /** The SHA-256 of its value, in hexadecimal. */
  readonly id: string;
  readonly person: Person;
  /** When it ends, in ms since the Unix epoch. */
  readonly until: number;
};

/** Why there is no session, and whose it was; the name is null if that is not certain. */
export type EndedSession = { readonly ended: SessionEnd; readonly name: string | null };

type Stored = Pick<Store, "providerSessions">;

/** Returns whether a value is that of a session of a provider, by its form. */
export const isProviderSession = (value: string | null): value is string => value?.startsWith("3.") === true;

/** Begins a session, and returns its value. Throws `storage_failed`. */
export const beginProviderSession = (
  { subject, name, groups }: ProviderPerson,
  provider: Provider,
  store: Stored,
  now: number,
): string => {
  const value = `3.${randomBytes(32).toString("base64url")}`;
  store.providerSessions.begin({
    id: digestOf(value),
    issuer: provider.settings.issuer,
    subject,
    name,
    groups,
    basis: provider.basis,
    beganAt: now,
    expiresAt: now + PROVIDER_SESSION_MS,
  });
  return value;
};

/** Returns the session with a value, or why there is none. The role is that of the present settings, for the groups of the login. */
export const readProviderSession = (
  value: string,
  provider: Provider | null,
  store: Stored,
  now: number,
): ProviderSession | EndedSession => {
  if (!/^3\.[\w-]{43}$/.test(value)) return UNKNOWN;
  const stored = store.providerSessions.find(digestOf(value));
  if (stored === null) return UNKNOWN;
  const { id, name, groups, expiresAt } = stored;
  const ended = endOf(stored, provider);
  if (ended !== null) endForGood(stored, ended, store);
  if (ended === "unknown") return UNKNOWN;
  if (expiresAt <= now) return { ended: "expired", name };
  const grant = provider === null || ended !== null ? null : grantOf(provider.settings.roles, groups);
  if (grant === null) return { ended: "no_role", name };
  return { id, person: { name, ...grant, via: "provider" }, until: expiresAt };
};

/** Ends the sessions that the present settings do not allow, so that later ones do not bring them back. */
export const endRefusedSessions = (provider: Provider | null, store: Stored): void => {
  for (const session of store.providerSessions.list()) {
    const ended = endOf(session, provider);
    if (ended !== null) endForGood(session, ended, store);
  }
};

type Refusal = Exclude<SessionEnd, "expired">;

/** Returns why the settings do not allow a session; null if they do. */
const endOf = ({ basis, groups, isRefused }: StoredProviderSession, provider: Provider | null): Refusal | null => {
  if (provider === null || basis !== provider.basis) return "unknown";
  return isRefused || grantOf(provider.settings.roles, groups) === null ? "no_role" : null;
};

const endForGood = ({ id, isRefused }: StoredProviderSession, ended: Refusal, { providerSessions }: Stored): void => {
  try {
    // It is no part of what a request does.
    outsideAction(() => {
      if (ended === "unknown") providerSessions.end(id);
      else if (!isRefused) providerSessions.refuse(id);
    });
  } catch (error) {
    // Health says that the database can't be written. The next request with the session tries again.
    if (!(error instanceof PetitError && error.code === "storage_failed")) throw error;
  }
};

const UNKNOWN: EndedSession = { ended: "unknown", name: null };
