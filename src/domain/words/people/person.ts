import type { Via } from "../../people/person.ts";
import type { Role } from "../../people/role.ts";

/** What each role may do. */
export const ROLE_TEXT = {
  viewer: "reads",
  operator: "reads, triggers, cancels, retries, approves and pauses jobs",
  admin: "does everything, also with job files, workers, the scheduler and tokens",
} as const satisfies Record<Role, string>;

/** How somebody came in. */
export const VIA_TEXT = {
  anonymous: "without a token, because petit requires none",
  token: "with a token",
  session: "by a login with a token",
  proxy: "through a proxy that knows the person",
  provider: "by a login at an OpenID provider",
} as const satisfies Record<Via, string>;
