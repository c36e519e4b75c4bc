import { describe, expect, test } from "bun:test";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { runProgram } from "../support/runtime-command.ts";

const LOGGER = join(import.meta.dirname, "../../src/app/logger.ts");

/** What a logger writes to stderr, of a process of its own. */
const logged = (format: "json" | "pretty", fields: object): string => {
  const program = `import { openLog } from ${JSON.stringify(LOGGER)};
    openLog({ level: "info", format: ${JSON.stringify(format)}, color: false }).info(${JSON.stringify(fields)}, "said");`;
  return runProgram(program).stderr;
};

describe("the log", () => {
  test.each(["json", "pretty"] as const)("removes secrets by field name, in format %s", (format) => {
    const secrets = { token: "s3cret", authorization: "s3cret", cookie: "s3cret", environment: { X: "s3cret" } };
    const line = logged(format, { ...secrets, settings: secrets, request: { headers: secrets }, kept: "shown" });
    expect(line).toContain("said");
    expect(line).toContain("shown");
    expect(line).not.toContain("s3cret");
  });

  test.each([
    ["json", false],
    ["pretty", false],
    ["json", true],
    ["pretty", true],
  ] as const)("goes on where nobody can take it: a full disk, as %s; into the journal: %p", (format, journal) => {
    const program = `import { openLog } from ${JSON.stringify(LOGGER)};
      const log = openLog({ level: "info", format: "${format}", color: false, journal: ${journal} });
      for (let line = 0; line < 3; line++) { log.info({}, "said"); await new Promise((done) => setImmediate(done)); }
      console.log("alive");`;
    const full = openSync("/dev/full", "w");
    try {
      expect(runProgram(program, { stderr: full })).toMatchObject({ status: 0, stdout: "alive\n" });
    } finally {
      closeSync(full);
    }
  });
});
