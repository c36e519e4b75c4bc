import { randomBytes } from "node:crypto";
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { GROUP_TOKEN, SYSTEM_TOKEN, userToken } from "../../app/settings/token.ts";
import { tokenIn, type Unit } from "../../app/systemd/unit-file.ts";
import { PetitError } from "../../domain/errors.ts";
import { listLoginAccounts } from "../../lib/system/login-accounts.ts";
import type { Context } from "../command.ts";
import { EXIT, Failure } from "../exit.ts";
import { writeSecret } from "../secret-file.ts";
import { configFolder, readUnit, type Scope, unitPath } from "./place.ts";
import type { ServiceFlags } from "./plan.ts";
import { runProgram } from "./systemctl.ts";

/** Who can reach the API of a service. */
export type Access = {
  readonly token: Unit["token"];
  readonly isProtected: boolean;
  /** The token file; null if there is none, or if petit gets its token in another way. */
  readonly file: string | null;
  /** Whether the installation creates a missing file. */
  readonly creates: boolean;
  /** Where the token is now, if it has to move to `file`. */
  readonly movedFrom: string | null;
  /** The group whose members can read the file; null for its owner alone. */
  readonly group: Group | null;
  /** Who can reach petit and how to change that, as a sentence. */
  readonly text: string;
  readonly warning: string | null;
};

type Group = { readonly name: string; readonly id: number };

/**
 * Decides whether a service requires a token, and where it is. The flags decide; an installed service stays as it is; a new one
 * requires a token if it runs as root, or if several people can log in to the machine. Throws `invalid_request` if other machines
 * could reach petit without a token.
 */
export const planToken = async (unit: Unit, flags: ServiceFlags, context: Context): Promise<Access> => {
  const text = readUnit(unitPath(unit, context));
  const isShared = await isSharedMachine(unit);
  const group = flags.group === undefined ? null : findGroup(flags.group);
  const isAsked = flags.token === true || group !== null;
  const wants = isAsked || (flags.token === undefined && isShared && text === null);
  const found = flags.token === false ? NO_TOKEN : findToken(unit, { text, isAsked, context });
  const isOurs = found.file === null || found.file === SYSTEM_TOKEN || found.file === GROUP_TOKEN;
  if (group !== null && (!isOurs || (found.file === null && found.isProtected)))
    throw wrong(
      `--group is for a token that petit creates, but the service has another one: ${found.file ?? "see its unit"}`,
    );
  const created = wants && !found.isProtected ? usualFile(unit, context) : null;
  const file = group === null ? (found.file ?? created) : GROUP_TOKEN;
  const isProtected = found.isProtected || file !== null;
  if (!isProtected) await refuseOpenAddress(unit, context);
  const plan = {
    file,
    isProtected,
    movedFrom: group !== null && found.file === SYSTEM_TOKEN ? SYSTEM_TOKEN : null,
    group,
  };
  return {
    ...plan,
    creates: created !== null || isAsked,
    token: file === null ? found.token : { kind: "file", path: file },
    text: accessText(plan, unit, context),
    warning: isProtected ? readersWarning(found.file) : isShared && flags.token !== false ? OPEN_WARNING : null,
  };
};

const wrong = (message: string): PetitError => new PetitError("invalid_request", message);

type FoundToken = Pick<Access, "token" | "isProtected" | "file">;

const NO_TOKEN: FoundToken = { token: { kind: "none" }, isProtected: false, file: null };

type Installed = {
  /** The text of the installed unit; null if there is none. */
  readonly text: string | null;
  /** Whether flags ask for a token. */
  readonly isAsked: boolean;
  readonly context: Context;
};

/** Finds the token that the flags, the installed unit or the machine give the service. */
const findToken = (unit: Unit, { text, isAsked, context }: Installed): FoundToken => {
  const installed = text === null || unit.token.kind === "file" ? unit.token : tokenIn(text);
  if (installed.kind === "file") return { token: installed, isProtected: true, file: installed.path };
  const isInUse = installed.kind === "stores" || isAsked;
  const usual = [...(unit.scope === "system" ? [GROUP_TOKEN] : []), usualFile(unit, context)];
  const file = isInUse ? (usual.find((each) => existsSync(each)) ?? null) : null;
  const isInStore = isInUse && STORES[unit.scope].some((store) => existsSync(join(store, "petit-token")));
  return { token: installed, isProtected: file !== null || isInStore || isSetElsewhere(unit, context), file };
};

const usualFile = ({ scope }: Unit, context: Context): string =>
  scope === "system" ? SYSTEM_TOKEN : userToken(configFolder(scope, context));

/** Other places where systemd finds the credentials of a service. */
const STORES = {
  system: ["/etc/credstore.encrypted", "/run/credstore", "/run/credstore.encrypted", "/usr/lib/credstore"],
  user: [],
} as const satisfies Record<Scope, readonly string[]>;

/** Returns whether a drop-in, the environment file or the configuration file gives petit a token. */
const isSetElsewhere = (unit: Unit, context: Context): boolean => {
  const environment = join(configFolder(unit.scope, context), "petit", "environment");
  const dropIns = `${unitPath(unit, context)}.d`;
  const files = existsSync(dropIns) ? readdirSync(dropIns).map((name) => join(dropIns, name)) : [];
  return (
    (existsSync(environment) && /^\s*PETIT_(API_TOKEN|TOKEN_FILE)=/m.test(readFileSync(environment, "utf8"))) ||
    files.some((file) =>
      /^\s*(\w*Credential\w*=petit-token\b|Environment=.*PETIT_(API_TOKEN|TOKEN_FILE)=)/m.test(
        readFileSync(file, "utf8"),
      ),
    ) ||
    (usesConfigFile("tokenFile", unit, context) && context.settings.tokenFile !== null)
  );
};

/** Returns whether the service will read a setting from the same configuration file as this command. */
const usesConfigFile = (key: "tokenFile" | "apiHost" | "api", { scope }: Unit, { origins, flags }: Context): boolean =>
  origins[key].kind === "file" &&
  (flags.has("config") || scope === "user" || origins[key].name === "/etc/petit/config.yaml");

/** Returns whether others than root and the service's user can log in, or the service is root. */
const isSharedMachine = async ({ scope, runAs }: Unit): Promise<boolean> => {
  const isRoot = scope === "user" ? process.getuid?.() === 0 : runProgram("id", ["-u", runAs]).stdout.trim() === "0";
  return isRoot || (await listLoginAccounts()).length > 1;
};

const findGroup = (name: string): Group => {
  const id = runProgram("getent", ["group", "--", name]).stdout.split(":")[2];
  if (id === undefined) throw wrong(`--group is '${name}', which is not a group of this machine`);
  return { name, id: Number(id) };
};

/** Throws if other machines could reach the service, which `petit run` refuses. */
const refuseOpenAddress = async (unit: Unit, context: Context): Promise<void> => {
  const { settings, flags } = context;
  const isGiven = flags.has("api-host") || usesConfigFile("apiHost", unit, context);
  if (!settings.api || !isGiven) return;
  // Loaded here because other commands don't need the API's code.
  const { isLoopback } = await import("../../api/guard/host.ts");
  if (isLoopback(settings.apiHost)) return;
  throw wrong(
    `--api-host ${settings.apiHost} lets other machines reach the API, but the service has no token; add --token to create one, or name one with --token-file FILE`,
  );
};

/** Returns the name of the group whose members can read an existing file, apart from root's. */
const groupOf = (file: string): string | null => {
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats === undefined || stats.gid === 0 || (stats.mode & 0o040) === 0) return null;
  return runProgram("getent", ["group", String(stats.gid)]).stdout.split(":")[0] || String(stats.gid);
};

/** Warns if everybody can read a token file that was there before. */
const readersWarning = (file: string | null): string | null => {
  const mode = file === null ? undefined : statSync(file, { throwIfNoEntry: false })?.mode;
  if (mode === undefined || (mode & 0o004) === 0) return null;
  return `every user of this machine can read the token in ${file}, and control petit with it; run 'chmod o= ${file}', and replace the token`;
};

const accessText = (
  { file, isProtected, group }: Pick<Access, "file" | "isProtected" | "group">,
  { scope }: Unit,
  { settings }: Context,
): string => {
  if (!settings.api) return "the API is turned off";
  const install = scope === "user" ? "petit service install --user" : "sudo petit service install";
  if (!isProtected)
    return `every user of this machine controls petit, without a token; '${install} --token' changes that`;
  const readers = group?.name ?? (file === null || scope === "user" ? null : groupOf(file));
  const who = scope === "user" ? "your" : `root's${readers === null ? "" : ` and the group ${readers}'s`}`;
  const where = file === null ? "the token" : `the token in ${file}, which ${who} commands find`;
  return `only with ${where}; '${install} --no-token' changes that`;
};

const OPEN_WARNING =
  "the installed service has no token, and stays so: every user of this machine can control it; --token creates one";

/** Creates the token file if it is missing, and gives the group access to it. Returns the changes. */
export const makeToken = ({ file, creates, movedFrom, group }: Access, { scope }: Unit): readonly string[] => {
  if (file === null) return [];
  const isNew = creates && !existsSync(file);
  if (isNew) {
    makeFolder(file, scope, group);
    writeSecret(
      file,
      movedFrom === null ? `${randomBytes(32).toString("base64url")}\n` : readFileSync(movedFrom, "utf8"),
    );
  }
  if (group !== null) giveToGroup(file, group);
  if (movedFrom !== null) rmSync(movedFrom);
  const readers = group === null ? (scope === "user" ? "you" : "root") : `root and the group ${group.name}`;
  return isNew ? [`created ${file} with a token, which only ${readers} can read`] : [];
};

/** Lets a group read the token file, unless somebody else has put another file in its place. */
const giveToGroup = (file: string, group: Group): void => {
  const fd = openOwn(file);
  try {
    const { uid, nlink } = fstatSync(fd);
    if (uid !== 0 || nlink !== 1) throw foreignFile(file);
    fchownSync(fd, 0, group.id);
    fchmodSync(fd, 0o640);
  } finally {
    closeSync(fd);
  }
};

const openOwn = (file: string): number => {
  try {
    return openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    throw foreignFile(file, cause);
  }
};

const foreignFile = (file: string, cause?: unknown): Failure =>
  new Failure(EXIT.FAILED, `${file} is not a file of root alone, so the group gets no access to it; remove it first`, {
    cause,
  });

/** Only root enters the folder of systemd's credentials. */
const makeFolder = (file: string, scope: Scope, group: Group | null): void => {
  const folder = dirname(file);
  if (existsSync(folder)) return;
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, scope === "system" && group !== null ? 0o755 : 0o700);
};
