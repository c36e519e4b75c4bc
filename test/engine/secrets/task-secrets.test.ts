import { describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Job } from "../../../src/domain/job.ts";
import { recordedExit } from "../../../src/engine/attempt/process.ts";
import { spoolOf } from "../../../src/engine/output/spool.ts";
import { command, job, shell } from "../../support/engine/factories.ts";
import { gate } from "../../support/engine/gate.ts";
import { type StartOptions, startEngine, waitFor } from "../../support/engine/started-engine.ts";
import { recordingLog } from "../../support/recording-log.ts";
import { tempDir } from "../../support/temp-dir.ts";

const PATH = process.env.PATH ?? "";
const KEY = "correct-horse-battery";

/** Runs a job once. Its secrets come from variables, and from files in `folder`. */
const runJob = async (given: Partial<Job>, options: StartOptions = {}) => {
  await using petit = await startEngine({
    jobs: [job("j", given)],
    ...options,
    environment: { PATH, PETIT_KEY: KEY, ...options.environment },
  });
  return await petit.run("j");
};

/** Returns all bytes of the files in a folder and its subfolders. petit may rename and remove some of them meanwhile. */
const bytesIn = (folder: string): Buffer =>
  Buffer.concat(
    readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => contentOf(join(folder, name))),
  );

const contentOf = (path: string): Buffer => {
  try {
    return statSync(path).isFile() ? readFileSync(path) : Buffer.alloc(0);
  } catch {
    return Buffer.alloc(0);
  }
};

describe("a secret in the environment of a task", () => {
  test("reaches the process, and is hidden in its output", async () => {
    const script = 'echo "$KEY"; echo "to stderr: $KEY" >&2; [ "$KEY" = correct-horse-battery ] && echo it is right';
    const { run, output } = await runJob({
      tasks: [shell("t", script, { environment: { KEY: { env: "PETIT_KEY" } } })],
    });
    expect(run.status).toBe("completed");
    expect(output({ stream: "stdout" })).toBe("***\nit is right\n");
    expect(output({ stream: "stderr" })).toBe("to stderr: ***\n");
  });

  test("comes from a file beside the job file, or from a credential", async () => {
    using dir = tempDir();
    writeFileSync(dir.file("key"), "first line\nsecond line\n");
    const { output } = await runJob(
      {
        tasks: [shell("t", 'printf "%s|" "$FILE" "$CREDENTIAL"; echo; echo "$FILE" | od -c | tail -1')],
        environment: { FILE: { file: "key" }, CREDENTIAL: { credential: "key" } },
        source: { file: "j.yaml", line: 1, folder: dir.path },
      },
      { environment: { CREDENTIALS_DIRECTORY: dir.path } },
    );
    expect(output()).toBe("***\n***|***\n***|\n0000027\n");
  });

  test("is hidden in all tasks of its job, whether or not they get it", async () => {
    using dir = tempDir();
    const tasks = [
      shell("a", `echo "$KEY" > ${dir.file("x")}`, { environment: { KEY: { env: "PETIT_KEY" } } }),
      shell("b", `cat ${dir.file("x")}; echo "[$KEY]"`, { after: ["a"] }),
    ];
    expect((await runJob({ tasks })).output({ task: "b" })).toBe("***\n[]\n");
  });

  test("is not expanded as a template, and replaces the variable of the job", async () => {
    const tasks = [shell("t", 'printf %s "$KEY" | wc -c', { environment: { KEY: { env: "PETIT_TEMPLATE" } } })];
    const environment = { PETIT_TEMPLATE: "${{ job.id }}" };
    const { output } = await runJob({ tasks, environment: { KEY: { env: "MISSING" } } }, { environment });
    expect(output().trim()).toBe("13");
  });

  test("is hidden in outputs, and in messages about them", async () => {
    const environment = { KEY: { env: "PETIT_KEY" } };
    const tasks = [
      shell("good", 'echo "a=<$KEY>" >> "$PETIT_OUTPUT"; printf "b<<E\\n$KEY\\nE\\n" >> "$PETIT_OUTPUT"', {
        environment,
      }),
      shell("bad", 'printf "%070d$KEY" 0 >> "$PETIT_OUTPUT"', { environment }),
    ];
    const { tasks: ended } = await runJob({ tasks });
    expect(ended.good?.outputs).toEqual({ a: "<***>", b: "***" });
    expect(ended.bad?.error).toEndWith('***"; expected key=value or key<<END');
    expect(ended.bad?.error).not.toContain("corr");
  });

  test("is hidden in the error of an attempt that can't start", async () => {
    const environment = { PATH: { env: "PETIT_KEY" } };
    const { tasks } = await runJob({ tasks: [command("t", "no-such-program", { environment })] });
    expect(tasks.t?.error).toBe("program 'no-such-program' was not found in PATH (***)");
  });

  test("is hidden in the paths of artifacts, and keeps two files apart", async () => {
    const environment = { KEY: { env: "PETIT_KEY" } };
    const script = 'mkdir "$PETIT_ARTIFACTS/$KEY" && echo x > "$PETIT_ARTIFACTS/$KEY/a"';
    await using petit = await startEngine({
      jobs: [
        job("one", { tasks: [shell("t", script, { environment })] }),
        job("two", {
          tasks: [shell("t", 'echo > "$PETIT_ARTIFACTS/$KEY"; echo > "$PETIT_ARTIFACTS/***"', { environment })],
        }),
      ],
      environment: { PATH, PETIT_KEY: KEY },
    });
    const { run } = await petit.run("one");
    expect(petit.store.artifacts.list(run.id).map(({ path }) => path)).toEqual(["t/***/a"]);
    const { tasks } = await petit.run("two");
    expect(tasks.t?.error).toBe("its artifacts could not be kept: the paths of two files differ only in a secret");
    expect(bytesIn(petit.dir).includes("correct-horse")).toBe(false);
  });

  test.each<[string, Job["environment"][string], string]>([
    ["a variable", { env: "MISSING" }, "the variable MISSING is not set"],
    ["a file", { file: "/none" }, "the file /none can't be read (ENOENT)"],
    ["a credential", { credential: "key" }, "the credential key can't be read: petit has no credentials of systemd"],
  ])("fails the attempt if %s is missing", async (_, source, problem) => {
    const { tasks, attempts } = await runJob({ tasks: [shell("t", "echo", { environment: { KEY: source } })] });
    expect(tasks.t?.error).toStartWith(`the secret tasks.t.environment.KEY can't be used: ${problem}`);
    expect(attempts).toMatchObject([{ reason: "spawn_failed", exitCode: null }]);
  });
});

describe("200 random secrets", () => {
  const values = Array.from({ length: 200 }, () =>
    randomBytes(12 + Math.floor(Math.random() * 30)).toString("base64url"),
  );
  const environment = Object.fromEntries(values.map((value, index) => [`PETIT_S${index}`, value]));
  const secrets = Object.fromEntries(values.map((_, index) => [`S${index}`, { env: `PETIT_S${index}` }]));
  const each = (code: string) => `i=0; while [ $i -lt 200 ]; do eval "v=\\$S$i"; i=$((i+1)); ${code}; done`;

  test.each([
    ["whole", 'echo "$v"'],
    ["in one long line", 'printf "%s" "$v"'],
    ["in pieces across writes", 'rest=${v#????????}; printf %s "${v%"$rest"}"; printf "%s\\n" "$rest" >&1'],
    ["in a line that fills chunks", 'printf "%0200d%s" 0 "$v"'],
    ["in outputs", 'echo "k$i=x $v y" >> "$PETIT_OUTPUT"'],
  ])("leave no trace in the database and the spool folder when printed %s", async (_, code) => {
    using dir = tempDir();
    await using petit = await startEngine({
      jobs: [job("j", { tasks: [shell("t", each(code), { environment: secrets })] })],
      environment: { PATH, ...environment },
      dir: dir.path,
      settings: { logLimitBytes: 65_536 },
    });
    expect((await petit.run("j")).run.status).toBe("completed");
    const stored = bytesIn(dir.path);
    expect(stored.includes("***")).toBe(true);
    // A part of a secret would be as bad.
    const leaked = values.filter((value) => stored.includes(value.slice(0, 8)) || stored.includes(value.slice(-8)));
    expect(leaked).toEqual([]);
  });
});

test("a secret is hidden where output beyond the limit is dropped", async () => {
  using door = gate();
  const script = `${door.wait}; i=0; while [ $i -lt 4000 ]; do printf "$KEY$KEY$KEY$KEY$KEY$KEY$KEY"; i=$((i+1)); done`;
  await using petit = await startEngine({
    jobs: [job("j", { tasks: [shell("t", script, { environment: { KEY: { env: "PETIT_KEY" } } })] })],
    environment: { PATH, PETIT_KEY: KEY },
    settings: { logLimitBytes: 4_096 },
  });
  const { id } = await petit.trigger("j");
  await door.reached();
  door.open();
  const { output } = await petit.ended(id);
  expect(output().replace(/\[petit: .*\]\n/, "")).toMatch(/^(\*\*\*|\n)+$/);
});

describe("after a restart", () => {
  /** Leaves a run whose task has printed half of a secret, and waits to print the rest. */
  const leave = async (dir: string, folder: string) => {
    const door = gate();
    const script = `printf "$KEY one\\n\${KEY%horse*}"; ${door.wait}; echo "horse\${KEY#*horse} two"; echo "k=$KEY" > "$PETIT_OUTPUT"`;
    const tasks = [shell("t", script, { environment: { KEY: { file: "key" } } })];
    const jobs = [job("j", { tasks, source: { file: "j.yaml", line: 1, folder } })];
    const petit = await startEngine({ jobs, dir });
    const { id } = await petit.trigger("j");
    await door.reached();
    await petit.written(id, "one");
    await waitFor(() => petit.read(id).attempts[0]?.process !== null);
    await petit.stop("leave");
    return { door, id, jobs };
  };

  test.each([
    ["is hidden in the rest of the output", () => {}],
    ["is still known from the process if its file is gone", (file: string) => rmSync(file)],
    ["is still known from the process if its file has changed", (file: string) => writeFileSync(file, "another")],
  ])("a secret %s", async (_, change) => {
    using dir = tempDir();
    using folder = tempDir();
    writeFileSync(folder.file("key"), KEY);
    const { door, id, jobs } = await leave(dir.path, folder.path);
    using _door = door;
    change(folder.file("key"));
    await using petit = await startEngine({ jobs, dir: dir.path });
    door.open();
    const { run, output, tasks } = await petit.ended(id);
    expect([run.status, output(), tasks.t?.outputs]).toEqual(["completed", "*** one\n*** two\n", { k: "***" }]);
    expect(bytesIn(dir.path).includes("correct-")).toBe(false);
  });

  test("the rest of the output is hidden if the process has ended and its secret can't be read again", async () => {
    using dir = tempDir();
    using folder = tempDir();
    writeFileSync(folder.file("key"), KEY);
    const { door, id, jobs } = await leave(dir.path, folder.path);
    using _door = door;
    door.open();
    await waitFor(() => recordedExit(spoolOf(join(dir.path, "spool"), 1)) !== null);
    rmSync(folder.file("key"));
    await using petit = await startEngine({ jobs, dir: dir.path });
    const { run, output, tasks } = await petit.ended(id);
    expect(output()).toStartWith(
      "*** one\n[petit: the output from here on is hidden: the secret tasks.t.environment.KEY",
    );
    expect(run.status).toBe("failed");
    expect(tasks.t?.error).toBe("$PETIT_OUTPUT is not used, because its secrets can't be hidden");
    expect(bytesIn(dir.path).includes("horse-battery")).toBe(false);
  });
});

test("petit logs secrets that can't be read or are too short to be hidden, without their value", async () => {
  const log = recordingLog();
  const environment = { A: { env: "MISSING" }, B: { env: "SHORT" }, C: { env: "PETIT_KEY" } } as const;
  await using _ = await startEngine({
    jobs: [job("j", { environment })],
    log,
    environment: { PATH, SHORT: "xyz", PETIT_KEY: KEY },
  });
  const warnings = log
    .text()
    .split("\n")
    .flatMap((line) => /"level":"warn".*"message":"(.*)"/.exec(line)?.[1] ?? []);
  expect(warnings).toEqual([
    "the secret environment.A of j can't be used: the variable MISSING is not set",
    "the secret environment.B of j has fewer than 4 characters, so it is not hidden in the output",
  ]);
});
