import { accessSync, constants, realpathSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { flagOf } from "../../app/settings/setting.ts";
import { SETTINGS, type SettingKey } from "../../app/settings/settings.ts";
import type { Unit } from "../../app/systemd/unit-file.ts";
import { PetitError } from "../../domain/errors.ts";
import { parsePublicKey } from "../../lib/wire/signing.ts";
import { MEMORY } from "../../store/database/open.ts";
import type { Context } from "../command.ts";
import { run } from "../commands/server/run.ts";
import { WORKER_SETTINGS } from "../worker/run.ts";

/** The flags of `petit service` that describe the unit. */
export type ServiceFlags = {
  /** True for `petit worker` instead of `petit run`. */
  readonly worker: boolean;
  readonly jobsDir: string | undefined;
  readonly exec: string | undefined;
  readonly as: string | undefined;
  readonly user: boolean;
  readonly sandbox: boolean;
  /** Whether petit requires a token; undefined to decide by the machine. */
  readonly token: boolean | undefined;
  /** The group whose members can read the token. */
  readonly group: string | undefined;
};

/** The default user of a system service. */
export const DEFAULT_USER = "petit";

/** Returns the unit that the command line describes. Throws `invalid_request` if it could not work. */
export const planUnit = (flags: ServiceFlags, context: Context): Unit => {
  const scope = flags.user ? "user" : "system";
  if (flags.user && flags.as !== undefined)
    throw wrong("--as is only for a system service; a --user service runs as you");
  const role = flags.worker ? "worker" : "scheduler";
  const db = fromFlag("db", context);
  const stateDir = absolute(fromFlag(flagOf(SETTINGS.stateDir), context));
  const token = tokenOf(flags, context);
  assertFlagsOf(role, context);
  if (flags.worker) assertWorker(flags, context);
  const unit: Unit = {
    role,
    scope,
    exec: findExecutable(flags.exec, context),
    jobsDir: flags.jobsDir === undefined ? null : resolve(flags.jobsDir),
    db: db === null || db === MEMORY ? db : resolve(db),
    config: absolute(fromFlag("config", context)),
    stateDir,
    args: serviceArguments(role, context),
    runAs: checkedUser(flags.as ?? DEFAULT_USER),
    token,
    credentials: flags.worker ? credentialsIn(context) : [],
    writable: flags.worker ? stateDir : db === null || db === MEMORY ? null : dirname(resolve(db)),
    // The service does not have the variables of this command.
    edits: role === "scheduler" && context.settings.edit && context.origins.edit.kind !== "environment",
    sandbox: flags.sandbox,
    stopSeconds: stopSeconds(context.settings),
    version: context.version,
  };
  assertPathsEncodable(unit);
  if (scope === "system" && flags.sandbox) assertPathsVisible(unit);
  return unit;
};

/** Returns the token that the flags describe; for what `install` decides, see `planToken`. */
const tokenOf = (flags: ServiceFlags, context: Context): Unit["token"] => {
  const path = absolute(fromFlag("token-file", context));
  const given = [
    ...(path === null ? [] : ["--token-file"]),
    ...(flags.group === undefined ? [] : ["--group"]),
    ...(flags.token === undefined ? [] : [flags.token ? "--token" : "--no-token"]),
  ];
  if (flags.worker && given[0] !== undefined) throw wrong(`a worker has no API; leave ${given[0]} out`);
  if (flags.token === false && given.length > 1) throw wrong(`--no-token and ${given[0]} exclude each other`);
  if (flags.group !== undefined && path !== null)
    throw wrong("--group is for the token that petit creates; set the group of the --token-file yourself");
  if (flags.group !== undefined && flags.user) throw wrong("--group is only for a system service");
  if (flags.token === false) return { kind: "none" };
  return path === null ? { kind: "stores" } : { kind: "file", path };
};

const wrong = (message: string): PetitError => new PetitError("invalid_request", message);

const fromFlag = (name: string, { flags }: Context): string | null => flags.get(name)?.at(-1) ?? null;

const absolute = (path: string | null | undefined): string | null => (path ? resolve(path) : null);

/** Returns the given executable, or the running one. */
const findExecutable = (given: string | undefined, { runtime }: Context): string => {
  const path = absolute(given ?? runtime.executable);
  if (path === null) {
    throw wrong(
      "petit runs from source here, but a service needs an executable: build dist/petit with 'scripts/build', then run it, or pass it with --exec FILE",
    );
  }
  if (isExecutable(path)) return path;
  throw wrong(`--exec is '${path}', which is not an executable file; expected petit's executable`);
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
  throw wrong(`--as is '${name}'; expected a user name`);
};

/** Settings that the unit sets in another way, or that have no use in it. */
const NOT_PASSED_ON: readonly SettingKey[] = ["db", "url", "tokenFile", "color", "stateDir"];

/** Private files that systemd reads for a worker. */
const PRIVATE_FILES = ["natsCreds", "natsKey"] as const satisfies readonly SettingKey[];

/** Other files that a worker reads. They are public. */
const PUBLIC_FILES = ["natsCa", "natsCert"] as const satisfies readonly SettingKey[];

const credentialsIn = (context: Context): Unit["credentials"] =>
  PRIVATE_FILES.flatMap((key) => {
    const flag = flagOf(SETTINGS[key]);
    const file = absolute(fromFlag(flag, context));
    return file === null ? [] : [[flag, file] as const];
  });

/** Throws if a flag is missing without which a worker does not start. */
const assertWorker = ({ jobsDir }: ServiceFlags, context: Context): void => {
  if (jobsDir !== undefined) throw wrong("a worker has no job files; leave JOBS_DIR out, or --worker");
  if (fromFlag("db", context) !== null) throw wrong("a worker has no --db; its state is in --state-dir");
  for (const flag of [flagOf(SETTINGS.nats), flagOf(SETTINGS.trust)])
    if (fromFlag(flag, context) === null) throw wrong(`a worker needs --${flag}; see 'petit worker --help'`);
};

/** `petit service --user` selects the user's systemd. A worker's own `--user` needs root, which its service does not have. */
const settingsOf = (role: Unit["role"]): readonly SettingKey[] =>
  role === "worker" ? WORKER_SETTINGS.filter((key) => key !== "taskUser") : run.settings;

/** The settings of all services. */
export const SERVICE_SETTINGS: readonly SettingKey[] = [
  ...new Set([...settingsOf("scheduler"), ...settingsOf("worker")]),
];

/** Throws if a flag does not apply to this service. */
const assertFlagsOf = (role: Unit["role"], { flags }: Context): void => {
  const own = settingsOf(role);
  const foreign = SERVICE_SETTINGS.filter((key) => !own.includes(key)).map((key) => flagOf(SETTINGS[key]));
  const given = foreign.find((flag) => flags.has(flag));
  if (given !== undefined)
    throw wrong(role === "worker" ? `--${given} does not apply to a worker` : `--${given} needs --worker`);
};

/** Returns the flags to pass on to `petit run` or `petit worker`, as they were given. */
const serviceArguments = (role: Unit["role"], context: Context): readonly string[] => {
  const inUnit: readonly SettingKey[] = role === "worker" ? PRIVATE_FILES : [];
  const keys: readonly SettingKey[] = [...settingsOf(role), "logLevel", "logFormat"];
  const given = keys
    .filter((key) => !inUnit.includes(key))
    .filter((key) => !NOT_PASSED_ON.includes(key))
    .flatMap((key) => (context.flags.get(flagOf(SETTINGS[key])) ?? []).map((value) => flagText(key, value)));
  const shutdown = context.flags.has(flagOf(SETTINGS.onShutdown)) ? [] : ["--on-shutdown=leave"];
  return [...shutdown, ...given];
};

const flagText = (key: SettingKey, given: string): string => {
  const setting = SETTINGS[key];
  const value = isPath(key, given) ? resolve(given) : given;
  if (setting.kind.arity !== "switch") return `--${flagOf(setting)}=${value}`;
  return value === "false" ? `--no-${flagOf(setting)}` : `--${flagOf(setting)}`;
};

/** Returns whether a value is a path, which the service resolves in another folder. A trusted key is a path unless it is a key. */
const isPath = (key: SettingKey, given: string): boolean =>
  PUBLIC_FILES.some((file) => file === key) || (key === "trust" && parsePublicKey(given) === null);

/** Throws if a path can't be written in the unit: its directives have no quoting for these characters (systemd 257). */
const assertPathsEncodable = ({ token, writable, credentials }: Unit): void => {
  for (const [, file] of credentials)
    assertWithout(file, /["'\\\p{Cc}\s]/u, "spaces, quotes, \\ and control characters");
  assertWithout(
    token.kind === "file" ? token.path : null,
    /["'\\\p{Cc}\s]/u,
    "spaces, quotes, \\ and control characters",
  );
  assertWithout(writable, /["'\\\p{Cc}]/u, "quotes, \\ and control characters");
};

const assertWithout = (path: string | null, forbidden: RegExp, what: string): void => {
  if (path !== null && forbidden.test(path))
    throw wrong(`a unit can't contain the path ${JSON.stringify(path)}; expected a path without ${what}`);
};

/** Folders that `ProtectHome=yes` hides. */
const HIDDEN = /^\/(home|root|run\/user)(\/|$)/;

/** Throws if the service could not see a path that it needs. */
const assertPathsVisible = ({ exec, jobsDir, db, config, stateDir }: Unit): void => {
  const hidden = [exec, jobsDir, db, config, stateDir].find((path) => path !== null && HIDDEN.test(realPath(path)));
  if (!hidden) return;
  throw wrong(
    `a system service can't see ${hidden}, because home folders are hidden from it. ${alternativeTo(hidden, exec)}`,
  );
};

/** Resolves symbolic links. Returns the path unchanged if it does not exist yet. */
const realPath = (path: string): string => {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
};

const alternativeTo = (hidden: string, exec: string): string =>
  hidden === exec
    ? `Run 'install -m 755 ${exec} /usr/local/bin/petit' and use that petit, or use --user or --no-sandbox`
    : "Use a folder such as /etc/petit/jobs or /srv, or use --user or --no-sandbox";

/** Returns `TimeoutStopSec=`: time to drain, the grace period of killed tasks, and 20 seconds for the rest. */
const stopSeconds = ({ shutdownTimeoutMs, killGraceMs }: Context["settings"]): number =>
  Math.ceil((shutdownTimeoutMs + killGraceMs) / 1_000) + 20;
