import type { SecretSource } from "../secret.ts";
import { ROLES, type Role } from "./role.ts";
import type { JobScope } from "./scope.ts";

/** Stands for every group, and for people who are in none. */
export const EVERYBODY = "*";

/** The group whose people have a role, and the jobs that they are limited to; null for all jobs. */
type RoleEntry = { readonly group: string; readonly limit: NonNullable<JobScope>[number] | null };

/** Who has which role. */
export type RoleRules = Readonly<Record<Role, readonly RoleEntry[]>>;

export type Grant = { readonly role: Role; readonly scope: JobScope };

/**
 * Returns the highest role that somebody in these groups has, with the limits of those of its entries that fit: none if one of
 * them has none. Returns null if no role fits.
 */
export const grantOf = (rules: RoleRules, groups: readonly string[]): Grant | null => {
  for (const role of ROLES.toReversed()) {
    const fitting = rules[role].filter(({ group }) => group === EVERYBODY || groups.includes(group));
    const limits = fitting.flatMap(({ limit }) => limit ?? []);
    if (fitting.length > 0) return { role, scope: limits.length < fitting.length ? null : limits };
  }
  return null;
};

/** People whom a proxy in front of petit has identified. */
export type ProxySettings = {
  /** The addresses and networks of the proxy. */
  readonly from: readonly string[];
  /** What the proxy proves itself with. */
  readonly secret: SecretSource;
  /** Headers with the name of the person and with the groups, in lower case; null if there are no groups. */
  readonly user: string;
  readonly groups: string | null;
  readonly roles: RoleRules;
};

/** People who log in at an OpenID provider. */
export type ProviderSettings = {
  /** URL of the provider. */
  readonly issuer: string;
  readonly clientId: string;
  /** Null for a client that has none. */
  readonly clientSecret: SecretSource | null;
  readonly scopes: readonly string[];
  /** Claims with the name of the person and with the groups; null if there are no groups. */
  readonly user: string;
  readonly groups: string | null;
  readonly roles: RoleRules;
  /** Claims, and the values of which a person must have one; null if everybody whom the provider knows may try. */
  readonly allow: Readonly<Record<string, readonly string[]>> | null;
};

/** Where people come from, besides tokens. At least one of the two is not null. */
export type SignInSettings = {
  readonly proxy: ProxySettings | null;
  readonly provider: ProviderSettings | null;
  /** Whom to ask for a role; null if that is not configured. */
  readonly contact: string | null;
};
