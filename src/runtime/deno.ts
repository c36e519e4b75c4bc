/// <reference path="./deno-api.d.ts" />
import { spawn as spawnChild } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { openDatabase } from "./deno-database.ts";
import { assertAllowed } from "./deno-permissions.ts";
import { serve } from "./deno-server.ts";
import { systemCalls } from "./deno-system.ts";
import type { ChildProcess, Runtime, ServeOptions, SpawnOptions } from "./runtime.ts";

/** Throws where Deno grants petit too little. */
export const openRuntime = (): Runtime => {
  assertAllowed();
  const { sockets, ...calls } = systemCalls(ownChildren);
  const runtime = {
    name: "deno" as const,
    version: Deno.version.deno,
    executable: null,
    openDatabase,
    collectGarbage: () => {},
    spawn,
    serve: (options: ServeOptions) => serve(options, sockets),
    typescript,
    ...calls,
  };
  return runtime;
};

const typescript: Runtime["typescript"] = (program) => ({
  environment: {},
  argv:
    "file" in program
      ? [Deno.execPath(), "run", "--allow-all", ...AS_GIVEN, program.file, ...program.args]
      : [Deno.execPath(), "eval", ...AS_GIVEN, "--ext=ts", program.text, ...program.args],
});

/** A task's packages and settings are what its job says, not what lies in the folder it runs in; none are downloaded. */
const AS_GIVEN = ["--quiet", "--no-config", "--no-lock", "--no-remote", "--node-modules-dir=manual"];

/** Those whose end Deno waits for: nobody else may take it. */
const ownChildren = new Set<number>();

const spawn = (options: SpawnOptions): ChildProcess => {
  const { cwd, environment } = options;
  refuseMissing(options);
  const { script, stdio } = wiring(options);
  const child = spawnChild("/bin/sh", ["-c", script, "sh", ...options.argv], {
    cwd,
    env: environment,
    stdio: [...stdio],
    detached: true,
  });
  const { pid } = child;
  const exited = Promise.withResolvers<Awaited<ChildProcess["exited"]>>();
  // The system's word for it would come later. What could be wrong with program and folder was looked at before.
  child.on("error", () => {});
  if (pid === undefined)
    throw Object.assign(new Error(`no process could be made for ${options.argv[0]}`), { code: whyNone(options) });
  // Neither the process nor the wait for it keeps petit alive: it may leave and let the process live.
  child.unref();
  ownChildren.add(pid);
  child.on("exit", (exitCode, signal) => {
    ownChildren.delete(pid);
    exited.resolve({ exitCode, signal });
  });
  return { pid, exited: exited.promise };
};

/** A text may have less, NUL included, and all of them together, where the stack is as large as usual. Of Linux. */
const MAX_TEXT_BYTES = 131_072;
const MAX_BYTES = 2_097_152;

const whyNone = ({ argv, environment }: SpawnOptions): "E2BIG" | "EAGAIN" => {
  const texts = [...argv, ...Object.entries(environment).map((each) => each.join("="))];
  const bytes = texts.map((text) => Buffer.byteLength(text));
  const sum = bytes.reduce((total, each) => total + each, 0);
  return sum > MAX_BYTES || bytes.some((each) => each >= MAX_TEXT_BYTES) ? "E2BIG" : "EAGAIN";
};

/** Throws ENOENT or EACCES where the program or its folder is not there or may not be used. */
const refuseMissing = ({ argv: [program = ""], cwd }: SpawnOptions): void => {
  accessSync(cwd, constants.X_OK);
  if (program.includes("/")) accessSync(program, constants.X_OK);
};

/**
 * Deno gives a process the files that are its stdin, stdout and stderr a second time, under numbers that nobody knows;
 * those with higher numbers it gives once, and names them in a variable. So a shell puts the higher ones in their places.
 */
const wiring = ({ stdin, stdout, stderr, status }: SpawnOptions) => {
  const given = [...new Set([status, stdin, stdout, stderr].filter((fd) => fd !== null))];
  const place = (fd: number): number => given.indexOf(fd) + FIRST_EXTRA;
  const places = [stdin, stdout, stderr].flatMap((fd, at) => (fd === null ? [] : [`${at}<&${place(fd)}`]));
  const closed = given.slice(1).map((fd) => `${place(fd)}<&-`);
  return {
    script: `unset DENO_EXTRA_STDIO_FDS; exec ${[...places, ...closed].join(" ")}; exec "$@"`,
    stdio: [...NOTHING, ...given],
  };
};

const FIRST_EXTRA = 3;
const NOTHING = ["ignore", "ignore", "ignore"] as const;
