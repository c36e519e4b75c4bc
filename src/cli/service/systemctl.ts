import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import type { Unit } from "../../app/systemd/unit-file.ts";
import { EXIT } from "../exit.ts";
import { Failure } from "../failure.ts";

export type Ran = { readonly ok: boolean; readonly stdout: string; readonly stderr: string };

/** Runs a program of the system to its end; not ok where there is none of that name. */
export const runProgram = (program: string, args: readonly string[]): Ran => {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: "utf8" });
  return { ok: status === 0, stdout: stdout ?? "", stderr: error === undefined ? (stderr ?? "") : error.message };
};

/** Asks the systemd of that scope for something. */
export const systemctl = (scope: Unit["scope"], ...args: readonly string[]): Ran =>
  runProgram("systemctl", [...(scope === "user" ? ["--user"] : []), "--no-pager", ...args]);

/** As `systemctl`; throws with what it says where it fails. */
export const mustSystemctl = (scope: Unit["scope"], ...args: readonly string[]): string => {
  const { ok, stdout, stderr } = systemctl(scope, ...args);
  if (ok) return stdout;
  const command = `systemctl ${scope === "user" ? "--user " : ""}${args.join(" ")}`;
  throw new Failure(EXIT.FAILED, `'${command}' failed: ${stderr.trim() || "it said nothing"}`);
};

/** Whether a systemd runs that can be asked: none does in most containers, and in a folder that becomes an image. */
export const isRunning = (scope: Unit["scope"]): boolean =>
  existsSync("/run/systemd/system") && systemctl(scope, "show", "--property=Version").ok;

export const hasSystemctl = (): boolean => runProgram("systemctl", ["--version"]).ok;
