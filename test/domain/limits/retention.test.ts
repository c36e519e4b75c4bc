import { describe, expect, test } from "bun:test";
import { NO_RETENTION, RECENT, type Retention, retentionRule } from "../../../src/domain/limits/retention.ts";

const given = (runs: Retention["runs"], days: Retention["days"]): Retention => ({ runs, days });
const DEFAULT = { beyond: "both", ...RECENT } as const;

describe("the rule for the runs of a job", () => {
  test.each([
    ["nothing is given", null, NO_RETENTION, DEFAULT],
    ["a setting", NO_RETENTION, given(10, null), { beyond: "either", runs: 10, days: null }],
    ["both settings", NO_RETENTION, given(10, 3), { beyond: "either", runs: 10, days: 3 }],
    [
      "the job's own limit, with the other of the settings",
      given(5, null),
      given(10, 3),
      { beyond: "either", runs: 5, days: 3 },
    ],
    [
      "a limit of the job alone replaces the default",
      given(5, null),
      NO_RETENTION,
      { beyond: "either", runs: 5, days: null },
    ],
    ["all keeps everything", NO_RETENTION, given("all", null), null],
    ["all of a job, in spite of a setting", given("all", "all"), given(10, 3), null],
    ["all of one limit leaves the other", given("all", null), given(10, 3), { beyond: "either", runs: null, days: 3 }],
  ] as const)("%s", (_, own, settings, rule) => {
    expect(retentionRule({ own, settings, byDefault: "recent" })).toEqual(rule);
  });

  test("keeps everything by default where the default rule is not chosen", () => {
    expect(retentionRule({ own: null, settings: NO_RETENTION, byDefault: "all" })).toBeNull();
    expect(retentionRule({ own: null, settings: given(7, null), byDefault: "all" })).toMatchObject({ runs: 7 });
  });
});
