import { spawnSync } from "node:child_process";
import { openRuntime } from "#runtime";

/** Whether these tests, and what they start from source, run under Deno. */
export const isDeno = openRuntime().name === "deno";

/** Before the name of a program in TypeScript: has the runtime that the tests run in run it. */
export const runtimeCommand: readonly string[] = isDeno ? [process.execPath, "run", "-A"] : [process.execPath];

/** Whether a program is on the PATH. */
export const isInstalled = (program: string): boolean =>
  spawnSync("/bin/sh", ["-c", 'command -v "$1"', "sh", program], { stdio: "ignore" }).status === 0;
