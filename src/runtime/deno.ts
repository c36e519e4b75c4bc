/// <reference path="./deno-api.d.ts" />
import { spawn as spawnChild } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { fileURLToPath } from "node:url";
import { openDatabase } from "./deno-database.ts";
import { assertAllowed } from "./deno-permissions.ts";
import { serve } from "./deno-server.ts";
import { systemCalls } from "./deno-system.ts";
import type { ChildProcess, Runtime, ServeOptions, SpawnOptions } from "./runtime.ts";

/** Throws if Deno does not grant all permissions. */
export const openRuntime = (): Runtime => {
  assertAllowed();
  const { sockets, ...calls } = systemCalls(ownChildren);
  const runtime = {
    name: "deno" as const,
    version: Deno.version.deno,
    executable: null,
    openDatabase,
    collectGarbage: () => {},
    unmapExecutable: () => {},
    compileAsUsual: () => {},
    spawn,
    serve: (options: ServeOptions) => serve(options, sockets),
    typescript,
    self: (args: readonly string[]) => [Deno.execPath(), "run", "--allow-all", "--quiet", "--no-lock", MAIN, ...args],
    request: (url: string, { ca, ...init }: Parameters<Runtime["request"]>[1]) =>
      fetch(url, ca === null ? init : ({ ...init, client: Deno.createHttpClient({ caCerts: [ca] }) } as RequestInit)),
    ...calls,
  };
  return runtime;
};

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url).href);

const typescript: Runtime["typescript"] = (program) => ({
  environment: {},
  argv:
    "file" in program
      ? [Deno.execPath(), "run", "--allow-all", ...ISOLATION_FLAGS, program.file, ...program.args]
      : [Deno.execPath(), "eval", ...ISOLATION_FLAGS, "--ext=ts", program.text, ...program.args],
});

/** Flags that ignore configuration and packages in the working directory, and prevent downloads. */
const ISOLATION_FLAGS = ["--quiet", "--no-config", "--no-lock", "--no-remote", "--node-modules-dir=manual"];

/** Children that Deno waits for, and that `reap` must not reap. */
const ownChildren = new Set<number>();

const spawn = (options: SpawnOptions): ChildProcess => {
  const { cwd, environment } = options;
  refuseMissing(options);
  const { script, stdio } = planDescriptors(options);
  const child = spawnChild("/bin/sh", ["-c", script, "sh", ...options.argv], {
    cwd,
    env: environment,
    stdio: [...stdio],
    detached: true,
  });
  const { pid } = child;
  const exited = Promise.withResolvers<Awaited<ChildProcess["exited"]>>();
  // Deno reports the cause later, so `refuseMissing` and `explainFailure` determine it.
  child.on("error", () => {});
  if (pid === undefined)
    throw Object.assign(new Error(`cannot start a process for ${options.argv[0]}`), { code: explainFailure(options) });
  // The process does not keep petit alive: petit may exit while the process continues.
  child.unref();
  ownChildren.add(pid);
  child.on("exit", (exitCode, signal) => {
    ownChildren.delete(pid);
    exited.resolve({ exitCode, signal, usage: null });
  });
  return { pid, exited: exited.promise };
};

/** Limits of Linux for one argument or variable with its NUL, and for all of them with the default stack size. */
const MAX_TEXT_BYTES = 131_072;
const MAX_BYTES = 2_097_152;

const explainFailure = ({ argv, environment }: SpawnOptions): "E2BIG" | "EAGAIN" => {
  const texts = [...argv, ...Object.entries(environment).map((each) => each.join("="))];
  const bytes = texts.map((text) => Buffer.byteLength(text));
  const sum = bytes.reduce((total, each) => total + each, 0);
  return sum > MAX_BYTES || bytes.some((each) => each >= MAX_TEXT_BYTES) ? "E2BIG" : "EAGAIN";
};

/** Throws ENOENT or EACCES if the program or its folder is missing or may not be used. */
const refuseMissing = ({ argv: [program = ""], cwd }: SpawnOptions): void => {
  accessSync(cwd, constants.X_OK);
  if (program.includes("/")) accessSync(program, constants.X_OK);
};

/**
 * Returns a shell script that moves descriptors to their places. Deno leaks descriptors that it passes as stdin, stdout or
 * stderr a second time, under unknown numbers. It passes higher numbers once, and lists them in a variable.
 */
const planDescriptors = ({ stdin, stdout, stderr, status }: SpawnOptions) => {
  const passed = [...new Set([status, stdin, stdout, stderr].filter((fd) => fd !== null))];
  const place = (fd: number): number => passed.indexOf(fd) + FIRST_EXTRA;
  const places = [stdin, stdout, stderr].flatMap((fd, at) => (fd === null ? [] : [`${at}<&${place(fd)}`]));
  const closed = passed.slice(1).map((fd) => `${place(fd)}<&-`);
  return {
    script: `unset DENO_EXTRA_STDIO_FDS; exec ${[...places, ...closed].join(" ")}; exec "$@"`,
    stdio: [...NOTHING, ...passed],
  };
};

const FIRST_EXTRA = 3;
const NOTHING = ["ignore", "ignore", "ignore"] as const;
