/**
 * Why a login at a provider failed:
 * - `denied`: the person or the provider refused it.
 * - `provider_error`: the provider answered with another error.
 * - `unreachable`: the provider does not answer.
 * - `invalid`: its answer is not as it must be, such as a wrong signature.
 * - `expired`: the login was not begun in this browser, or too long ago, or has ended before.
 * - `no_name`: the provider does not say, or not with certainty, who it is.
 * - `not_allowed`: the person has none of the claims that `allow` requires.
 * - `no_role`: no group of the person has a role.
 */
export const LOGIN_FAILURES = [
  "denied",
  "provider_error",
  "unreachable",
  "invalid",
  "expired",
  "no_name",
  "not_allowed",
  "no_role",
] as const;
export type LoginFailure = (typeof LOGIN_FAILURES)[number];

/** Why a session ended; `unknown` if somebody ended it, or if there was none. */
export const SESSION_ENDS = ["expired", "no_role", "unknown"] as const;
export type SessionEnd = (typeof SESSION_ENDS)[number];

/** What the page offers to somebody who is not logged in. */
export type LoginWays = {
  /** The host of the provider, and why it can't be used at the moment; null if there is no provider. */
  readonly provider: { readonly host: string; readonly problem: string | null } | null;
  /** Whether a proxy in front of petit identifies people. */
  readonly proxy: boolean;
  /** Whether there is any token. */
  readonly token: boolean;
  readonly contact: string | null;
  /** Why the session of the request ended; null if it has none. */
  readonly ended: SessionEnd | null;
};
