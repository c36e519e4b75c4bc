import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { petit, tempFolder } from "../../support/cli.ts";

const shellEvent = (title: string, script: string) => ({
  id: title,
  title,
  enabled: 1,
  plugin: "shellplug",
  params: { script },
});

const exportOf = (...items: readonly object[]): string => `global/schedule/0 - ${JSON.stringify({ items })}\n`;

describe("the output folder of petit import", () => {
  test("is left as it is if the new jobs would not be valid beside those that are there", async () => {
    using folder = tempFolder();
    folder.write("dags/first.yaml", "steps:\n  - name: call\n    call: second\n");
    folder.write("dags/second.yaml", "steps:\n  - name: end\n    command: 'true'\n");
    folder.write(
      "jobs/other.yaml",
      "id: other\ntriggers:\n  - {type: run, job: second}\ntasks:\n  - {id: again, type: job, job: first}\n",
    );
    const { status, stderr } = await petit(["import", "dagu", "dags", "-o", "jobs"], { cwd: folder.path });
    expect({ status, files: readdirSync(join(folder.path, "jobs")) }).toEqual({ status: 1, files: ["other.yaml"] });
    expect(stderr).toContain("nothing was written, because these job files would be invalid:");
    expect(stderr).toContain("jobs start one another in a cycle");
  });

  test("may have had problems before", async () => {
    using folder = tempFolder();
    folder.write("jobs/broken.yaml", "id: broken\n");
    const { status } = await petit(["import", "cronicle", "-", "-o", "jobs"], {
      cwd: folder.path,
      stdin: exportOf(shellEvent("e", "true")),
    });
    expect({ status, files: readdirSync(join(folder.path, "jobs")).sort() }).toEqual({
      status: 0,
      files: ["broken.yaml", "e.yaml"],
    });
  });

  test("gets no job file that petit would not read because of its size", async () => {
    using folder = tempFolder();
    const { status, stderr } = await petit(["import", "cronicle", "-", "-o", "jobs"], {
      cwd: folder.path,
      stdin: exportOf(shellEvent("small", "true"), shellEvent("large", `# ${"x".repeat(2 ** 20)}\n`)),
    });
    expect({ status, entries: readdirSync(folder.path) }).toEqual({ status: 1, entries: [] });
    expect(stderr).toContain("large.yaml:1:1: is larger than 1 MiB; expected several smaller files");
  });

  test("is left as it is if a folder has the name of a job file, also with --force", async () => {
    using folder = tempFolder();
    const old = folder.write("jobs/a.yaml", "id: a\ntasks:\n  - {id: run, type: shell, script: 'true'}\n");
    mkdirSync(join(folder.path, "jobs", "b.yaml"));
    const { status, stderr } = await petit(["import", "cronicle", "-", "-o", "jobs", "--force"], {
      cwd: folder.path,
      stdin: exportOf(shellEvent("a", "echo new"), shellEvent("b", "true")),
    });
    expect({ status, files: readdirSync(join(folder.path, "jobs")).sort() }).toEqual({
      status: 1,
      files: ["a.yaml", "b.yaml"],
    });
    expect(stderr).toContain("a folder has the name of a job file: jobs/b.yaml; nothing was written");
    expect(readFileSync(old, "utf8")).toContain("'true'");
  });

  test("leaves no empty folders if a file is where a folder has to be", async () => {
    using folder = tempFolder();
    folder.write("jobs", "");
    const { status, stderr } = await petit(["import", "cronicle", "-", "-o", "jobs/below"], {
      cwd: folder.path,
      stdin: exportOf(shellEvent("a", "true")),
    });
    expect({ status, entries: readdirSync(folder.path) }).toEqual({ status: 1, entries: ["jobs"] });
    expect(stderr).toContain("the job files can't be written to jobs/below");
  });
});
