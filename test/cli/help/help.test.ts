import { describe, expect, test } from "bun:test";
import { EXPRESSIONS } from "../../../src/cli/help/topics/schedules.ts";
import { TOPICS } from "../../../src/cli/help/topics/topics.ts";
import { parseExpression } from "../../../src/domain/schedule/expression.ts";
import { fieldTable } from "../../../src/jobfile/schema/reference.ts";
import { petit } from "../../support/cli.ts";

describe("petit help", () => {
  test("lists all topics and commands", async () => {
    const { status, stdout } = await petit(["help"]);
    expect(status).toBe(0);
    for (const { name, summary } of TOPICS) expect(stdout).toContain(`  ${name.padEnd(9)}  ${summary}`);
    expect(stdout).toBe((await petit(["--help"])).stdout);
  });

  test.each(TOPICS.map(({ name }) => ({ name })))("explains $name in at most 80 columns", async ({ name }) => {
    const { status, stdout, stderr } = await petit(["help", name]);
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout.length).toBeGreaterThan(1_000);
    expect(stdout).not.toMatch(/undefined|\[object/);
    // Commands to copy are not wrapped.
    const long = stdout.split("\n").filter((line) => line.length > 80 && !/^ {2}(curl|petit|sh|sudo|.*# )/.test(line));
    expect(long).toEqual([]);
  });

  test("job-files lists every field", async () => {
    const { stdout } = await petit(["help", "job-files"]);
    expect(fieldTable().filter(({ path }) => !stdout.includes(`  ${path}`))).toEqual([]);
  });

  test("schedules shows only valid expressions", () => {
    expect(EXPRESSIONS.filter(([text]) => parseExpression(text).kind === "wrong")).toEqual([]);
  });

  test("api lists endpoints and errors", async () => {
    const { stdout } = await petit(["help", "api"]);
    expect(stdout).toContain("  POST /api/jobs/{job_id}/trigger\n");
    expect(stdout).toContain("  429 TOO_MANY_REQUESTS ");
  });

  test("upgrade says how to go back", async () => {
    const { stdout } = await petit(["help", "upgrade"]);
    expect(stdout).toContain("  sudo petit --db /var/lib/petit/petit.db restore before.db ");
    expect(stdout.replaceAll(/\s+/g, " ")).toContain("run `petit restore before.db` with it");
  });

  test("for a command prints its --help", async () => {
    expect(await petit(["help", "run"])).toEqual(await petit(["run", "--help"]));
    expect((await petit(["help", "run", "--no-color"])).status).toBe(0);
  });

  test.each([
    { args: ["help", "jobfiles"], says: "did you mean 'petit help job-files'?" },
    { args: ["help", "rum"], says: "did you mean 'petit help run'?" },
    { args: ["help", "api", "again"], says: "unexpected argument 'again'" },
    { args: ["help", "--bogus"], says: "unknown flag '--bogus'" },
  ])("$args exits with 2 and prints the reason", async ({ args, says }) => {
    expect(await petit(args)).toEqual({ status: 2, stdout: "", stderr: expect.stringContaining(says) });
  });
});
