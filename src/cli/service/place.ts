import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { isUnedited, UNIT, type Unit } from "../../app/systemd/unit-file.ts";
import type { Context } from "../command.ts";
import { EXIT } from "../exit.ts";
import { Failure } from "../failure.ts";
import { hasSystemctl, isRunning, systemctl } from "./systemctl.ts";

type Scope = Unit["scope"];

const configFolder = (scope: Scope, { environment }: Pick<Context, "environment">): string =>
  scope === "system" ? "/etc" : environment.XDG_CONFIG_HOME || join(environment.HOME || home(), ".config");

const home = (): string => {
  try {
    return homedir();
  } catch (cause) {
    const message = "your home can't be told: HOME is not set, and this machine knows no user of your number";
    throw new Failure(EXIT.FAILED, message, { cause });
  }
};

/** Where the unit file lies. */
export const unitPath = (scope: Scope, context: Pick<Context, "environment">): string =>
  join(configFolder(scope, context), "systemd", scope, UNIT);

/** Where the job files lie, unless the unit says otherwise. */
export const defaultJobsDir = (scope: Scope, context: Pick<Context, "environment">): string =>
  join(configFolder(scope, context), "petit", "jobs");

/** petit's own folder, as systemd has it. */
export const stateDir = (scope: Scope): string =>
  systemctl(scope, "show", "--property=WorkingDirectory", "--value", UNIT).stdout.trim() || USUAL_STATE[scope];

/** Where no systemd runs that would know. */
const USUAL_STATE = { system: "/var/lib/petit", user: "~/.local/state/petit" } as const satisfies Record<Scope, string>;

/** The unit file as it is; null where there is none. */
export const readUnit = (path: string): string | null => (existsSync(path) ? readFileSync(path, "utf8") : null);

/** Throws where the file was edited, unless that doesn't matter. */
export const refuseEdited = (
  path: string,
  { force, doing }: { readonly force: boolean; readonly doing: string },
): void => {
  const text = readUnit(path);
  if (text === null || force || isUnedited(text)) return;
  throw new Failure(
    EXIT.FAILED,
    `${path} was edited, or is not petit's; it was left as it is. Move what was changed into a drop-in in ${dirname(path)}/${UNIT}.d, or ${doing} it with --force`,
  );
};

/** Throws where units can't be put in place, or this systemd can't be asked to look at them. */
export const assertSystemd = (scope: Scope, { needsRunning }: { readonly needsRunning: boolean }): void => {
  if (scope === "system" && process.getuid?.() !== 0) {
    throw new Failure(EXIT.FAILED, "a system service needs root: use sudo; or --user, for a service of your own");
  }
  if (!hasSystemctl()) {
    throw new Failure(
      EXIT.FAILED,
      "there is no systemd on this machine (systemctl was not found); 'petit service print' shows the unit, and 'petit run' runs without one",
    );
  }
  if (needsRunning && !isRunning(scope)) throw new Failure(EXIT.FAILED, NOT_RUNNING[scope]);
};

const NOT_RUNNING = {
  system: "systemd doesn't run here; --no-start puts the service in place for the next boot, as in an image",
  user: "your systemd can't be asked (XDG_RUNTIME_DIR is not set, or you are not logged in); --no-start puts the service in place for the next login",
} as const satisfies Record<Scope, string>;
