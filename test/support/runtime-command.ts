import { spawnSync } from "node:child_process";
import { openRuntime } from "#runtime";

/** Before the name of a program in TypeScript: has the runtime that the tests run in run it. */
export const runtimeCommand: readonly string[] =
  openRuntime().name === "deno" ? [process.execPath, "run", "-A"] : [process.execPath];

/** Whether a program is on the PATH. */
export const isInstalled = (program: string): boolean =>
  spawnSync("/bin/sh", ["-c", 'command -v "$1"', "sh", program], { stdio: "ignore" }).status === 0;
