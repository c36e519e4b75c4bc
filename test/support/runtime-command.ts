import { type SpawnSyncReturns, type StdioOptions, spawnSync } from "node:child_process";
import { openRuntime } from "#runtime";

/** True if the tests, and the programs that they start from source, run under Deno. */
export const isDeno = openRuntime().name === "deno";

/** The command that runs a TypeScript program with the runtime of the tests. */
export const runtimeCommand: readonly string[] = isDeno ? [process.execPath, "run", "-A"] : [process.execPath];

/** Runs a TypeScript program. Returns its output and exit status. `stderr` can be an open file. */
export const runProgram = (
  text: string,
  { stderr = "pipe" }: { readonly stderr?: number | "pipe" } = {},
): Pick<SpawnSyncReturns<string>, "status" | "stdout" | "stderr"> => {
  // In this folder the program finds the packages that petit's source imports.
  const cwd = import.meta.dirname;
  const stdio = ["ignore", "pipe", stderr] satisfies StdioOptions;
  return spawnSync(process.execPath, [isDeno ? "eval" : "-e", text], { cwd, stdio, encoding: "utf8" });
};

/** The variables of Deno's cache and of the clock of scripts/test-at. */
const PASSED_ON = /^(DENO_DIR|LD_PRELOAD|FAKETIME(_.*)?|NO_FAKE_STAT)$/;

/** The variables that a process needs even with another home folder. */
export const runtimeEnvironment: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(process.env).flatMap(([name, value]) =>
    value !== undefined && PASSED_ON.test(name) ? [[name, value]] : [],
  ),
);

/** Returns true if a program is in PATH. */
export const isInstalled = (program: string): boolean =>
  spawnSync("/bin/sh", ["-c", 'command -v "$1"', "sh", program], { stdio: "ignore" }).status === 0;
