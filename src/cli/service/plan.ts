import { accessSync, constants, realpathSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { flagOf } from "../../app/settings/setting.ts";
import { SETTINGS, type SettingKey } from "../../app/settings/settings.ts";
import type { Unit } from "../../app/systemd/unit-file.ts";
import { PetitError } from "../../domain/errors.ts";
import { MEMORY } from "../../store/database/open.ts";
import type { Context } from "../command.ts";
import { run } from "../commands/run.ts";

/** What the command line says of the unit that it wants. */
export type ServiceFlags = {
  readonly jobsDir: string | undefined;
  readonly exec: string | undefined;
  readonly as: string | undefined;
  readonly user: boolean;
  readonly sandbox: boolean;
};

/** The system user that petit runs as unless another is named. */
export const DEFAULT_USER = "petit";

/** The unit that the command line asks for. Throws `invalid_request` where it could not work. */
export const planUnit = (flags: ServiceFlags, context: Context): Unit => {
  const scope = flags.user ? "user" : "system";
  if (flags.user && flags.as !== undefined)
    throw wrong("--as is for a system service; one of --user runs as that user");
  const db = fromFlag("db", context);
  const unit: Unit = {
    scope,
    exec: findExecutable(flags.exec, context),
    jobsDir: flags.jobsDir === undefined ? null : resolve(flags.jobsDir),
    db: db === null || db === MEMORY ? db : resolve(db),
    config: absolute(fromFlag("config", context)),
    args: runArguments(context),
    runAs: checkedUser(flags.as ?? DEFAULT_USER),
    tokenFile: absolute(fromFlag("token-file", context)),
    writable: db === null || db === MEMORY ? null : dirname(resolve(db)),
    sandbox: flags.sandbox,
    stopSeconds: stopSeconds(context.settings),
    version: context.version,
  };
  assertWritten(unit);
  if (scope === "system" && flags.sandbox) assertInSight(unit);
  return unit;
};

const wrong = (message: string): PetitError => new PetitError("invalid_request", message);

const fromFlag = (name: string, { flags }: Context): string | null => flags.get(name)?.at(-1) ?? null;

const absolute = (path: string | null | undefined): string | null => (path ? resolve(path) : null);

/** The one that is named, else this very one. */
const findExecutable = (named: string | undefined, { runtime }: Context): string => {
  const path = absolute(named ?? runtime.executable);
  if (path === null) {
    throw wrong(
      "petit runs from source here, and a service needs its executable: 'scripts/build' makes dist/petit; run that, or name it with --exec FILE",
    );
  }
  if (isExecutable(path)) return path;
  throw wrong(`--exec is '${path}', which is no executable file; expected petit's executable`);
};

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
};

const checkedUser = (name: string): string => {
  if (/^[a-z_][a-z0-9_-]{0,30}$/i.test(name)) return name;
  throw wrong(`--as is '${name}'; expected the name of a user`);
};

/** The unit says these in its own way. */
const OTHERWISE: readonly SettingKey[] = ["db", "url", "tokenFile", "color"];

/** What is handed on to `petit run`, as it was given. */
const runArguments = (context: Context): readonly string[] => {
  const keys: readonly SettingKey[] = [...run.settings, "logLevel", "logFormat"];
  const given = keys
    .filter((key) => !OTHERWISE.includes(key))
    .flatMap((key) => (context.flags.get(flagOf(SETTINGS[key])) ?? []).map((value) => flagText(key, value)));
  const shutdown = context.flags.has(flagOf(SETTINGS.onShutdown)) ? [] : ["--on-shutdown=leave"];
  return [...shutdown, ...given];
};

const flagText = (key: SettingKey, value: string): string => {
  const setting = SETTINGS[key];
  if (setting.kind.arity !== "switch") return `--${flagOf(setting)}=${value}`;
  return value === "false" ? `--no-${flagOf(setting)}` : `--${flagOf(setting)}`;
};

/** Unit files have no way to write these in the lines that need them; a credential's path with a blank, not for systemd 257. */
const assertWritten = ({ tokenFile, writable }: Unit): void => {
  assertWithout(tokenFile, /["'\\\p{Cc}\s]/u, "blanks, quotes, \\ and control characters");
  assertWithout(writable, /["'\\\p{Cc}]/u, "quotes, \\ and control characters");
};

const assertWithout = (path: string | null, odd: RegExp, what: string): void => {
  if (path !== null && odd.test(path))
    throw wrong(`a unit can't name ${JSON.stringify(path)}; expected a path without ${what}`);
};

/** Folders that `ProtectHome=yes` hides. */
const HIDDEN = /^\/(home|root|run\/user)(\/|$)/;

const assertInSight = ({ exec, jobsDir, db, config }: Unit): void => {
  const hidden = [exec, jobsDir, db, config].find((path) => path !== null && HIDDEN.test(realPath(path)));
  if (!hidden) return;
  throw wrong(`a system service does not see ${hidden}: home folders are hidden from it. ${insteadOf(hidden, exec)}`);
};

/** Where links lead; the path itself where there is nothing yet. */
const realPath = (path: string): string => {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
};

const insteadOf = (hidden: string, exec: string): string =>
  hidden === exec
    ? `'install -m 755 ${exec} /usr/local/bin/petit' puts petit where it does; or use --user, or --no-sandbox`
    : "Use a folder such as /etc/petit/jobs or /srv; or --user, or --no-sandbox";

/** Draining, then the grace of what is ended, and some for the rest. */
const stopSeconds = ({ shutdownTimeoutMs, killGraceMs }: Context["settings"]): number =>
  Math.ceil((shutdownTimeoutMs + killGraceMs) / 1_000) + 20;
