import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CommandResult, petit } from "../../support/cli.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";
import { tempDir } from "../../support/temp-dir.ts";

const JOBS = `id: report
tasks:
  - {id: a, type: shell, script: 'cd "$PETIT_ARTIFACTS"; echo text > report.txt; mkdir out; echo 1,2 > out/rows.csv'}
  - {id: b, type: shell, script: 'cd "$PETIT_ARTIFACTS"; printf "a\\0b" > data.bin; echo other > report.txt'}
---
id: none
tasks: [{id: t, type: command, command: "true"}]
`;

let running: Petit;
let runId: string;
beforeAll(async () => {
  running = await startPetit({ jobs: { "all.yaml": JOBS }, args: ["--no-watch"] });
  runId = JSON.parse((await ask("trigger", "report", "--wait", "--json")).stdout).id;
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
});

const ask = (...args: readonly string[]): Promise<CommandResult> =>
  petit(args, { environment: { PETIT_URL: running.url } });

describe("petit artifacts", () => {
  test("lists the artifacts of a run, or of one task", async () => {
    const { status, stdout, stderr } = await ask("artifacts", runId);
    expect([status, stderr]).toEqual([0, ""]);
    const rows = stdout.trimEnd().split("\n");
    expect(rows.map((line) => line.split(/ {2,}/).slice(0, 3))).toEqual([
      ["PATH", "SIZE", "ATTEMPT"],
      ["a/out/rows.csv", "4 bytes", "1"],
      ["a/report.txt", "5 bytes", "1"],
      ["b/data.bin", "3 bytes", "1"],
      ["b/report.txt", "6 bytes", "1"],
    ]);
    expect((await ask("artifacts", "report", "--task", "b", "--json")).stdout).toContain('"count": 2');
  });

  test("says that there are none", async () => {
    await ask("trigger", "none", "--wait");
    const { status, stdout, stderr } = await ask("artifacts", "none");
    expect([status, stdout]).toEqual([0, ""]);
    expect(stderr).toEndWith(" has no artifacts\n");
  });

  test("prints an artifact, also by the last parts of its path", async () => {
    expect(await ask("artifacts", runId, "a/report.txt")).toEqual({ status: 0, stdout: "text\n", stderr: "" });
    expect((await ask("artifacts", runId, "rows.csv")).stdout).toBe("1,2\n");
    expect((await ask("artifacts", runId, "report.txt", "--task", "b")).stdout).toBe("other\n");
    expect((await ask("artifacts", runId, "data.bin", "-o", "-")).stdout).toBe("a\0b");
  });

  test("refuses a path that is unknown or ambiguous", async () => {
    const unknown = await ask("artifacts", runId, "out/row.csv");
    expect([unknown.status, unknown.stdout]).toEqual([2, ""]);
    expect(unknown.stderr).toContain("has no artifact 'out/row.csv'; did you mean 'out/rows.csv'?");
    const ambiguous = await ask("artifacts", runId, "report.txt");
    expect(ambiguous.status).toBe(2);
    expect(ambiguous.stderr).toContain("end with 'report.txt':\n  a/report.txt\n  b/report.txt\n");
    expect((await ask("artifacts", runId, "-o", "x")).stderr).toContain("-o needs a PATH");
  });

  test("saves an artifact to a file or into a folder, and leaves nothing if it can't", async () => {
    using dir = tempDir();
    writeFileSync(dir.file("old"), "old content");
    const saved = await ask("artifacts", runId, "data.bin", "-o", dir.file("old"));
    expect([saved.status, saved.stdout]).toEqual([0, ""]);
    expect(saved.stderr).toBe(`saved ${dir.file("old")}: 3 bytes\n`);
    await ask("artifacts", runId, "rows.csv", "-o", dir.path);
    expect(readdirSync(dir.path).sort()).toEqual(["old", "rows.csv"]);
    expect([readFileSync(dir.file("old"), "utf8"), readFileSync(dir.file("rows.csv"), "utf8")]).toEqual([
      "a\0b",
      "1,2\n",
    ]);
    const failed = await ask("artifacts", runId, "rows.csv", "-o", dir.file("missing/x"));
    expect([failed.status, failed.stderr]).toEqual([1, expect.stringContaining("cannot write ")]);
  });

  test("reports a damaged file, and does not save it", async () => {
    using dir = tempDir();
    const { id } = JSON.parse((await ask("trigger", "report", "--wait", "--json")).stdout);
    writeFileSync(join(`${running.dbPath}-artifacts`, id, "a", "report.txt"), "TEXT\n");
    const { status, stderr } = await ask("artifacts", id, "a/report.txt", "-o", dir.file("x"));
    expect([status, stderr]).toEqual([1, expect.stringContaining("its SHA-256 differs")]);
    expect(readdirSync(dir.path)).toEqual([]);
  });

  test("are mentioned by petit status", async () => {
    expect((await ask("status", runId)).stdout).toMatch(
      /^artifacts {1,}4 files, 18 bytes: petit artifacts [0-9a-f]{8}$/m,
    );
    expect((await ask("status", "none")).stdout).not.toContain("artifacts");
  });

  test("complete their paths", async () => {
    const { stdout } = await ask("completion", "--line", `petit artifacts ${runId} a/`);
    expect(stdout).toContain("a/out/rows.csv");
  });
});
