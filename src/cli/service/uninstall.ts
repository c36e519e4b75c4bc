import { existsSync, rmSync } from "node:fs";
import { SERVICES, unitName } from "../../app/systemd/unit-file.ts";
import type { Context } from "../command.ts";
import { EXIT, Failure } from "../exit.ts";
import { cgroupsOf, countIn, removeSlice } from "./cgroup.ts";
import { assertSystemd, PACKAGED_UNIT, readUnit, refuseEdited, type Service, stateDir, unitPath } from "./place.ts";
import { isRunning, mustSystemctl, systemctl } from "./systemctl.ts";

/** A removed service. */
export type Uninstalled = {
  readonly unit: string;
  /** The command in the unit. */
  readonly command: string;
  readonly stateDir: string;
  /** Whether the service was running. */
  readonly stopped: boolean;
  /** The folder of the unit's drop-ins; null if there is none. */
  readonly dropIns: string | null;
  /** Number of task processes that are still running. */
  readonly left: number;
};

/** Stops the service and removes its unit, and nothing else. Throws a `Failure` if there is no unit or it was edited. */
export const uninstall = (
  service: Service,
  { force }: { readonly force: boolean },
  context: Pick<Context, "environment">,
): Uninstalled => {
  const { scope } = service;
  const name = unitName(service.role);
  const path = unitPath(service, context);
  assertSystemd(scope, { needsRunning: false });
  const text = readUnit(path);
  if (text === null)
    throw new Failure(EXIT.FAILED, `no service is installed: ${path} does not exist${packagedNote(service)}`);
  refuseEdited(path, { force, doing: "remove" });
  const running = isRunning(scope);
  const stopped = running && systemctl(scope, "is-active", "--quiet", name).ok;
  const dropIns = existsSync(`${path}.d`) ? `${path}.d` : null;
  const where = { command: commandIn(text), stateDir: stateDir(service), dropIns };
  const cgroups = running ? cgroupsOf(service) : [];
  mustSystemctl(scope, "disable", "--quiet", ...(running ? ["--now"] : []), name);
  rmSync(path);
  if (running) forget(scope, name);
  const left = cgroups.reduce((sum, folder) => sum + countIn(folder), 0);
  if (running && left === 0) removeSlice(service);
  return { unit: path, ...where, stopped, left };
};

const packagedNote = ({ scope, role }: Service): string =>
  scope === "system" && role === "scheduler" && readUnit(PACKAGED_UNIT) !== null
    ? `. ${PACKAGED_UNIT} belongs to a package: remove that, or run 'systemctl disable --now ${SERVICES[role]}'`
    : "";

const commandIn = (text: string): string => /^ExecStart=(.*)$/m.exec(text)?.[1] ?? "";

const forget = (scope: Service["scope"], name: string): void => {
  mustSystemctl(scope, "daemon-reload");
  // Fails if the unit is already unknown, which is fine.
  systemctl(scope, "reset-failed", name);
};
