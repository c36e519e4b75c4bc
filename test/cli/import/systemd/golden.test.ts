import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readJobFile } from "../../../../src/jobfile/read/job-file.ts";
import { petit, tempFolder } from "../../../support/cli.ts";

const FIXTURES = join(import.meta.dirname, "../../../fixtures/systemd");

const golden = (name: string): string => readFileSync(join(FIXTURES, name), "utf8");

describe("petit import systemd", () => {
  test("turns the timers of a folder into the job files in jobs.golden.yaml, and says what is different", async () => {
    const { status, stdout, stderr } = await petit(["import", "systemd", "units"], { cwd: FIXTURES });
    expect(stdout).toBe(golden("jobs.golden.yaml"));
    expect(stderr).toBe(golden("report.golden.txt"));
    expect(status).toBe(0);
  });

  test("writes files that are valid", async () => {
    using folder = tempFolder();
    const { status, stderr } = await petit(["import", "systemd", "units", "-o", folder.path], { cwd: FIXTURES });
    expect({ status, last: stderr.trim().split("\n").at(-1) }).toEqual({ status: 0, last: "8 jobs, 27 left out" });
    const files = readdirSync(folder.path).sort();
    const read = files.map((file) =>
      readJobFile({ file, folder: folder.path, text: readFileSync(join(folder.path, file), "utf8") }),
    );
    expect(read.flatMap(({ problems }) => problems)).toEqual([]);
    expect(read.flatMap(({ jobs }) => jobs.map(({ id }) => String(id)))).toEqual([
      "backup",
      "daemon",
      "mirror-de-kernel",
      "never",
      "odd",
      "poll",
      "poll-boot",
      "quoting",
      "report",
      "report-asia-tokyo",
    ]);
  });

  test("names every setting that it leaves out, with its place, and exits with 1 if --strict", async () => {
    const { status, stdout } = await petit(["import", "systemd", "units/daemon.timer", "--strict", "--json"], {
      cwd: FIXTURES,
    });
    const { lines } = JSON.parse(stdout);
    expect(status).toBe(1);
    expect(lines).toContainEqual({
      file: "units/daemon.service",
      line: 15,
      outcome: "left_out",
      job_id: null,
      notes: ["UMask=0027: petit has no umask of a task; `umask` in a script sets it"],
    });
  });
});

/** Commands of the fixture `quoting` whose arguments the shell or petit itself has to pass on as systemd does. */
const ARGUMENTS = [
  ["${A} x$B $$C", ["one two", "x$B", "$C"]],
  ["$A $EMPTY '$A' \"${EMPTY}\"", ["one", "two", "one", "two", ""]],
  ["*${A}* 'a'\\''b' \\x24A", ["*one two*", "a'b", "one", "two"]],
  ["\\303\\251 \\xc3\\xa9", ["é", "é"]],
  ["a $(id) $1 '$A-x' $ b", ["a", "b"]],
  ["'a \\; b' \\; ';' x\\;", ["a \\; b", ";", ";", "x\\;"]],
  ["$Q ${Q}", ["x y", "z", "'x y' z"]],
] as const;

describe("an imported command", () => {
  test.each(ARGUMENTS)("has the arguments that systemd gives it: %s", async (text, expected) => {
    using folder = tempFolder();
    folder.write("a.timer", "[Timer]\nOnCalendar=daily\n");
    folder.write(
      "a.service",
      `[Service]\nWorkingDirectory=${folder.path}\nEnvironment="A=one two" EMPTY= "Q='x y' z"\nExecStart=/usr/bin/printf '<%%s>\\n' ${text}\n`,
    );
    await petit(["import", "systemd", "a.timer", "-o", "jobs"], { cwd: folder.path });
    const { status, stdout, stderr } = await petit(["trigger", "jobs", "a"], { cwd: folder.path });
    expect({ status, stderr: status === 0 ? "" : stderr }).toEqual({ status: 0, stderr: "" });
    expect([...stdout.matchAll(/<(.*)>/g)].map(([, argument]) => argument)).toEqual([...expected]);
  });
});

describe("what systemd reads otherwise", () => {
  const imported = async (timer: string, service: string) => {
    using folder = tempFolder();
    folder.write("a.timer", `[Timer]\n${timer}\n`);
    folder.write("a.service", `[Service]\nType=oneshot\n${service}\n`);
    const { stdout } = await petit(["import", "systemd", "a.timer"], { cwd: folder.path });
    return stdout;
  };

  test.each(["\\xff", "\\377", "\\x00", "\\303x"])(
    "leaves out a command with bytes that are no text: %s",
    async (bytes) => {
      const text = await imported("OnCalendar=daily", `ExecStart=/bin/x ${bytes}\nExecStart=/bin/y`);
      expect(text).toContain("is no text in UTF-8");
      expect(text).not.toContain("command: /bin/x");
    },
  );

  test("names a word that systemd drops", async () => {
    expect(await imported("OnCalendar=daily", "ExecStart=/bin/x $(id)")).toContain("'$(id)' begins with $");
  });

  test("says that quotes in a value from a file stay", async () => {
    const text = await imported("OnCalendar=daily", "EnvironmentFile=/etc/x\nExecStart=/bin/x $A");
    expect(text).toContain("quotes in a value that is split stay");
  });

  test("does not continue a line with a blank after the backslash, or with two backslashes", async () => {
    const text = await imported("OnCalendar=daily", "ExecStart=/bin/x \\ \nExecStart=/bin/y \\\\\nExecStart=/bin/z");
    expect([...text.matchAll(/command: (.*)/g)].map(([, command]) => command)).toEqual(["/bin/x", "/bin/y", "/bin/z"]);
    expect(text).toContain("does not continue it");
  });

  test.each([
    ["*-*-01/14", true],
    ["0/7:12", true],
    ["*:5/25", true],
    ["00,12/10,6:18..20", true],
    ["*:0/15", false],
    ["*:5/10", false],
    ["0/6:00", false],
    ["8..20/5:00", false],
    ["*-*-1,15", false],
  ])("names a repetition whose next value passes the end: %s %p", async (calendar, isNamed) => {
    const text = await imported(`OnCalendar=${calendar}`, "ExecStart=/bin/x");
    expect(text.includes("systemd 252 skips")).toBe(isNamed);
  });
});

describe("the units of the machine", () => {
  const units = (folder: ReturnType<typeof tempFolder>): Record<string, string> => {
    folder.write("units/a.timer", "[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n");
    folder.write("units/a.service", "[Service]\nExecStart=/bin/a\n");
    folder.write("units/b.timer", "[Timer]\nOnCalendar=hourly\n");
    folder.write("units/b.service", "[Service]\nExecStart=/bin/b\n");
    folder.write("units/timers.target.wants/a.timer", "");
    return { SYSTEMD_UNIT_PATH: join(folder.path, "units") };
  };

  test("are those that are enabled, if none is named", async () => {
    using folder = tempFolder();
    const { stdout } = await petit(["import", "systemd", "--json"], { environment: units(folder) });
    expect(JSON.parse(stdout).files.map(({ path }: { path: string }) => path)).toEqual(["a.yaml"]);
  });

  test("become jobs that are not enabled, if systemd does not start them", async () => {
    using folder = tempFolder();
    const { stdout } = await petit(["import", "systemd", "a", "b.timer"], { environment: units(folder) });
    expect([...stdout.matchAll(/^(?:id|enabled): .*/gm)].map(([line]) => line)).toEqual([
      "id: a",
      "id: b",
      "enabled: false",
    ]);
  });

  test.each([
    [["c"], 2, "there is no timer c.timer in"],
    [["a.socket"], 2, "'a.socket' is not a timer; expected NAME.timer"],
    [["./c.timer"], 2, "there is no file ./c.timer; expected a timer"],
    [["."], 2, ". has no timers; expected files NAME.timer"],
    [["a", "--as", "nobody-here"], 2, "--as is 'nobody-here'; expected a user of this machine"],
    [["a", "--smtp", "mail"], 2, "--smtp is only for 'petit import crontab', 'anacrontab' and 'cronicle'"],
  ])("are asked for correctly: %j", async (args, expected, message) => {
    using folder = tempFolder();
    const { status, stdout, stderr } = await petit(["import", "systemd", ...args], { environment: units(folder) });
    expect({ status, stdout }).toEqual({ status: expected, stdout: "" });
    expect(stderr).toContain(message);
  });

  test("write nothing if a line is not understood, and say where", async () => {
    using folder = tempFolder();
    folder.write("a.timer", "[Timer]\nOnCalendar daily\n");
    folder.write("a.service", "X=1\n[Service]\nExecStart=/bin/a\n");
    const { status, stdout, stderr } = await petit(["import", "systemd", "."], { cwd: folder.path });
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toBe(
      "a.timer:2: 'OnCalendar daily' is not understood; expected NAME=VALUE\n" +
        "a.service:1: 'X' is outside of a section; expected [Timer], [Service] or the like above it\n" +
        "2 problems: nothing was written\n",
    );
  });
});
