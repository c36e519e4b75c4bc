import { describe, expect, test } from "bun:test";
import { cpSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { petit, tempFolder } from "../../../support/cli.ts";

const FIXTURES = join(import.meta.dirname, "..", "..", "..", "fixtures", "petit-rs");

const importOld = (cwd: string, ...args: readonly string[]) =>
  petit(["import", "petit-rs", "old", "--working-dir", "/srv/etl", ...args], { cwd });

const filesIn = (folder: string) =>
  Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "utf8")]));

describe("petit import petit-rs", () => {
  test("rewrites the files of a folder, and says what became of each", async () => {
    using folder = tempFolder();
    cpSync(join(FIXTURES, "old"), join(folder.path, "old"), { recursive: true });
    const { status, stdout, stderr } = await importOld(folder.path, "-o", "new");
    const expected = filesIn(join(FIXTURES, "new"));
    expect(filesIn(join(folder.path, "new"))).toEqual(expected);
    expect(stdout).toBe(
      Object.keys(expected)
        .sort()
        .map((name) => `wrote new/${name}\n`)
        .join(""),
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: readFileSync(join(FIXTURES, "report.txt"), "utf8") });
  });

  test("writes the files to stdout without -o, and no file", async () => {
    using folder = tempFolder();
    cpSync(join(FIXTURES, "old"), join(folder.path, "old"), { recursive: true });
    const { status, stdout } = await importOld(folder.path);
    const texts = Object.entries(filesIn(join(FIXTURES, "new"))).sort(([a], [b]) => (a < b ? -1 : 1));
    expect({ status, stdout }).toEqual({ status: 0, stdout: texts.map(([, text]) => text).join("---\n") });
    expect(readdirSync(folder.path)).toEqual(["old"]);
  });

  test("writes files that petit validate accepts, and that fire when the Rust petit fires them", async () => {
    const { status, stdout } = await petit(["validate", "new"], { cwd: FIXTURES });
    expect({ status, stdout }).toEqual({ status: 0, stdout: "valid: 7 jobs, 11 tasks in new\n" });
    const args = ["new", "monday", "-n", "1", "--from", "2026-01-01T00:00:00Z", "--json"];
    const next = await petit(["next", ...args], { cwd: FIXTURES, environment: { TZ: "Asia/Tokyo" } });
    // A Monday.
    expect(JSON.parse(next.stdout).occurrences[0].local).toBe("2026-01-05T09:00:00+00:00");
  });

  test("starts a relative working_dir at the current folder", async () => {
    using folder = tempFolder();
    folder.write("old/a.yaml", job("a", "    working_dir: data files"));
    const { stdout } = await petit(["import", "petit-rs", "old"], { cwd: folder.path });
    expect(stdout).toContain(`    working_dir: ${JSON.stringify(join(folder.path, "data files"))}\n`);
  });

  test("renames a file whose name begins with a dot, because petit does not read it", async () => {
    using folder = tempFolder();
    folder.write("old/.a.yaml", job("a"));
    const { stdout } = await importOld(folder.path, "-o", "new");
    expect(stdout).toBe("wrote new/a.yaml\n");
  });

  test("reads no folder below, and no other files", async () => {
    using folder = tempFolder();
    folder.write("old/below/a.yaml", job("a"));
    folder.write("old/a.YAML", job("a"));
    const { status, stdout, stderr } = await importOld(folder.path, "-o", "new");
    const why = "the Rust petit does not read the folders in its folder";
    expect({ status, stdout, stderr }).toEqual({
      status: 1,
      stdout: "",
      stderr: `old/below/a.yaml:1: left out: ${why}\n0 jobs, 1 left out\n`,
    });
  });

  test("fails for a folder without job files", async () => {
    using folder = tempFolder();
    folder.write("old/notes.txt", "");
    const { status, stderr } = await importOld(folder.path);
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: "petit: no job found in old; expected *.yaml or *.yml files with a job each\n",
    });
  });

  test("reports every problem with its line, and writes nothing", async () => {
    using folder = tempFolder();
    folder.write("old/a.yaml", job("a"));
    folder.write("old/b.yaml", `# again\n${job("a")}`);
    folder.write("old/.c.yaml", job("c"));
    folder.write("old/c.yaml", job("c2"));
    folder.write("old/d.yaml", `name: D\nid: d\nschedule: "0 9 * * 0"\n`);
    folder.write("old/e.yaml", `depends_on:\n  - a\n${job("e", "    timeout_secs: 0\n    retry: 3")}`);
    folder.write("old/f.yaml", `${job("f")}---\n${job("g")}`);
    folder.write("old/h.yaml", "id: [h\n");
    folder.write("old/i.yaml", "hello\n");
    folder.write("old/j.yaml/a.yaml", job("j"));
    folder.write("old/k.yaml", `schedule: ["* * * * *"]\n${job("k")}`);
    folder.write("old/l.yaml", `x: &x {name: L}\n${job("l", "    <<: *x")}`);
    const { status, stdout, stderr } = await importOld(folder.path, "-o", "new");
    expect({ status, stdout, lines: stderr.split("\n") }).toEqual({
      status: 1,
      stdout: "",
      lines: [
        "old/d.yaml:3: '0 9 * * 0' is not a schedule of the Rust petit: '0' is not understood in the day of week field; expected 1 to 7, a name, '*', a range, a list or a step",
        "old/e.yaml:9: tasks[0].timeout_secs: 0 is out of bounds; expected a number of seconds, more than 0, at most 3155760000",
        "old/e.yaml:10: tasks[0].retry: is a number; expected a map with max_attempts, delay, delay_secs …",
        "old/f.yaml:9: a second document is not read by the Rust petit; expected one job in a file",
        "old/h.yaml:2: not valid YAML: flow sequence in block collection must be sufficiently indented and end with a ]",
        "old/i.yaml:1: is not a job; expected a map with id, name and tasks",
        "old/j.yaml:1: is not a regular file; expected a job file",
        "old/k.yaml:1: a list of schedules is not read by the Rust petit; expected one",
        "old/l.yaml:5: '<<' is ignored by the Rust petit; expected the fields themselves, or no '<<'",
        "old/b.yaml:2: the id 'a' is the id of old/a.yaml:1 as well; expected another",
        "old/.c.yaml:1: would be written to c.yaml, as another file; expected another name",
        "11 problems: nothing was written",
        "",
      ],
    });
    expect(existsSync(join(folder.path, "new"))).toBe(false);
  });

  test("refuses files that it has written, because it would change the weekday numbers again", async () => {
    const { status, stderr } = await petit(["import", "petit-rs", "new"], { cwd: FIXTURES });
    expect(status).toBe(1);
    expect(stderr).toContain(
      "new/monday.yml:4: 'catchup' is a field of petit, so the file seems to be imported already; expected a file of the Rust petit\n",
    );
  });

  test("separates the files on stdout, also those without a line break at the end", async () => {
    using folder = tempFolder();
    for (const id of ["a", "b"]) folder.write(`old/${id}.yaml`, job(id).trimEnd());
    expect((await importOld(folder.path)).stdout).toBe(`${job("a")}---\n${job("b")}`);
  });

  test("refuses --working-dir for another import", async () => {
    const { status, stderr } = await petit(["import", "crontab", "-", "--working-dir", "/"]);
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: "petit: --working-dir is only for 'petit import petit-rs'\n",
    });
  });
});

const job = (id: string, fields = "    args: [hello]"): string => `id: ${id}
name: The job
tasks:
  - id: task
    type: command
    command: echo
${fields}
`;
