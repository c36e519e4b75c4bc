import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { cleanEnvironment, textOf } from "../support/cli.ts";
import { deno, denoCommand, denoEnvironment, ROOT } from "../support/deno.ts";
import { ask, runToEnd, start } from "../support/petit/api.ts";
import { type Petit, type StartOptions, startPetit } from "../support/petit/petit.ts";
import { tempDir } from "../support/temp-dir.ts";
import { endOf, eventually } from "../support/torture/run.ts";

const LIMIT_MS = 60_000;

/** Deno checks and compiles everything anew, which takes minutes on a busy machine. */
const CHECK_LIMIT_MS = 300_000;

/** A job that uses no CPU while it waits, and ends when its folder is removed. */
const GATED = `id: gated
tasks:
  - id: a
    type: shell
    script: |
      echo begins
      until [ -e go ] || [ ! -e petit.db ]; do sleep 0.05; done
      echo ends
`;

const NOISY = `id: noisy
tasks:
  - {id: a, type: shell, script: "seq 2000; printf 'été \\\\377 no end' >&2; echo n=1 >> $PETIT_OUTPUT"}
  - {id: b, type: command, command: "false", depends_on: [a], retry: {max_attempts: 2, delay: 0s}}
`;

const underDeno = (): Pick<StartOptions, "command" | "env"> => ({ command: denoCommand(), env: denoEnvironment });

/** Returns the finished runs from the API: rows, tasks, attempts, and the bytes of their output. */
const history = async (petit: Petit): Promise<unknown> => {
  const { body } = await ask(petit, "/api/runs?status=failed");
  expect(body.runs).toHaveLength(1);
  const details = body.runs.map(async ({ id }: { id: string }) => {
    const paths = ["", "/tasks", "/lines"].map(async (path) => (await ask(petit, `/api/runs/${id}${path}`)).body);
    const log = await (await petit.fetch(`/api/runs/${id}/logs`)).bytes();
    return [await Promise.all(paths), Buffer.from(log).toString("hex")];
  });
  return [body.runs, await Promise.all(details)];
};

const integrityOf = (path: string): unknown => {
  using db = new Database(path, { readonly: true });
  return db.query("PRAGMA integrity_check").values();
};

/** Stops a petit with a running task and finished runs, and checks that another petit continues. */
const expectHandover = async (from: Partial<StartOptions>, to: Partial<StartOptions>): Promise<void> => {
  using folder = tempDir();
  const args = ["--on-shutdown", "leave"];
  const jobs = { "gated.yaml": GATED, "noisy.yaml": NOISY };
  await using first = await startPetit({ dir: folder.path, jobs, args, ...from });
  expect(await runToEnd(first, "noisy")).toMatchObject({ status: "failed" });
  const runId = await start(first, "gated");
  const logOf = async () => await (await first.fetch(`/api/runs/${runId}/logs`)).text();
  await eventually("the task begins", async () => ((await logOf()).includes("begins") ? true : null), LIMIT_MS);
  const before = await history(first);
  expect(await first.stop()).toBe(0);
  // stderr has only petit's log, and no messages of the runtime.
  const lines = first.stderr().trim().split("\n");
  expect(lines.filter((line) => !line.startsWith("{"))).toEqual([]);

  await using second = await startPetit({ dir: folder.path, jobs, args, ...to });
  expect((await ask(second, `/api/runs/${runId}`)).body).toMatchObject({ status: "running" });
  expect(await history(second)).toEqual(before);
  writeFileSync(folder.file("go"), "");
  const run = await endOf(second, runId, LIMIT_MS);
  expect(run).toMatchObject({ status: "completed", log: "begins\nends\n", tasks: [{ attempts: 1 }] });
  expect(await second.stop()).toBe(0);
  expect(integrityOf(second.dbPath)).toEqual([["ok"]]);
};

const PERMISSIONS = ["read", "write", "net", "env", "sys", "run", "ffi", "import"];

const [, , ...DOCUMENTED_FLAGS] = denoCommand().slice(0, -1);

/** Runs petit under Deno with these flags, on a terminal. Returns its exit status and output. */
const refusal = async (...flags: string[]): Promise<{ readonly status: number | null; readonly output: string }> => {
  using folder = tempDir();
  const main = denoCommand().at(-1) ?? "";
  return await onTerminal([deno.path ?? "", "run", ...flags, main, "run", folder.path, "--api-port", "0"], folder.path);
};

/** Runs a command on a terminal with script(1) of util-linux. */
const onTerminal = async (line: readonly string[], cwd: string) => {
  const child = spawn("script", ["-qec", line.map((word) => `'${word}'`).join(" "), "/dev/null"], {
    cwd,
    env: { ...cleanEnvironment(cwd), ...denoEnvironment },
    stdio: ["pipe", "pipe", "ignore"],
  });
  const ended = new Promise<number | null>((resolve, reject) => child.on("error", reject).on("close", resolve));
  const deadline = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS);
  const output = (await textOf(child.stdout)).trim();
  const status = await ended;
  clearTimeout(deadline);
  return { status, output };
};

/** Runs `deno ARGS…` in the checkout. `deno compile` is given a missing file as its runtime, so that it downloads nothing. */
const runDeno = async (args: readonly string[], cwd: string) => {
  const child = spawn(deno.path ?? "", args, {
    cwd: ROOT,
    env: { ...cleanEnvironment(cwd), ...denoEnvironment, DENORT_BIN: join(cwd, "no-denort") },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = new Promise<number | null>((resolve, reject) => child.on("error", reject).on("close", resolve));
  const stderr = await textOf(child.stderr);
  return { status: await ended, stderr };
};

const name = deno.path === null ? `petit under Deno, which can't be had here: ${deno.reason}` : "petit under Deno";

describe.skipIf(deno.path === null)(name, () => {
  test(
    "has no type errors in deno check",
    async () => {
      using folder = tempDir();
      expect(await runDeno(["check", "--quiet", "src/main.ts"], folder.path)).toEqual({ status: 0, stderr: "" });
    },
    CHECK_LIMIT_MS,
  );

  test(
    "has no type errors in deno compile",
    async () => {
      using folder = tempDir();
      const compiled = await runDeno(["compile", "-A", "-o", folder.file("petit"), "src/main.ts"], folder.path);
      expect(compiled).toEqual({ status: 1, stderr: expect.stringContaining("Could not find denort at") });
      expect(compiled.stderr).not.toMatch(/TS\d+/);
    },
    CHECK_LIMIT_MS,
  );

  test(
    "runs the examples, serves the API and the dashboard, and exits with 0",
    async () => {
      await using petit = await startPetit({ ...underDeno(), cwd: ROOT, jobsDir: "examples/jobs" });
      expect((await ask(petit, "/api/health")).status).toBe(200);
      expect((await ask(petit, "/api/system")).body).toMatchObject({ runtime: { name: "deno" } });
      expect(await (await petit.fetch("/")).text()).toContain("<title>petit");
      const hello = await runToEnd(petit, "hello_world");
      expect(await endOf(petit, hello.id)).toMatchObject({ status: "completed", log: "Hello from petit!\n" });
      const primes = await runToEnd(petit, "typescript_task");
      const run = await endOf(petit, primes.id);
      expect(run).toMatchObject({ status: "completed", log: expect.stringContaining("their sum is 328\n") });
      expect(await petit.stop()).toBe(0);
    },
    CHECK_LIMIT_MS,
  );

  test(
    "needs all permissions of the documented command, and names a missing one",
    async () => {
      const asked = PERMISSIONS.map(async (permission) => await refusal(...DOCUMENTED_FLAGS, `--deny-${permission}`));
      const told = PERMISSIONS.map((permission) => ({
        status: 2,
        output: `petit: Deno does not grant --allow-${permission} in full; petit requires all permissions (deno run -A)`,
      }));
      expect(await Promise.all(asked)).toEqual(told);
      const partly = await refusal(...DOCUMENTED_FLAGS, "--deny-read=/etc/shadow");
      expect(partly).toEqual({ status: 2, output: expect.stringContaining("--allow-read in full") });
      const nothing = await refusal();
      expect(nothing.status).toBe(2);
      for (const permission of PERMISSIONS) expect(nothing.output).toContain(`--allow-${permission}`);
    },
    CHECK_LIMIT_MS,
  );

  test("adopts a task of the previous process", () => expectHandover(underDeno(), underDeno()), CHECK_LIMIT_MS);

  test("adopts a task of the executable", () => expectHandover({}, underDeno()), CHECK_LIMIT_MS);

  test("leaves a task that the executable adopts", () => expectHandover(underDeno(), {}), CHECK_LIMIT_MS);
});
