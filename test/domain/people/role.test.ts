import { expect, test } from "bun:test";
import { isAtLeast, ROLES } from "../../../src/domain/people/role.ts";

test("a role may do what those before it may, and nothing more", () => {
  const table = ROLES.map((role) => ROLES.filter((needed) => isAtLeast(role, needed)));
  expect(table).toEqual([["viewer"], ["viewer", "operator"], ["viewer", "operator", "admin"]]);
});
