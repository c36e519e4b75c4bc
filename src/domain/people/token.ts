import type { Role } from "./role.ts";
import type { JobLimit } from "./scope.ts";

/** A token of the API that was read from a file or a variable. The name says whose it is; null if it has none. */
export type ApiToken = { readonly name: string | null; readonly role: Role; readonly token: string };

/** A token that petit stores, without its text. All times are in ms since the Unix epoch. */
export type StoredToken = JobLimit & {
  readonly id: number;
  readonly name: string;
  readonly role: Role;
  readonly createdAt: number;
  /** Null if it is unknown. */
  readonly createdBy: string | null;
  /** Null if it does not expire. */
  readonly expiresAt: number | null;
  readonly revokedAt: number | null;
  /** When a newer token of the same name took its place; null if none did. It is valid until it expires. */
  readonly replacedAt: number | null;
  readonly lastUsedAt: number | null;
  /** The address that used it last; null if it was never used. */
  readonly lastUsedFrom: string | null;
};

/**
 * - `live`: it is accepted.
 * - `replaced`: a newer one of its name took its place; it is accepted until it expires.
 * - `expired`, `revoked`: it is refused.
 */
export const TOKEN_STATES = ["live", "replaced", "expired", "revoked"] as const;
export type TokenState = (typeof TOKEN_STATES)[number];

export const tokenStateOf = (
  { revokedAt, expiresAt, replacedAt }: Pick<StoredToken, "revokedAt" | "expiresAt" | "replacedAt">,
  now: number,
): TokenState => {
  if (revokedAt !== null) return "revoked";
  if (expiresAt !== null && expiresAt <= now) return "expired";
  return replacedAt === null ? "live" : "replaced";
};

/** How long before its end a token is said to expire soon, in ms. */
export const SOON_MS = 7 * 86_400_000;

/** Returns whether a token that is accepted expires within a week. */
export const expiresSoon = (expiresAt: number | null, now: number): boolean =>
  expiresAt !== null && expiresAt > now && expiresAt - now <= SOON_MS;

/** A token that was used in this time is in use, in ms. */
export const IN_USE_MS = 30 * 86_400_000;

/** How long requests with an expired token count, in ms. */
export const REFUSED_COUNTS_MS = 86_400_000;

/** Returns a stored token as API and command line show it. */
export const tokenFields = (token: StoredToken, now: number) => ({
  name: token.name,
  role: token.role,
  jobs: token.jobs === null ? null : [...token.jobs],
  tags: token.tags === null ? null : [...token.tags],
  state: tokenStateOf(token, now),
  created_at: token.createdAt,
  created_by: token.createdBy,
  expires_at: token.expiresAt,
  revoked_at: token.revokedAt,
  replaced_at: token.replacedAt,
  last_used_at: token.lastUsedAt,
  last_used_from: token.lastUsedFrom,
});

/** A name of a token. */
export const TOKEN_NAME = /^[A-Za-z0-9][\w.@+-]{0,63}$/;

/** What a name of a token can be, for messages. */
export const TOKEN_NAME_FORM = "1 to 64 letters, digits and . _ - + @, beginning with a letter or digit";

/** How long a replaced token stays valid if nothing else is said, and the longest possible time, in ms. */
export const DEFAULT_GRACE_MS = 3_600_000;
export const MAX_GRACE_MS = 30 * 86_400_000;

/** The longest time after which a token can expire, in ms. */
export const MAX_LIFETIME_MS = 3_650 * 86_400_000;
