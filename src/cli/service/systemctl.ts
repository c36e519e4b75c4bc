import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import type { Unit } from "../../app/systemd/unit-file.ts";
import { EXIT, Failure } from "../exit.ts";

/** The result of a program that has exited. */
export type ProgramResult = { readonly ok: boolean; readonly stdout: string; readonly stderr: string };

/** Runs a program and waits for its end. `ok` is false if it fails or is not installed. */
export const runProgram = (program: string, args: readonly string[]): ProgramResult => {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: "utf8" });
  return { ok: status === 0, stdout: stdout ?? "", stderr: error === undefined ? (stderr ?? "") : error.message };
};

/** Runs systemctl for the system or the user. */
export const systemctl = (scope: Unit["scope"], ...args: readonly string[]): ProgramResult =>
  runProgram("systemctl", [...(scope === "user" ? ["--user"] : []), "--no-pager", ...args]);

/** Runs systemctl and returns its output. Throws a `Failure` with its error output if it fails. */
export const mustSystemctl = (scope: Unit["scope"], ...args: readonly string[]): string => {
  const { ok, stdout, stderr } = systemctl(scope, ...args);
  if (ok) return stdout;
  const command = `systemctl ${scope === "user" ? "--user " : ""}${args.join(" ")}`;
  throw new Failure(EXIT.FAILED, `'${command}' failed: ${stderr.trim() || "no error message"}`);
};

/** Returns whether systemd is running and can be reached. In most containers and in image builds it is not. */
export const isRunning = (scope: Unit["scope"]): boolean =>
  existsSync("/run/systemd/system") && systemctl(scope, "show", "--property=Version").ok;

/** Returns whether systemctl is installed. */
export const hasSystemctl = (): boolean => runProgram("systemctl", ["--version"]).ok;
