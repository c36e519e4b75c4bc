import { existsSync, readFileSync, rmSync } from "node:fs";
import { UNIT, type Unit } from "../../app/systemd/unit-file.ts";
import type { Context } from "../command.ts";
import { EXIT } from "../exit.ts";
import { Failure } from "../failure.ts";
import { assertSystemd, readUnit, refuseEdited, stateDir, unitPath } from "./place.ts";
import { isRunning, mustSystemctl, systemctl } from "./systemctl.ts";

type Scope = Unit["scope"];

export type Uninstalled = {
  readonly unit: string;
  /** What it ran, as the unit said it. */
  readonly command: string;
  readonly stateDir: string;
  /** Whether it ran. */
  readonly stopped: boolean;
  /** The folder of the drop-ins that were made for it; null where there is none. */
  readonly dropIns: string | null;
  /** Processes of its tasks that go on. */
  readonly left: number;
};

/** Stops the service and takes its unit away; nothing else. Throws where there is none, or one that was edited. */
export const uninstall = (
  scope: Scope,
  { force }: { readonly force: boolean },
  context: Pick<Context, "environment">,
): Uninstalled => {
  const path = unitPath(scope, context);
  assertSystemd(scope, { needsRunning: false });
  const text = readUnit(path);
  if (text === null) throw new Failure(EXIT.FAILED, `there is no ${path}: nothing is installed`);
  refuseEdited(path, { force, doing: "remove" });
  const running = isRunning(scope);
  const stopped = running && systemctl(scope, "is-active", "--quiet", UNIT).ok;
  const dropIns = existsSync(`${path}.d`) ? `${path}.d` : null;
  const where = { command: commandIn(text), stateDir: stateDir(scope), dropIns };
  const group = running ? systemctl(scope, "show", "--property=ControlGroup", "--value", UNIT).stdout.trim() : "";
  mustSystemctl(scope, "disable", "--quiet", ...(running ? ["--now"] : []), UNIT);
  rmSync(path);
  if (running) forget(scope);
  return { unit: path, ...where, stopped, left: countIn(group) };
};

const commandIn = (text: string): string => /^ExecStart=(.*)$/m.exec(text)?.[1] ?? "";

const forget = (scope: Scope): void => {
  mustSystemctl(scope, "daemon-reload");
  // It may be unknown by now, which is what is wanted.
  systemctl(scope, "reset-failed", UNIT);
};

const countIn = (group: string): number => {
  if (group === "") return 0;
  try {
    return readFileSync(`/sys/fs/cgroup${group}/cgroup.procs`, "utf8").split("\n").filter(Boolean).length;
  } catch {
    // It goes with its last process.
    return 0;
  }
};
