import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { COMMANDS } from "../../src/cli/commands.ts";
import { cleanEnvironment, PETIT, petit, tempFolder } from "../support/cli.ts";

const JOB = "id: a\nschedule: '@daily'\ntasks: [{id: t, type: shell, script: 'true'}]\n";
const ESCAPE = "\u001b";

describe("petit --help", () => {
  test("lists every command, and is the output of petit without arguments", async () => {
    const { status, stdout, stderr } = await petit([]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    for (const { name, summary } of COMMANDS) expect(stdout).toContain(`  ${name.padEnd(10)}  ${summary}`);
    expect(stdout).toContain("petit --db petit.db run examples/jobs");
  });

  test("is the same for --help and -h", async () => {
    const [bare, long, short] = await Promise.all([petit([]), petit(["--help"]), petit(["-h"])]);
    expect(long).toEqual(bare);
    expect(short).toEqual(bare);
  });

  test.each(COMMANDS.map(({ name }) => name))(
    "for '%s' shows usage, flags with defaults, and an example",
    async (name) => {
      const { status, stdout, stderr } = await petit([name, "--help"]);
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      expect(stdout).toContain(`\nUsage:\n  petit ${name}`);
      expect(stdout).toContain("--db FILE");
      expect(stdout).toMatch(/\[default:\s+petit\.db\]/);
      expect(stdout).toMatch(new RegExp(`Examples:\\n[\\s\\S]*petit ${name}`));
    },
  );

  test("for 'run' shows the documented flags with their defaults", async () => {
    const help = (await petit(["run", "-h"])).stdout.replace(/\s+/g, " ");
    for (const text of ["--no-api", "--api-port N", "[default: 8565]", "--api-host HOST", "[default: 127.0.0.1]"]) {
      expect(help).toContain(text);
    }
    for (const text of ["-j, --max-jobs N", "-t, --max-tasks N", "[default: 4]", "--on-shutdown drain|leave"]) {
      expect(help).toContain(text);
    }
    for (const text of ["--shutdown-timeout DURATION", "[default: 30s]", "--no-watch", "--strict"]) {
      expect(help).toContain(text);
    }
  });

  test("has the same output as 'petit help'", async () => {
    expect(await petit(["help"])).toEqual(await petit([]));
    expect(await petit(["help", "run"])).toEqual(await petit(["run", "--help"]));
    expect(await petit(["help", "rnu"])).toMatchObject({ status: 2, stdout: "" });
  });

  test("works even if other arguments are wrong", async () => {
    expect((await petit(["validate", "a", "b", "c", "--help"])).status).toBe(0);
    expect((await petit(["--help", "validate"])).stdout).toContain("petit validate JOBS_DIR");
  });
});

describe("the version", () => {
  test.each([["--version"], ["-V"]])("is printed for %s", async (flag) => {
    expect(await petit([flag])).toEqual({ status: 0, stdout: `petit ${manifest.version}\n`, stderr: "" });
  });
});

describe("a wrong command line", () => {
  const cases: readonly (readonly [readonly string[], string])[] = [
    [["rnu"], "did you mean 'petit run'?"],
    [["toString"], "unknown command 'toString'"],
    [["validate", "x", "--jsn"], "did you mean '--json'?"],
    [["run", "--api-prot", "9000"], "did you mean '--api-port'?"],
    [["validate"], "JOBS_DIR is missing: petit validate JOBS_DIR"],
    [["init", "a", "b"], "unexpected argument 'b': petit init [DIR]"],
    [["schema", "json"], "did you mean '--json'?"],
    [["run", "a", "b"], "unexpected argument 'b'"],
    [["pause", "now", "then"], "unexpected argument 'then'"],
    [["trigger"], "is missing"],
    [["trigger", "nightly", "day=1"], "params are flags: 'petit trigger nightly --param day=1'"],
    [["trigger", "nightly", "5"], "to run the job 'nightly' of the running petit, 'petit trigger nightly'"],
    [["runs", "--job", "nightly"], "unknown flag '--job'; JOB is an argument without a flag. See 'petit runs --help'."],
    [["validate", "--jobs-dir=a"], "unknown flag '--jobs-dir'; JOBS_DIR is an argument without a flag."],
    [["notify", "nightly"], "unknown action 'nightly'; expected test. See 'petit notify --help'."],
    [["service", "instal"], "unknown action 'instal'; did you mean 'install'? See 'petit service --help'."],
    [["pause", "nightly", "jobs"], "unexpected argument 'jobs': petit pause [JOB]. See"],
    [["trigger", "some/jobs"], "did you mean 'petit trigger some/jobs JOB'?"],
    [["--json"], "a command is missing"],
    [["--url", "status"], "a command is missing; 'status' is the value of --url. See 'petit --help'."],
    [["retry", "latest", "load", "--from", "load"], "TASK and --from exclude each other. See 'petit retry --help'."],
    [["retry", "latest", "--from", "load", "--from-start"], "--from and --from-start exclude each other"],
    [["run", "--api-port", "abc"], "--api-port is 'abc'; expected a whole number from 0 to 65535"],
    [["run", "--max-jobs", "0"], "--max-jobs is '0'"],
    [["run", "--on-shutdown", "wait"], "expected drain or leave"],
    [["--log-level", "loud", "list", "x"], "--log-level is 'loud'"],
    [["--config", "/nowhere.yaml", "list", "x"], "can't be read"],
    [["list", "--db=", "x"], "--db is ''"],
    [["--api-port", "9000"], "a command is missing"],
    [["list", ""], "JOBS_DIR is empty: petit list [JOBS_DIR]"],
    [["init", ""], "DIR is empty: petit init [DIR]"],
    [
      ["init", "a", "--", "--json"],
      "unexpected argument '--json': petit init [DIR] (arguments after '--' are not flags)",
    ],
    [["trigger", "a", "--idempotency-key", ""], '--idempotency-key is ""; expected 1 to 255 visible ASCII characters'],
    [["trigger", "a", "--idempotency-key", "a\nb"], '--idempotency-key is "a\\nb"; expected'],
    [["r\u001b[2Jun"], "unknown command 'r\\u{1b}[2Jun'"],
    [["list", "no\u001b]0;x\u0007pe"], "there is no folder no\\u{1b}]0;x\\u{7}pe"],
    [["completion", "tcsh"], "expected bash, zsh, fish"],
  ];
  test.each(cases)("%j exits with 2 and prints the reason only on stderr", async (args, message) => {
    const { status, stdout, stderr } = await petit(args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toStartWith("petit: ");
    expect(stderr).toContain(message);
    expect(stderr).not.toContain("    at ");
  });
});

describe("settings", () => {
  test("with a wrong variable are refused with its name", async () => {
    const { status, stderr } = await petit(["list", "x"], { environment: { PETIT_API_PORT: "abc" } });
    expect(status).toBe(2);
    expect(stderr).toContain("PETIT_API_PORT is 'abc'; expected");
  });

  test("with a wrong configuration file are refused with file, line and column", async () => {
    using home = tempFolder();
    const file = home.write("petit/config.yaml", "db: x.db\napi_prot: 1\n");
    const { status, stderr } = await petit(["list", "x"], { environment: { XDG_CONFIG_HOME: home.path } });
    expect(status).toBe(2);
    expect(stderr).toBe(`petit: ${file}:2:1: unknown setting 'api_prot'; did you mean 'api_port'?\n`);
  });
});

describe("colours", () => {
  test("are not written without a terminal", async () => {
    using folder = tempFolder();
    folder.write("jobs/a.yaml", JOB);
    folder.write("bad/b.yaml", "id: b\n");
    for (const args of [["--help"], ["list", "jobs"], ["validate", "jobs"], ["validate", "bad"], ["rnu"]]) {
      const { stdout, stderr } = await petit(args, { cwd: folder.path });
      expect(stdout + stderr).not.toContain(ESCAPE);
    }
  });

  const onTerminal = (args: string, environment: Readonly<Record<string, string>> = {}): string => {
    const command = `${PETIT.join(" ")} ${args}`;
    const { stdout } = spawnSync("script", ["-qec", command, "/dev/null"], {
      env: { PATH: process.env.PATH ?? "", HOME: "/nonexistent", TERM: "xterm-256color", ...environment },
      encoding: "utf8",
    });
    return stdout;
  };

  test("are written on a terminal, but not with NO_COLOR, --no-color, PETIT_COLOR=off or TERM=dumb", () => {
    expect(onTerminal("--help")).toContain(ESCAPE);
    expect(onTerminal("--help --no-color")).not.toContain(ESCAPE);
    expect(onTerminal("--help", { NO_COLOR: "1" })).not.toContain(ESCAPE);
    expect(onTerminal("--help", { TERM: "dumb" })).not.toContain(ESCAPE);
    for (const args of ["list /nowhere", "--help", "rnu"]) {
      expect(onTerminal(args, { PETIT_COLOR: "off" })).not.toContain(ESCAPE);
    }
  });
});

const inShell = (script: string) => {
  const environment = { ...cleanEnvironment("/nonexistent"), PETIT: PETIT.join(" ") };
  const { status, stdout, stderr } = spawnSync("bash", ["-c", script], { env: environment, encoding: "utf8" });
  return { status, stdout, stderr };
};

describe("stdout", () => {
  test("that is closed early causes no error", () => {
    expect(inShell("set -o pipefail; $PETIT completion fish | head -n 1 | wc -l")).toEqual({
      status: 0,
      stdout: "1\n",
      stderr: "",
    });
  });

  test("that is read late receives all output", async () => {
    const all = (await petit(["schema", "--help"])).stdout + (await petit(["completion", "fish"])).stdout;
    expect(inShell("($PETIT schema --help; $PETIT completion fish) | (sleep 0.5; cat)").stdout).toBe(all);
  });

  test.each([
    [">/dev/full", "stdout can't be written"],
    ["| true", "cancelled"],
  ])("that can't be written (%s) cancels a run in this process, and its clean-up tasks still run", (where, said) => {
    using folder = tempFolder();
    const job = `id: a
tasks:
  - {id: t, type: shell, script: "echo out; sleep 60"}
  - {id: clean, type: shell, script: "echo out; touch ${folder.path}/clean", depends_on: [t], condition: all_done}
`;
    folder.write("jobs/a.yaml", job);
    const { status, stderr } = inShell(`set -o pipefail; $PETIT trigger ${folder.path}/jobs a ${where}`);
    expect(status).toBe(1);
    expect(stderr).toContain(said);
    expect(stderr).toContain("✓ clean completed");
    expect(existsSync(join(folder.path, "clean"))).toBe(true);
  });

  test("that can't be written causes an error", () => {
    const { status, stderr } = inShell("$PETIT schema > /dev/full");
    expect(status).toBe(1);
    expect(stderr).toContain("stdout can't be written");
  });
});

describe("the exit status", () => {
  test.each([
    ["validate bad 2>/dev/full", 1],
    ["list /nowhere 2>/dev/full", 2],
    ["validate bad >/dev/full 2>/dev/full", 1],
    ["validate bad 2>&-", 1],
    ["validate bad >&- 2>&-", 1],
    ["validate bad | true", 1],
    ["validate good | true", 0],
  ])("of 'petit %s' is %i", (args, expected) => {
    using folder = tempFolder();
    folder.write("bad/b.yaml", "id: b\n");
    folder.write("good/a.yaml", JOB);
    expect(inShell(`set -o pipefail; cd ${folder.path}; $PETIT ${args}`).status).toBe(expected);
  });
});
