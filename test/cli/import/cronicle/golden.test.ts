import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { petit, tempFolder } from "../../../support/cli.ts";

const FIXTURES = join(import.meta.dirname, "../../../fixtures/cronicle");

const golden = (name: string): string => readFileSync(join(FIXTURES, name), "utf8");

const eventLine = (event: object): string => `global/schedule/0 - ${JSON.stringify({ items: [event] })}\n`;

describe("petit import cronicle", () => {
  test("turns the events of an export into the job files in jobs.golden.yaml, and says what is different", async () => {
    const args = ["import", "cronicle", "export.txt", "--smtp", "localhost"];
    const { status, stdout, stderr } = await petit(args, { cwd: FIXTURES });
    expect(stdout).toBe(golden("jobs.golden.yaml"));
    expect(stderr).toBe(golden("report.golden.txt"));
    expect(status).toBe(0);
  });

  test("writes jobs that petit validate accepts, also those that start each other", async () => {
    using folder = tempFolder();
    const source = join(FIXTURES, "export.txt");
    const imported = await petit(["import", "cronicle", source, "-o", "jobs"], { cwd: folder.path });
    expect(imported.status).toBe(0);
    expect(imported.stderr).toContain(
      "left out: notify_fail: ops@example.com, dba@example.com: --smtp names the mail server",
    );
    const { status, stderr } = await petit(["validate", "jobs"], { cwd: folder.path });
    expect({ status, stderr: status === 0 ? "" : stderr }).toEqual({ status: 0, stderr: "" });
  });

  test("runs a script by its first line", async () => {
    using folder = tempFolder();
    const event = {
      id: "e",
      title: "e",
      enabled: 1,
      plugin: "shellplug",
      params: { script: "#!/bin/bash\n[[ 1 == 1 ]] && echo '<bash>'" },
    };
    await petit(["import", "cronicle", "-", "-o", "jobs"], { cwd: folder.path, stdin: eventLine(event) });
    const { status, stdout } = await petit(["trigger", "jobs", "e"], { cwd: folder.path });
    expect({ status, found: stdout.includes("<bash>") }).toEqual({ status: 0, found: true });
  });

  test("writes nothing if a line is not a record, and says where", async () => {
    const { status, stdout, stderr } = await petit(["import", "cronicle", "-"], {
      stdin: "# Cronicle\nglobal/schedule/0 - {\nnonsense\n",
    });
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toBe(
      "stdin:2: is not a record of Cronicle; expected KEY - JSON, as `control.sh export` writes it\n" +
        "stdin:3: is not a record of Cronicle; expected KEY - JSON, as `control.sh export` writes it\n" +
        "2 problems: nothing was written\n",
    );
  });

  test.each([
    [["cronicle"], "FILE is missing: petit import cronicle FILE [-o DIR]"],
    [["cronicle", "nowhere"], "there is no file nowhere; expected an export of Cronicle"],
    [["cronicle", "."], ". is not a file; expected an export of Cronicle"],
  ])("is asked for correctly: %j", async (args, message) => {
    const { status, stdout, stderr } = await petit(["import", ...args]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain(message);
  });
});
