import { describe, expect, test } from "bun:test";
import { grantOf, type RoleRules } from "../../../src/domain/people/sign-in.ts";

const FINANCE = { jobs: null, tags: ["finance"] };
const ETL = { jobs: ["etl_*"], tags: null };
const rules: RoleRules = {
  admin: [{ group: "ops", limit: null }],
  operator: [
    { group: "dev", limit: null },
    { group: "finance", limit: FINANCE },
    { group: "etl", limit: ETL },
  ],
  viewer: [{ group: "*", limit: null }],
};

describe("the role of groups", () => {
  test.each([
    [[], { role: "viewer", scope: null }],
    [["others"], { role: "viewer", scope: null }],
    [["dev", "ops"], { role: "admin", scope: null }],
    [["finance"], { role: "operator", scope: [FINANCE] }],
    [["etl", "finance"], { role: "operator", scope: [FINANCE, ETL] }],
    [["finance", "dev"], { role: "operator", scope: null }],
    [["OPS"], { role: "viewer", scope: null }],
  ] as const)("%j", (groups, grant) => expect(grantOf(rules, groups)).toEqual(grant as never));

  test("is none if no entry fits", () => {
    expect(grantOf({ ...rules, viewer: [] }, ["others"])).toBeNull();
  });
});
