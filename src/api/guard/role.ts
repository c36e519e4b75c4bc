import type { Person } from "../../domain/people/person.ts";
import { isAtLeast, type Role } from "../../domain/people/role.ts";
import type { RouteScope } from "../../domain/people/scope.ts";
import { scopeText } from "../../domain/words/people/scope.ts";
import { ApiError } from "../errors.ts";

/** What a route needs of a person. */
type Needs = { readonly role: Role; readonly scope: RouteScope };

/**
 * Throws `FORBIDDEN` if the role of a person is below the one that a route needs, or if the route concerns all jobs and the person is limited
 * to some. Nobody gets around a limit by such a route: whoever could change job files, tokens or the scheduler could change every job.
 */
export const checkNeeds = (person: Person, needs: Needs): void => {
  const { role, scope } = person;
  if (!isAtLeast(role, needs.role))
    throw new ApiError("FORBIDDEN", `this needs the role ${needs.role}, but ${whoseText(person)} has the role ${role}`);
  if (needs.scope === "all" && scope !== null)
    throw new ApiError(
      "FORBIDDEN",
      `this concerns all jobs, but ${whoseText(person)} is limited to ${scopeText(scope)}`,
    );
};

/** Who somebody is, for a sentence: programs and some people are known by a token. */
const whoseText = ({ name, via }: Person): string => {
  if (name === null) return "this token";
  return via === "proxy" || via === "provider" ? `'${name}'` : `the token '${name}'`;
};
