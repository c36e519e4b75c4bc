import { describe, expect, test } from "bun:test";
import { join } from "node:path";

const LOGGER = join(import.meta.dir, "../../src/app/logger.ts");

/** What a logger writes to stderr, of a process of its own. */
const logged = async (format: "json" | "pretty", fields: object): Promise<string> => {
  const program = `import { openLog } from ${JSON.stringify(LOGGER)};
    openLog({ level: "info", format: ${JSON.stringify(format)}, color: false }).info(${JSON.stringify(fields)}, "said");`;
  const child = Bun.spawn([process.execPath, "-e", program], { stdout: "ignore", stderr: "pipe" });
  return await new Response(child.stderr).text();
};

describe("the log", () => {
  test.each(["json", "pretty"] as const)("hides what a secret's name stands before, as %s", async (format) => {
    const secrets = { token: "s3cret", authorization: "s3cret", cookie: "s3cret", environment: { X: "s3cret" } };
    const line = await logged(format, { ...secrets, settings: secrets, request: { headers: secrets }, kept: "shown" });
    expect(line).toContain("said");
    expect(line).toContain("shown");
    expect(line).not.toContain("s3cret");
  });
});
