import { type SpawnSyncReturns, type StdioOptions, spawnSync } from "node:child_process";
import { openRuntime } from "#runtime";

/** Whether these tests, and what they start from source, run under Deno. */
export const isDeno = openRuntime().name === "deno";

/** Before the name of a program in TypeScript: has the runtime that the tests run in run it. */
export const runtimeCommand: readonly string[] = isDeno ? [process.execPath, "run", "-A"] : [process.execPath];

/** Runs a program in TypeScript, and answers what it says, and how it ends; `stderr` is an open file that takes that. */
export const runProgram = (
  text: string,
  { stderr = "pipe" }: { readonly stderr?: number | "pipe" } = {},
): Pick<SpawnSyncReturns<string>, "status" | "stdout" | "stderr"> => {
  // Where the packages are found that it takes in, by way of petit's source.
  const cwd = import.meta.dirname;
  const stdio = ["ignore", "pipe", stderr] satisfies StdioOptions;
  return spawnSync(process.execPath, [isDeno ? "eval" : "-e", text], { cwd, stdio, encoding: "utf8" });
};

/** Where Deno keeps what it transpiled, and the clock of scripts/test-at. */
const PASSED_ON = /^(DENO_DIR|LD_PRELOAD|FAKETIME(_.*)?|NO_FAKE_STAT)$/;

/** Holds the variables that a process needs although a test gives it another home. */
export const runtimeEnvironment: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(process.env).flatMap(([name, value]) =>
    value !== undefined && PASSED_ON.test(name) ? [[name, value]] : [],
  ),
);

/** Whether a program is on the PATH. */
export const isInstalled = (program: string): boolean =>
  spawnSync("/bin/sh", ["-c", 'command -v "$1"', "sh", program], { stdio: "ignore" }).status === 0;
