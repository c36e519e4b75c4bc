import type { LoginFailure } from "../../domain/people/login.ts";
import { isPersonName } from "../../domain/people/person.ts";
import type { Role } from "../../domain/people/role.ts";
import { EVERYBODY, grantOf, type ProviderSettings } from "../../domain/people/sign-in.ts";
import type { Claims } from "./openid.ts";

/** Whom the provider has identified. */
export type ProviderPerson = {
  readonly subject: string;
  readonly name: string;
  readonly groups: readonly string[];
  readonly role: Role;
};

/** Why somebody is not let in. */
export type RefusedPerson = {
  readonly failed: LoginFailure;
  /** Null if it is not certain who it is. */
  readonly name: string | null;
  readonly problem: string;
};

type Settings = Pick<ProviderSettings, "user" | "groups" | "allow" | "roles">;

/** Returns the claims that say who somebody is, and what the person may do. */
export const neededClaims = ({ user, groups, allow }: Settings): readonly string[] => {
  const names = [user, ...(groups === null ? [] : [groups]), ...Object.keys(allow ?? {})];
  return names.includes("email") ? [...names, "email_verified"] : names;
};

/** Returns who somebody is by the claims of the provider, or why the person is not let in. */
export const personOf = (claims: Claims, settings: Settings): ProviderPerson | RefusedPerson => {
  const { user, groups: groupClaim, allow, roles } = settings;
  // Whoever can change an address that nobody has verified could be anybody.
  const known = claims.email_verified === true ? claims : { ...claims, email: undefined };
  const name = nameOf(known[user]);
  if (name === null)
    return {
      failed: "no_name",
      name,
      problem: `the claim '${user}' ${claims[user] !== undefined && known[user] === undefined ? "is not verified" : "is no name"}`,
    };
  const missing = Object.entries(allow ?? {}).find(
    ([claim, values]) => !textsOf(known[claim]).some((each) => values.includes(each)),
  );
  if (missing !== undefined)
    return {
      failed: "not_allowed",
      name,
      problem: `the claim '${missing[0]}' of '${name}' is none of ${missing[1].join(", ")}`,
    };
  const groups = groupClaim === null ? [] : textsOf(known[groupClaim]).filter((group) => group !== EVERYBODY);
  if (groups.length > MAX_GROUPS)
    return {
      failed: "invalid",
      name,
      problem: `'${name}' is in ${groups.length} groups; expected at most ${MAX_GROUPS}`,
    };
  const grant = grantOf(roles, groups);
  if (grant === null)
    return {
      failed: "no_role",
      name,
      problem: `'${name}' is in no group that has a role; the groups are: ${groups.slice(0, 20).join(", ")}`,
    };
  return { subject: claims.sub, name, groups, role: grant.role };
};

/** How many groups a person may have. They are stored with each session. */
const MAX_GROUPS = 10_000;

const nameOf = (value: unknown): string | null => (typeof value === "string" && isPersonName(value) ? value : null);

/** A claim is one value or a list of values. */
const textsOf = (value: unknown): readonly string[] => {
  const values = Array.isArray(value) ? value : [value];
  return values.flatMap((each) =>
    typeof each === "string" ? [each] : typeof each === "boolean" ? [String(each)] : [],
  );
};
