import { randomBytes } from "node:crypto";
import type { SessionEnd } from "../../domain/people/login.ts";
import type { Person } from "../../domain/people/person.ts";
import { grantOf } from "../../domain/people/sign-in.ts";
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
  if (expiresAt <= now) return { ended: "expired", name };
  if (provider === null || stored.basis !== provider.basis) return UNKNOWN;
  const grant = grantOf(provider.settings.roles, groups);
  if (grant === null) return { ended: "no_role", name };
  return { id, person: { name, ...grant, via: "provider" }, until: expiresAt };
};

const UNKNOWN: EndedSession = { ended: "unknown", name: null };
