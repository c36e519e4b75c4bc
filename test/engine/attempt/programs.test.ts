import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import type { Job, Task } from "../../../src/domain/job.ts";
import { command, job, program, retry, shell } from "../../support/engine/factories.ts";
import { type Finished, startEngine } from "../../support/engine/started-engine.ts";
import { isInstalled } from "../../support/runtime-command.ts";
import { tempDir } from "../../support/temp-dir.ts";

const runTask = async (task: Task, given: Partial<Job> = {}): Promise<Finished> => {
  await using petit = await startEngine({ jobs: [job("one", { tasks: [task], ...given })] });
  const finished = await petit.run("one");
  expect(petit.spooled).toEqual([]);
  return finished;
};

const hasPython = isInstalled("python3");

describe("a command", () => {
  test("gets its arguments unchanged", async () => {
    const args = ["%s|", "a b", "$HOME", "'\"\\", "*", "", "-n", "ä\nö"];
    expect((await runTask(command("t", "printf", { args }))).output()).toBe("a b|$HOME|'\"\\|*||-n|ä\nö|");
  });

  test("is the program of that name, not a builtin of the wrapper's shell", async () => {
    const { output } = await runTask(command("t", "echo", { args: ["-e", "a\\tb"] }));
    expect(output()).toBe("a\tb\n");
  });

  test("with a path is found in the working directory", async () => {
    using dir = tempDir();
    writeFileSync(dir.file("hello"), "#!/bin/sh\necho hello from $PWD\n", { mode: 0o755 });
    const { output } = await runTask(command("t", "./hello", { workingDir: dir.path }));
    expect(output()).toBe(`hello from ${dir.path}\n`);
  });

  test("is found in the PATH of its own environment", async () => {
    using dir = tempDir();
    writeFileSync(dir.file("only-here"), "#!/bin/sh\necho found\n", { mode: 0o755 });
    const environment = { PATH: `${dir.path}:${process.env.PATH}` };
    expect((await runTask(command("t", "only-here", { environment }))).output()).toBe("found\n");
  });

  test("without PATH is found in the default path", async () => {
    const { run, output } = await runTask(command("t", "echo", { args: ["found"] }), { inheritEnvironment: false });
    expect(run.status).toBe("completed");
    expect(output()).toBe("found\n");
  });
});

describe("working_dir", () => {
  test("is relative to the job file's folder", async () => {
    using dir = tempDir();
    mkdirSync(dir.file("inner"));
    const source = { file: "one.yaml", line: 1, folder: dir.path };
    const { output } = await runTask(shell("t", "pwd", { workingDir: "inner" }), { source });
    expect(output()).toBe(`${dir.file("inner")}\n`);
  });

  test("defaults to petit's working directory", async () => {
    expect((await runTask(shell("t", "pwd"))).output()).toBe(`${process.cwd()}\n`);
  });
});

describe("a shell task", () => {
  test("ends at the first failing command", async () => {
    const { output, attempts } = await runTask(shell("t", "echo one\nfalse\necho two"));
    expect(output()).toBe("one\n");
    expect(attempts[0]?.exitCode).toBe(1);
  });

  test("gets its arguments, and its script is not in the environment", async () => {
    const { output } = await runTask(shell("t", 'echo "$# $1 $2"', { args: ["a b", "c"] }));
    expect(output()).toBe("2 a b c\n");
  });

  test("uses the shell that it names", async () => {
    const script = "false | true\necho not reached";
    const { output, attempts } = await runTask(shell("t", script, { shell: ["bash", "-euo", "pipefail"] }));
    expect(output()).toBe("");
    expect(attempts[0]?.exitCode).toBe(1);
  });

  test("stores what it writes to /dev/stdout and /dev/stderr", async () => {
    const { output } = await runTask(
      shell("t", "for i in 1 2 3; do echo $i > /dev/stdout; echo no$i > /dev/stderr; done"),
    );
    expect(output({ stream: "stdout" })).toBe("1\n2\n3\n");
    expect(output({ stream: "stderr" })).toBe("no1\nno2\nno3\n");
  });

  test("runs a script with any text", async () => {
    const { output } = await runTask(shell("t", "cat <<'EOF'\n'\"$(nothing) ${{ params.x }}\nEOF"));
    expect(output()).toBe("'\"$(nothing) ${{ params.x }}\n");
  });
});

describe("stdin", () => {
  test("contains the text of the task", async () => {
    expect((await runTask(command("t", "cat", { stdin: "one\ntwo" }))).output()).toBe("one\ntwo");
  });

  test("is empty by default", async () => {
    const { run, output } = await runTask(command("t", "cat"));
    expect(run.status).toBe("completed");
    expect(output()).toBe("");
  });

  test("of any length may be left unread", async () => {
    expect((await runTask(command("t", "true", { stdin: "x".repeat(1_000_000) }))).run.status).toBe("completed");
  });

  test("is the same for each attempt", async () => {
    const task = shell("t", "cat; exit 1", { stdin: "again\n", retry: retry(1) });
    expect((await runTask(task)).output()).toBe("again\nagain\n");
  });
});

describe.skipIf(!hasPython)("a python task", () => {
  test("runs an inline script with arguments", async () => {
    const text = "import sys\nprint(sys.argv[1:])";
    expect((await runTask(program("t", "python", { text }, { args: ["a b", "c"] }))).output()).toBe("['a b', 'c']\n");
  });

  test("runs a file in the job file's folder", async () => {
    using dir = tempDir();
    writeFileSync(dir.file("report.py"), "import sys\nprint('report', sys.argv[1])\nsys.exit(4)");
    const source = { file: "one.yaml", line: 1, folder: dir.path };
    const task = program("t", "python", { file: "report.py" }, { args: ["x"] });
    const { output, attempts } = await runTask(task, { source });
    expect(output()).toBe("report x\n");
    expect(attempts[0]).toMatchObject({ reason: "exit_code", exitCode: 4 });
  });
});

describe("a typescript task", () => {
  test("runs an inline script with its arguments in argv", async () => {
    const text = "const rest: readonly string[] = process.argv.slice(2);\nconsole.log(JSON.stringify(rest));";
    const { output } = await runTask(program("t", "typescript", { text }, { args: ["a b", "-n", "--help"] }));
    expect(output()).toBe('["a b","-n","--help"]\n');
  });

  test("runs a file from the job file's folder, otherwise from the working directory", async () => {
    using dir = tempDir();
    mkdirSync(dir.file("jobs"));
    mkdirSync(dir.file("work"));
    const text =
      "console.log(import.meta.dirname.split('/').at(-1), process.cwd().split('/').at(-1), process.argv.slice(2))";
    writeFileSync(dir.file("work/task.ts"), text);
    const source = { file: "one.yaml", line: 1, folder: dir.file("jobs") };
    const task = program("t", "typescript", { file: "task.ts" }, { args: ["x"], workingDir: dir.file("work") });
    expect((await runTask(task, { source })).output()).toBe('work work [ "x" ]\n');
    writeFileSync(dir.file("jobs/task.ts"), text);
    expect((await runTask(task, { source })).output()).toBe('jobs work [ "x" ]\n');
  });

  test("fails with its exit status", async () => {
    const { attempts } = await runTask(program("t", "typescript", { text: "process.exit(6)" }));
    expect(attempts[0]).toMatchObject({ reason: "exit_code", exitCode: 6 });
  });
});

describe("a process that can't be started", () => {
  using dir = tempDir();
  writeFileSync(dir.file("plain"), "no program");
  chmodSync(dir.file("plain"), 0o644);
  mkdirSync(dir.file("folder"));
  const source = { file: "one.yaml", line: 1, folder: "/nowhere" };

  test.each([
    ["a missing program", command("t", "no-such-program"), "program 'no-such-program' was not found in PATH"],
    [
      "a missing program and a short PATH",
      command("t", "no-such-program", { environment: { PATH: "/usr/bin:/bin" } }),
      "program 'no-such-program' was not found in PATH (/usr/bin:/bin)",
    ],
    [
      "a missing program and a long PATH, which would hide the rest",
      command("t", "no-such-program", { environment: { PATH: "/opt/tools/bin:".repeat(30) } }),
      "program 'no-such-program' was not found in PATH (31 folders)",
    ],
    ["a missing program with a path", command("t", "/no/such/program"), "program /no/such/program does not exist"],
    [
      "a missing program with a relative path",
      command("t", "./none", { workingDir: "/" }),
      "program ./none does not exist in /",
    ],
    [
      "a missing working directory",
      command("t", "true", { workingDir: "/no/such/folder" }),
      "working directory /no/such/folder does not exist",
    ],
    [
      "a working directory that is a file",
      command("t", "true", { workingDir: "/dev/null" }),
      "working directory /dev/null is not a folder",
    ],
    ["a file that is not executable", command("t", "/etc/passwd"), "program /etc/passwd is not an executable file"],
    ["a folder in place of a program", command("t", "/etc"), "program /etc is not an executable file"],
    ["a missing shell", shell("t", "true", { shell: ["no-such-shell"] }), "program 'no-such-shell' was not found"],
    [
      "a missing script",
      program("t", "typescript", { file: "gone.ts" }, { workingDir: "/" }),
      "script 'gone.ts' is neither in /nowhere nor in /",
    ],
    [
      "arguments beyond the system's limit",
      command("t", "true", { args: ["x".repeat(3_000_000)] }),
      "arguments and environment are too long for the system (E2BIG)",
    ],
    ["an argument with a zero byte", command("t", "true", { args: ["a\0b"] }), "the process could not be started"],
    [
      "a variable with a zero byte",
      command("t", "true", { environment: { X: "a\0b" } }),
      "the process could not be started",
    ],
  ] as const)("for %s says so", async (_, task, message) => {
    const { run, tasks, attempts, output } = await runTask(task, { source });
    expect(run).toMatchObject({ status: "failed", reason: "spawn_failed" });
    expect(tasks.t).toMatchObject({ status: "failed", reason: "spawn_failed", attempts: 1, exitCode: null });
    expect(tasks.t?.error).toContain(message);
    expect(attempts).toMatchObject([{ status: "failed", reason: "spawn_failed", exitCode: null, signal: null }]);
    expect(output()).toBe("");
  });

  test("starts the on_failure tasks", async () => {
    const tasks = [
      command("a", "no-such-program"),
      command("b", "true", { after: ["a"] }),
      command("c", "true", { after: ["a"], condition: "on_failure" }),
    ];
    await using petit = await startEngine({ jobs: [job("one", { tasks })] });
    expect((await petit.run("one")).summary).toBe("a failed(spawn_failed) · b skipped(upstream_failed) · c completed");
  });

  test("for a permanent reason is not retried by `transient`", async () => {
    const task = command("t", "no-such-program", { retry: retry(3, { condition: "transient_only" }) });
    expect((await runTask(task)).attempts).toHaveLength(1);
    expect((await runTask({ ...task, retry: retry(2) })).attempts).toHaveLength(3);
  });
});

describe("the exit of a process", () => {
  test.each([
    ["exit 0", { status: "completed", reason: null, exitCode: 0, signal: null, error: null }],
    ["exit 1", { status: "failed", reason: "exit_code", exitCode: 1, signal: null, error: "exit code 1" }],
    ["exit 125", { status: "failed", reason: "exit_code", exitCode: 125, signal: null, error: "exit code 125" }],
    ["exit 255", { status: "failed", reason: "exit_code", exitCode: 255, signal: null, error: "exit code 255" }],
    ["kill -TERM $$", { status: "failed", reason: "signal", exitCode: null, signal: "SIGTERM" }],
    [
      "kill -KILL $$",
      { status: "failed", reason: "signal", exitCode: null, signal: "SIGKILL", error: "ended by SIGKILL" },
    ],
    ["kill -SEGV $$", { status: "failed", reason: "signal", exitCode: null, signal: "SIGSEGV" }],
  ] as const)("is stored: %s", async (script, expected) => {
    const { attempts, tasks } = await runTask(shell("t", script));
    expect(attempts[0]).toMatchObject(expected);
    expect(tasks.t?.exitCode).toBe(expected.exitCode);
  });

  test("is stored if the whole group is killed, including the wrapper", async () => {
    const { attempts } = await runTask(shell("t", "kill -KILL 0"));
    expect(attempts[0]).toMatchObject({ status: "failed", reason: "signal", signal: "SIGKILL" });
  });

  test("is stored if the record in the status file is lost", async () => {
    const { attempts } = await runTask(shell("t", 'rm -f "${PETIT_OUTPUT%outputs}status"; exit 7'));
    expect(attempts[0]).toMatchObject({ status: "failed", reason: "exit_code", exitCode: 7 });
  });
});
