import { describe, expect, test } from "bun:test";
import { misspeltVariables } from "../../../src/app/settings/misspelt-variables.ts";
import { variableOf } from "../../../src/app/settings/setting.ts";
import { SETTINGS } from "../../../src/app/settings/settings.ts";
import type { NotifyTarget } from "../../../src/domain/notification.ts";
import { job } from "../../support/engine/factories.ts";

const nearOf = (name: string): string | null => misspeltVariables({ [name]: "x" }, [])[0]?.near ?? null;

describe("a variable that looks like a setting's", () => {
  test.each([
    ["PETIT_API_PROT", "PETIT_API_PORT"],
    ["PETIT_APIPORT", "PETIT_API_PORT"],
    ["PETIT_MAX_JOB", "PETIT_MAX_JOBS"],
    ["PETIT_TOKENFILE", "PETIT_TOKEN_FILE"],
    ["PETIT_API_TOKN", "PETIT_API_TOKEN"],
    ["PETIT_DBB", "PETIT_DB"],
    ["PETIT_NO_APPI", "PETIT_NO_API"],
    ["PETIT_TIME_ZONE", "PETIT_TIMEZONE"],
  ])("%s is a slip for %s", (name, near) => {
    expect(nearOf(name)).toBe(near);
  });

  test.each([
    ...Object.values(SETTINGS).map(variableOf),
    "PETIT_NO_API",
    "PETIT_ALLOWED_HOST",
    "PETIT_API_TOKEN",
    "PETIT_CONFIG",
    "PETIT_JOB_ID",
    "PETIT_PARAM_DB",
    "PETIT_CONFIG_URL",
    "PETIT_SOMETHING_OF_OURS",
    "API_PROT",
    "XPETIT_API_PROT",
  ])("%s is invalid", (name) => {
    expect(nearOf(name)).toBeNull();
  });

  test("is ignored if a job's notification reads it", () => {
    const target: NotifyTarget = {
      type: "webhook",
      url: { env: "PETIT_URLS" },
      on: ["failure"],
      headers: { "x-key": { env: "PETIT_API_TOKENS" } },
      secret: { env: "PETIT_DBS" },
      timeoutMs: 1_000,
    };
    const environment = { PETIT_URLS: "", PETIT_API_TOKENS: "", PETIT_DBS: "" };
    expect(misspeltVariables(environment, [])).toHaveLength(3);
    expect(misspeltVariables(environment, [job("j", { notify: [target] })])).toEqual([]);
  });
});
