import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { petit, tempFolder } from "../../../support/cli.ts";
import { blocksOf } from "../../../support/documentation.ts";

const FIXTURES = join(import.meta.dirname, "../../../fixtures/dagu");

const golden = (name: string): string => readFileSync(join(FIXTURES, name), "utf8");

/** A home folder that is the same on each machine. */
const environment = { HOME: "/home/alice" };

describe("petit import dagu", () => {
  test("turns the DAGs of a folder into the job files in jobs.golden.yaml, and says what is different", async () => {
    const { status, stdout, stderr } = await petit(["import", "dagu", "dags"], { cwd: FIXTURES, environment });
    expect(stdout.replaceAll(FIXTURES, "/srv")).toBe(golden("jobs.golden.yaml"));
    expect(stderr.replaceAll(FIXTURES, "/srv")).toBe(golden("report.golden.txt"));
    expect(status).toBe(0);
  });

  test("writes jobs that petit validate accepts, also those that run each other", async () => {
    using folder = tempFolder();
    const imported = await petit(["import", "dagu", join(FIXTURES, "dags"), "-o", "jobs"], { cwd: folder.path });
    expect(imported.status).toBe(0);
    const { status, stderr } = await petit(["validate", "jobs"], { cwd: folder.path });
    expect({ status, stderr: status === 0 ? "" : stderr }).toEqual({ status: 0, stderr: "" });
  });

  test("names a field that it does not know", async () => {
    using folder = tempFolder();
    folder.write("a.yaml", "steps:\n  - command: echo a\n    colour: red\nfurther: {x: 1}\n");
    const { stderr, status } = await petit(["import", "dagu", "a.yaml", "--strict"], { cwd: folder.path });
    expect(status).toBe(1);
    expect(stderr).toBe(
      "a.yaml:1 → a\n" +
        "a.yaml:3: left out: colour: red: petit has no field for it\n" +
        "a.yaml:4: left out: further: …: petit has no field for it\n" +
        "1 job, 2 left out\n",
    );
  });

  test("names steps that would wait for each other, or for themselves", async () => {
    using folder = tempFolder();
    const steps = [
      "{name: a, command: x, depends: b}",
      "{name: b, command: x, depends: a}",
      "{name: c, command: x, depends: c}",
    ];
    folder.write("a.yaml", `type: graph\nsteps:\n${steps.map((step) => `  - ${step}\n`).join("")}`);
    const { status, stdout, stderr } = await petit(["import", "dagu", "a.yaml", "-o", "jobs"], { cwd: folder.path });
    expect({ status, stdout }).toEqual({ status: 0, stdout: "wrote jobs/a.yaml\n" });
    expect(stderr).toContain("a.yaml:4: left out: depends: a: 'b' and 'a' would wait for each other\n");
    expect(stderr).toContain("a.yaml:5: left out: depends: c: 'c' and 'c' would wait for each other\n");
    expect((await petit(["validate", "jobs"], { cwd: folder.path })).status).toBe(0);
  });

  test("writes nothing if a file can't be read, and says where", async () => {
    using folder = tempFolder();
    folder.write("dags/a.yaml", "steps: [\n");
    folder.write("dags/b.yaml", "- a\n");
    const { status, stdout, stderr } = await petit(["import", "dagu", "dags", "-o", "jobs"], { cwd: folder.path });
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toContain("dags/a.yaml:2: not valid YAML");
    expect(stderr).toContain(
      "dags/b.yaml:1: is not a DAG; expected a map with steps\n2 problems: nothing was written\n",
    );
  });

  test.each([
    [["dagu"], "DIR is missing: petit import dagu DIR [-o DIR]"],
    [["dagu", "nowhere"], "there is no file or folder nowhere; expected DAGs of Dagu"],
    [["dagu", "."], ". has no files NAME.yaml; expected DAGs of Dagu"],
    [["dagu", ".", "--as", "root"], "--as is only for 'petit import crontab', 'anacrontab' and 'systemd'"],
  ])("is asked for correctly: %j", async (args, message) => {
    const { status, stdout, stderr } = await petit(["import", ...args]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain(message);
  });
});

describe("the page about Dagu", () => {
  test("shows what becomes of its DAG", async () => {
    const page = readFileSync(join(import.meta.dirname, "../../../../docs/from-dagu.md"), "utf8");
    const [dag = "", job] = blocksOf(page, "yaml");
    using folder = tempFolder();
    folder.write("etl.yaml", dag);
    const { stdout } = await petit(["import", "dagu", "etl.yaml"], { cwd: folder.path });
    expect(stdout.replaceAll(folder.path, "/srv")).toBe(job ?? "");
  });
});

describe("an imported DAG", () => {
  const run = async (dag: string): Promise<{ readonly status: number | null; readonly lines: readonly string[] }> => {
    using folder = tempFolder();
    folder.write("dag.yaml", dag);
    await petit(["import", "dagu", "dag.yaml", "-o", "jobs"], { cwd: folder.path });
    const { status, stdout } = await petit(["trigger", "jobs", "dag"], { cwd: folder.path });
    return { status, lines: [...stdout.matchAll(/<(.*?)>/g)].map(([, text = ""]) => text) };
  };

  test("passes params, variables and outputs to its steps as Dagu does", async () => {
    const dag = `params: first NAME="the name" LATER=\`echo now\`
env:
  - BASE: /srv
  - FULL: \${BASE}/\${NAME}
steps:
  - command: echo "out of $1"
    output: OUT
  - echo "<$OUT> <\${FULL}> <$LATER>"
`;
    expect(await run(dag)).toEqual({
      status: 0,
      lines: ["out of first", "/srv/the name", "now"],
    });
  });

  test("fails with the status of a step whose output is kept", async () => {
    expect((await run("steps:\n  - command: echo '<a>'; exit 3\n    output: OUT\n")).status).toBe(1);
  });

  test("skips a step whose precondition does not hold, and those after it unless they may", async () => {
    const dag = `type: graph
steps:
  - {id: no, command: "echo '<no>'", preconditions: [{condition: "$(echo 1)", expected: "re:^[2-9]"}], continue_on: skipped}
  - {id: also, command: "echo '<also>'", preconditions: ["test -e /nowhere"]}
  - {id: after, depends: no, command: "echo '<after>'"}
  - {id: never, depends: also, command: "echo '<never>'"}
handler_on:
  success: {command: "echo '<success>'"}
  failure: {command: "echo '<failure>'"}
  exit: {command: "echo '<exit>'"}
`;
    expect(await run(dag)).toEqual({ status: 0, lines: ["after", "success", "exit"] });
  });

  test("runs the handlers of a failure", async () => {
    const dag = `type: graph
steps:
  - {id: bad, command: "exit 1"}
  - {id: allowed, command: "exit 2", continue_on: {exit_code: [2]}}
  - {id: after, depends: allowed, command: "echo '<after>'"}
handler_on:
  success: {command: "echo '<success>'"}
  failure: {command: "echo '<failure>'"}
  exit: {command: "echo '<exit>'"}
`;
    const { status, lines } = await run(dag);
    expect({ status, lines: [...lines].sort() }).toEqual({ status: 1, lines: ["after", "exit", "failure"] });
  });
});
