import type { Person } from "../../domain/people/person.ts";
import { isAtLeast, type Role } from "../../domain/people/role.ts";
import { ApiError } from "../errors.ts";

/** Throws `FORBIDDEN` if the role of a person is below the one that a route needs. */
export const checkRole = ({ name, role }: Person, needed: Role): void => {
  if (isAtLeast(role, needed)) return;
  const whose = name === null ? "this token" : `the token '${name}'`;
  throw new ApiError("FORBIDDEN", `this needs the role ${needed}, but ${whose} has the role ${role}`);
};
