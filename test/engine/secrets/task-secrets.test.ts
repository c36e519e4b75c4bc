import { describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
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

  test("is hidden in JSON and in outputs, where its characters are escaped", async () => {
    const environment = { KEY: { env: "PETIT_HEADER" } };
    const json = String.raw`h\"e\\ad<er&x"}`;
    const script = `cat <<'E'\n{"x-key":"${json}\nE\ncat > "$PETIT_OUTPUT" <<'E'\njson={"x-key":"${json}\nE\n`;
    const { output, tasks } = await runJob(
      { tasks: [shell("t", script, { environment })] },
      { environment: { PETIT_HEADER: 'h"e\\ad<er&x' } },
    );
    expect([output(), tasks.t?.outputs]).toEqual(['{"x-key":"***"}\n', { json: '{"x-key":"***"}' }]);
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

describe("after a restart that changes a secret", () => {
  const OLD = "old-battery-staple";
  const NEW = "new-battery-staple";

  type Change = {
    /** The source of the secret in the job file. */
    readonly source: Job["environment"][string];
    /** The environment of petit, for a value of the secret. Writes files in `folder`. */
    readonly give: (value: string, folder: string) => Readonly<Record<string, string>>;
  };

  /** Replaces a file by one that was written long ago. Returns the environment. */
  const writeOld = (file: string, value: string, environment: Readonly<Record<string, string>>) => {
    writeFileSync(`${file}.new`, value);
    utimesSync(`${file}.new`, 1_000, 1_000);
    renameSync(`${file}.new`, file);
    return environment;
  };

  const SOURCES: readonly (readonly [string, Change])[] = [
    ["a variable", { source: { env: "PETIT_S" }, give: (value) => ({ PETIT_S: value }) }],
    [
      "a file that is replaced by an older one",
      { source: { file: "key" }, give: (value, folder) => writeOld(join(folder, "key"), value, {}) },
    ],
    [
      "a credential",
      {
        source: { credential: "key" },
        give: (value, folder) => writeOld(join(folder, "key"), value, { CREDENTIALS_DIRECTORY: folder }),
      },
    ],
  ];

  /** Starts a run whose task waits at a gate, and leaves it. The task ends while petit is down, if `ends`. */
  const leave = async (
    { source, give }: Change,
    {
      dir,
      folder,
      ends,
      task,
    }: { readonly dir: string; readonly folder: string; readonly ends: boolean; readonly task: Leaving },
  ) => {
    const door = gate();
    const jobs = [job("j", { tasks: [task(door.wait, source)], source: { file: "j.yaml", line: 1, folder } })];
    const petit = await startEngine({ jobs, dir, environment: { PATH, ...give(OLD, folder) } });
    const { id } = await petit.trigger("j");
    await door.reached();
    await waitFor(() => petit.read(id).attempts[0]?.process !== null);
    await petit.stop("leave");
    if (ends) {
      door.open();
      await waitFor(() => recordedExit(spoolOf(join(dir, "spool"), 1)) !== null);
    }
    return { door, id, jobs };
  };

  type Leaving = (wait: string, source: Job["environment"][string]) => Job["tasks"][number];

  const prints: Leaving = (wait, source) =>
    shell("t", `${wait}; echo "secret $KEY"; echo "k=$KEY" > "$PETIT_OUTPUT"`, { environment: { KEY: source } });
  test.each(SOURCES)("%s: a task that ended meanwhile shows the earlier secret nowhere", async (_, change) => {
    using dir = tempDir();
    using folder = tempDir();
    const { door, id, jobs } = await leave(change, { dir: dir.path, folder: folder.path, ends: true, task: prints });
    using _door = door;
    await using petit = await startEngine({
      jobs,
      dir: dir.path,
      environment: { PATH, ...change.give(NEW, folder.path) },
    });
    const { output, tasks } = await petit.ended(id);
    expect(output()).toBe(
      "[petit: the output from here on is hidden: the secret tasks.t.environment.KEY may have changed since the task started, and the earlier one is not known]\n",
    );
    expect(tasks.t?.outputs).toEqual({});
    await petit.engine.waitForRun(id);
    expect(bytesIn(dir.path).includes(OLD)).toBe(false);
  });

  test.each(SOURCES)("%s: a task that still runs goes on with the secret that it has", async (_, change) => {
    using dir = tempDir();
    using folder = tempDir();
    const { door, id, jobs } = await leave(change, { dir: dir.path, folder: folder.path, ends: false, task: prints });
    using _door = door;
    await using petit = await startEngine({
      jobs,
      dir: dir.path,
      environment: { PATH, ...change.give(NEW, folder.path) },
    });
    door.open();
    const { output, tasks } = await petit.ended(id);
    expect([output(), tasks.t?.outputs]).toEqual(["secret ***\n", { k: "***" }]);
    expect(bytesIn(dir.path).includes(OLD)).toBe(false);
  });

  test.each(SOURCES)("%s: with the same secret, nothing is lost of a task that ended meanwhile", async (_, change) => {
    using dir = tempDir();
    using folder = tempDir();
    const { door, id, jobs } = await leave(change, { dir: dir.path, folder: folder.path, ends: true, task: prints });
    using _door = door;
    await using petit = await startEngine({
      jobs,
      dir: dir.path,
      environment: { PATH, ...change.give(OLD, folder.path) },
    });
    const { run, output, tasks } = await petit.ended(id);
    expect([run.status, output(), tasks.t?.outputs]).toEqual(["completed", "secret ***\n", { k: "***" }]);
  });

  test("no artifact is kept under a path that may contain the earlier secret", async () => {
    using dir = tempDir();
    using folder = tempDir();
    const change: Change = { source: { env: "PETIT_S" }, give: (value) => ({ PETIT_S: value }) };
    const task: Leaving = (wait, source) =>
      shell("t", `${wait}; echo > "$PETIT_ARTIFACTS/a"; echo > "$PETIT_ARTIFACTS/$KEY"`, {
        environment: { KEY: source },
      });
    const { door, id, jobs } = await leave(change, { dir: dir.path, folder: folder.path, ends: true, task });
    using _door = door;
    const environment = { PATH, ...change.give(NEW, folder.path) };
    await using petit = await startEngine({ jobs, dir: dir.path, environment });
    const { tasks } = await petit.ended(id);
    expect(tasks.t?.error).toBe(
      "its artifacts could not be kept: a secret in their paths could not be hidden, because it is not known any more",
    );
    expect(petit.store.artifacts.list(id)).toEqual([]);
  });

  test("a file that is written again with the same secret loses nothing", async () => {
    using dir = tempDir();
    using folder = tempDir();
    const change: Change = {
      source: { file: "key" },
      give: (value, at) => {
        writeFileSync(join(at, "key"), value);
        return {};
      },
    };
    const { door, id, jobs } = await leave(change, { dir: dir.path, folder: folder.path, ends: true, task: prints });
    using _door = door;
    change.give(OLD, folder.path);
    await using petit = await startEngine({ jobs, dir: dir.path });
    expect((await petit.ended(id)).output()).toBe("secret ***\n");
  });

  test("a secret is not trusted without the key, or without what was recorded of it", async () => {
    for (const lose of ["spool-key", "spool/1.given"]) {
      using dir = tempDir();
      using folder = tempDir();
      const change: Change = { source: { env: "PETIT_S" }, give: (value) => ({ PETIT_S: value }) };
      const { door, id, jobs } = await leave(change, { dir: dir.path, folder: folder.path, ends: true, task: prints });
      using _door = door;
      rmSync(dir.file(lose));
      await using petit = await startEngine({ jobs, dir: dir.path, environment: { PATH, PETIT_S: OLD } });
      expect((await petit.ended(id)).output()).toStartWith("[petit: the output from here on is hidden:");
    }
  });

  test("neither the key nor a secret is in the database, in the spool or in a backup", async () => {
    using dir = tempDir();
    using door = gate();
    const tasks = [shell("t", `${door.wait}; true`, { environment: { KEY: { env: "PETIT_S" } } })];
    await using petit = await startEngine({
      jobs: [job("j", { tasks })],
      dir: dir.path,
      environment: { PATH, PETIT_S: OLD },
    });
    const { id } = await petit.trigger("j");
    await door.reached();
    const key = readFileSync(dir.file("spool-key"));
    expect([key.length, statSync(dir.file("spool-key")).mode & 0o777]).toEqual([32, 0o600]);
    expect(readdirSync(dir.file("spool"))).toContain("1.given");
    rmSync(dir.file("spool-key"));
    const stored = bytesIn(dir.path);
    for (const form of [key, key.toString("hex"), key.toString("base64"), key.toString("base64url"), OLD])
      expect(stored.includes(form)).toBe(false);
    door.open();
    await petit.ended(id);
  });
});

describe("the beginning of a secret at the end of the output", () => {
  const environment = { KEY: { env: "PETIT_KEY" } };

  test.each([
    ["with exit code 0", 'printf "only ${KEY%battery}"', "only correct-horse-"],
    ["with another exit code", 'printf "only ${KEY%battery}"; exit 3', "only correct-horse-"],
    ["in a line", 'echo "only ${KEY%battery}"', "only correct-horse-\n"],
    ["after the secret", 'printf "$KEY ${KEY%battery}"', "*** correct-horse-"],
  ])("is shown if the process ends by itself %s, because the secret does not follow", async (_, script, shown) => {
    expect((await runJob({ tasks: [shell("t", script, { environment })] })).output()).toBe(shown);
  });

  test.each([
    ["by a signal", 'printf "only ${KEY%battery}"; kill -9 $$'],
    ["by petit", 'printf "only ${KEY%battery}"; sleep 60'],
  ])("is hidden if the process is ended %s, because the rest may be missing", async (_, script) => {
    const { output } = await runJob({ tasks: [shell("t", script, { environment, timeoutMs: 500 })] });
    expect(output()).toBe("only ***");
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
