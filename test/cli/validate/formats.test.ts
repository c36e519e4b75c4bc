import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import SCHEMA from "@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json" with { type: "json" };
import { Ajv } from "ajv";
import manifest from "../../../package.json" with { type: "json" };
import { githubReport } from "../../../src/cli/validate/github.ts";
import { sarifReport } from "../../../src/cli/validate/sarif.ts";
import { petit, tempFolder } from "../../support/cli.ts";

/** The published schema is of draft 4, whose only difference here is the name of the id. */
const { $schema: _, id, ...schema } = SCHEMA;
const isSarif = new Ajv({ strict: false, validateFormats: false, unicodeRegExp: false }).compile({
  $id: id,
  ...schema,
});

const BROKEN = "id: a\nshedule: '@daily'\ntasks: []\n";

const found = (file: string, message = "it is wrong; expected 100%,\nor less: x") => ({
  jobs: [],
  problems: [{ file, line: 3, column: 7, path: "tasks[0].type", message }],
  warnings: ["no python3 here"],
  isValid: false,
});

describe("petit validate --format", () => {
  test("github annotates the lines, relative to the repository, and keeps the text of messages", () => {
    expect(githubReport(found("/src/jobs/a,b:c.yaml"), { root: "/src", version: "1.2.3" })).toBe(
      "::error file=jobs/a%2Cb%3Ac.yaml,line=3,col=7,title=petit validate::tasks[0].type: it is wrong; expected 100%25,\\u{a}or less: x\n" +
        "::warning title=petit validate::no python3 here\n",
    );
  });

  test("github can't be made to run other commands by a file", () => {
    const report = githubReport(found("/src/a.yaml", "bad\r\n::set-output name=x::y"), {
      root: "/src",
      version: "1.2.3",
    });
    expect(report.split("\n").filter((line) => /^::(?!error |warning )/.test(line.trim()))).toEqual([]);
    expect(report.match(/\n/g)).toHaveLength(2);
  });

  test("sarif has encoded paths relative to the root, and those elsewhere as URLs", () => {
    const placeOf = (file: string) => {
      const log = JSON.parse(sarifReport(found(file), { root: "/src", version: "1.2.3" }));
      expect([isSarif(log), isSarif.errors]).toEqual([true, null]);
      return log.runs[0].results[0].locations[0].physicalLocation;
    };
    expect(placeOf("/src/jobs/a b#1.yaml")).toEqual({
      artifactLocation: { uri: "jobs/a%20b%231.yaml", uriBaseId: "%SRCROOT%" },
      region: { startLine: 3, startColumn: 7 },
    });
    expect(placeOf("/other/a.yaml").artifactLocation).toEqual({ uri: "file:///other/a.yaml" });
  });

  test("sarif has no place for a problem of the folder as a whole", () => {
    const log = JSON.parse(sarifReport(found("."), { root: "/src", version: "1.2.3" }));
    expect(isSarif(log)).toBe(true);
    expect(log.runs[0].results[0].locations).toEqual([]);
  });

  test("the schema of the test refuses what is no SARIF", () => {
    expect(isSarif({ version: "2.1.0", runs: [{ results: [] }] })).toBe(false);
    expect(isSarif({ version: "2.0.0", runs: [] })).toBe(false);
  });

  test("sarif and github report the problems of files, and exit as without it", async () => {
    using folder = tempFolder();
    folder.write("repository/jobs/a.yaml", BROKEN);
    const environment = { GITHUB_WORKSPACE: join(folder.path, "repository") };
    const run = (...args: readonly string[]) =>
      petit(["validate", ...args], { cwd: join(folder.path, "repository/jobs"), environment });
    const sarif = await run(".", "--format", "sarif");
    const log = JSON.parse(sarif.stdout);
    expect([sarif.status, isSarif(log), isSarif.errors]).toEqual([1, true, null]);
    expect(log.runs[0].tool.driver).toMatchObject({ name: "petit", semanticVersion: manifest.version });
    const [first] = log.runs[0].results;
    expect(first.locations[0].physicalLocation).toEqual({
      artifactLocation: { uri: "jobs/a.yaml", uriBaseId: "%SRCROOT%" },
      region: { startLine: 2, startColumn: 1 },
    });
    expect(first.message.text).toStartWith("shedule: ");
    const github = await run("a.yaml", "--format", "github");
    expect(github.status).toBe(1);
    expect(github.stdout).toStartWith("::error file=jobs/a.yaml,line=2,col=1,title=petit validate::shedule: ");
    expect(github.stdout.trimEnd().split("\n")).toHaveLength(log.runs[0].results.length);
  });

  test.each([
    { args: ["--format", "xml"], says: "--format is 'xml'; expected text, json, github, sarif" },
    { args: ["--format", "sarif", "--json"], says: "--json and --format sarif exclude each other" },
  ])("$args exits with 2", async ({ args, says }) => {
    using folder = tempFolder();
    folder.write("a.yaml", BROKEN);
    const { status, stdout, stderr } = await petit(["validate", "a.yaml", ...args], { cwd: folder.path });
    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr.replaceAll(/\s+/g, " ")).toContain(says);
  });

  test("nothing is reported for valid files", async () => {
    using folder = tempFolder();
    folder.write("a.yaml", readFileSync(join(import.meta.dirname, "../../../examples/jobs/hello_world.yaml"), "utf8"));
    const run = (format: string) => petit(["validate", "a.yaml", "--format", format], { cwd: folder.path });
    expect(await run("github")).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(JSON.parse((await run("sarif")).stdout).runs[0].results).toEqual([]);
    expect(JSON.parse((await run("json")).stdout)).toEqual({ valid: true, jobs: 1, problems: [] });
  });
});
