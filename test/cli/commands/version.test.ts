import { expect, test } from "bun:test";
import { openSync } from "node:fs";
import manifest from "../../../package.json" with { type: "json" };
import { SCHEMA_VERSION } from "../../../src/store/database/migrate.ts";
import { PETIT, petit } from "../../support/cli.ts";

const stdoutOf = async (...args: string[]) => (await petit(args)).stdout;

test.each([
  { args: ["--version"] },
  { args: ["-V"] },
  { args: ["--version", "--no-color"] },
  { args: ["run", "--version"] },
])("$args prints the version", async ({ args }) => {
  expect(await petit(args)).toEqual({ status: 0, stdout: `petit ${manifest.version}\n`, stderr: "" });
});

test("--version --json prints the build, the target and the versions of its parts", async () => {
  const details = JSON.parse(await stdoutOf("--version", "--json"));
  // Null if the source is not a checkout.
  expect(details.build.commit ?? "0".repeat(12)).toMatch(/^[0-9a-f]{12}(-dirty)?$/);
  expect(details.build.date ?? "2026-01-01T00:00:00Z").toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  expect(details).toEqual({
    version: manifest.version,
    build: details.build,
    target: `${process.platform}-${process.arch}`,
    runtime: { name: "bun", version: Bun.version },
    sqlite: expect.stringMatching(/^3\.\d+\.\d+$/),
    schema: SCHEMA_VERSION,
  });
});

test("--version fails if stdout can't be written", () => {
  const full = openSync("/dev/full", "w");
  const { exitCode, stderr } = Bun.spawnSync([...PETIT, "--version"], { stdout: full, stderr: "pipe" });
  expect([exitCode, stderr.toString()]).toEqual([1, expect.stringContaining("stdout can't be written")]);
});
