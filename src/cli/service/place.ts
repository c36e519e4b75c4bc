import { existsSync, readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { isUnedited, SERVICES, type Unit, unitName } from "../../app/systemd/unit-file.ts";
import type { Context } from "../command.ts";
import { EXIT, Failure } from "../exit.ts";
import { hasSystemctl, isRunning, systemctl } from "./systemctl.ts";

export type Scope = Unit["scope"];

/** A service that may be installed. */
export type Service = Pick<Unit, "scope" | "role">;

/** Returns the folder of configuration files: the system's or the user's. */
export const configFolder = (scope: Scope, { environment }: Pick<Context, "environment">): string =>
  scope === "system" ? "/etc" : environment.XDG_CONFIG_HOME || join(environment.HOME || home(), ".config");

const home = (): string => {
  try {
    return homedir();
  } catch (cause) {
    const message = "your home folder is unknown: HOME is not set, and your user id has no entry in the user database";
    throw new Failure(EXIT.FAILED, message, { cause });
  }
};

/** Returns the path of the unit file. */
export const unitPath = ({ scope, role }: Service, context: Pick<Context, "environment">): string =>
  join(configFolder(scope, context), "systemd", scope, unitName(role));

/** The unit of a .deb or .rpm, unless `petit service install` has written another one, which takes precedence. */
export const PACKAGED_UNIT = `/usr/lib/systemd/system/${unitName("scheduler")}`;

/** Returns the default folder of the job files. */
export const defaultJobsDir = (scope: Scope, context: Pick<Context, "environment">): string =>
  join(configFolder(scope, context), "petit", "jobs");

/** Returns the state folder of the installed service, as systemd reports it. */
export const stateDir = ({ scope, role }: Service): string =>
  systemctl(scope, "show", "--property=WorkingDirectory", "--value", unitName(role)).stdout.trim() ||
  `${DEFAULT_STATES[scope]}/${SERVICES[role]}`;

/** The parents of systemd's state folders, for when no systemd is running. */
const DEFAULT_STATES = { system: "/var/lib", user: "~/.local/state" } as const satisfies Record<Scope, string>;

/** The state folder of the system's service. */
const SYSTEM_STATE = `${DEFAULT_STATES.system}/${SERVICES.scheduler}`;

/** Returns the text of the unit file, or null if there is none. */
export const readUnit = (path: string): string | null => (existsSync(path) ? readFileSync(path, "utf8") : null);

/** Throws a `Failure` if the unit file was edited, unless `force` is set. */
export const refuseEdited = (
  path: string,
  { force, doing }: { readonly force: boolean; readonly doing: string },
): void => {
  const text = readUnit(path);
  if (text === null || force || isUnedited(text)) return;
  throw new Failure(
    EXIT.FAILED,
    `${path} was edited or was not written by petit, so it was not changed. Move the edits to a drop-in in ${path}.d, or ${doing} the unit with --force`,
  );
};

/** Throws a `Failure` if units can't be installed here, or if `needsRunning` is set and systemd is not running. */
export const assertSystemd = (scope: Scope, { needsRunning }: { readonly needsRunning: boolean }): void => {
  if (scope === "system" && process.getuid?.() !== 0) {
    throw new Failure(EXIT.FAILED, "a system service needs root: use sudo, or install a user service with --user");
  }
  if (!hasSystemctl()) {
    throw new Failure(
      EXIT.FAILED,
      "this machine has no systemd (systemctl was not found); 'petit service print' shows the unit, and 'petit run' needs no systemd",
    );
  }
  if (needsRunning && !isRunning(scope)) throw new Failure(EXIT.FAILED, NOT_RUNNING[scope]);
};

const NOT_RUNNING = {
  system: "systemd is not running here; --no-start installs the service for the next boot, for example in an image",
  user: "your user's systemd can't be reached (XDG_RUNTIME_DIR is not set, or you are not logged in); --no-start installs the service for the next login",
} as const satisfies Record<Scope, string>;

/**
 * Returns the uid that the installed service runs as, if this is its database and petit doctor runs as root, which then judges for
 * the service. Otherwise returns null. The owner of the state folder is that user: in its parent only root can create a folder, and
 * systemd gives it to the user of the unit.
 */
export const serviceUserOf = ({ settings, environment }: Pick<Context, "settings" | "environment">): number | null => {
  if (process.geteuid?.() !== 0 || dirname(resolve(settings.db)) !== SYSTEM_STATE) return null;
  const unit = readUnit(unitPath({ scope: "system", role: "scheduler" }, { environment })) ?? readUnit(PACKAGED_UNIT);
  if (unit === null || !/^User=(?!root$)./m.test(unit)) return null;
  return statSync(SYSTEM_STATE, { throwIfNoEntry: false })?.uid ?? null;
};
