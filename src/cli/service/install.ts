import { chmodSync, chownSync, existsSync, mkdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { urlOf } from "../../app/settings/settings.ts";
import { SERVICES, type Unit, unitFile, unitName } from "../../app/systemd/unit-file.ts";
import type { Context } from "../command.ts";
import { EXIT, Failure } from "../exit.ts";
import { moveToSlice } from "./cgroup.ts";
import { assertSystemd, defaultJobsDir, readUnit, refuseEdited, stateDir, unitPath } from "./place.ts";
import { DEFAULT_USER } from "./plan.ts";
import { replaceableWarnings } from "./replaceable.ts";
import { isRunning, mustSystemctl, runProgram, systemctl } from "./systemctl.ts";
import { type Access, makeToken } from "./token.ts";

/** Options of `petit service install`. */
export type InstallOptions = {
  readonly start: boolean;
  readonly force: boolean;
  /** Who can reach petit; null for a worker. */
  readonly access: Access | null;
};

/** An installed service. */
export type Installed = {
  readonly unit: string;
  readonly role: Unit["role"];
  /** Null for a worker. */
  readonly jobsDir: string | null;
  /** The database, or the state folder of a worker. */
  readonly database: string;
  /** The user that petit runs as; null for a user service. */
  readonly user: string | null;
  readonly started: boolean;
  /** The URL of the health endpoint; null if the API is turned off. */
  readonly health: string | null;
  /** Who can reach petit; null for a worker. */
  readonly access: Access | null;
  readonly warnings: readonly string[];
  /** The changes, one line each. */
  readonly done: readonly string[];
};

/**
 * Installs the unit with the user and folders that it needs, then enables and starts it. Existing users and folders stay
 * unchanged. Throws before the first change if systemd is missing or would replace an edited unit.
 */
export const install = (unit: Unit, options: InstallOptions, context: Context): Installed => {
  const { scope, role } = unit;
  const path = unitPath(unit, context);
  const jobsDir = role === "worker" ? null : (unit.jobsDir ?? defaultJobsDir(scope, context));
  assertSystemd(scope, { needsRunning: options.start });
  refuseEdited(path, { force: options.force, doing: "overwrite" });
  const done = [
    ...(scope === "system" ? makeUser(unit.runAs) : []),
    ...(jobsDir === null ? [] : makeJobsDir(jobsDir, unit)),
    ...makeDatabaseFolder(unit),
    ...(options.access === null ? [] : makeToken(options.access, unit)),
    ...writeUnit(path, unitFile(unit)),
    ...enable(unit),
    ...(options.start ? start(unit) : []),
  ];
  const user = scope === "system" ? unit.runAs : null;
  const { settings } = context;
  const health = settings.api && role === "scheduler" ? `${urlOf({ ...settings, url: null })}/api/health` : null;
  const database =
    role === "worker" ? (unit.stateDir ?? stateDir(unit)) : (unit.db ?? join(stateDir(unit), "petit.db"));
  const { access, start: started } = options;
  const warnings = [
    ...(access?.warning == null ? [] : [access.warning]),
    ...editWarnings(unit, jobsDir),
    ...replaceableWarnings(unit, jobsDir),
  ];
  return { unit: path, role, jobsDir, database, user, started, health, access, warnings, done };
};

const hasUser = (name: string): boolean => runProgram("id", ["-u", name]).ok;

const makeUser = (name: string): readonly string[] => {
  if (hasUser(name)) return [];
  if (name !== DEFAULT_USER) throw new Failure(EXIT.USAGE, `user '${name}' does not exist on this machine`);
  const isCreated = [
    () => runProgram("systemd-sysusers", ["--inline", `u ${name} - "petit, a job scheduler" /var/lib/petit`]),
    () => runProgram("useradd", ["--system", "--user-group", "--home-dir", "/var/lib/petit", "--no-create-home", name]),
  ].some((make) => make().ok && hasUser(name));
  if (isCreated) return [`created the system user ${name}`];
  throw new Failure(
    EXIT.FAILED,
    `the system user ${name} can't be created; create it, or choose another one with --as`,
  );
};

const makeJobsDir = (path: string, { scope, edits, runAs }: Unit): readonly string[] => {
  if (existsSync(path)) return [];
  makeFolders(path, scope);
  if (scope === "system" && edits) chownSync(path, idOf("-u", runAs), idOf("-g", runAs));
  return [`created ${path}`];
};

/** Returns a warning if the user of a system service can't write to the folder of job files that are edited through petit. */
const editWarnings = ({ scope, edits, runAs }: Unit, jobsDir: string | null): readonly string[] => {
  if (scope === "user" || !edits || jobsDir === null) return [];
  const { uid, gid, mode } = statSync(jobsDir);
  const user = idOf("-u", runAs);
  const groups = runProgram("id", ["-G", runAs]).stdout.trim().split(" ").map(Number);
  const needed = uid === user ? 0o200 : groups.includes(gid) ? 0o020 : 0o002;
  if (user === 0 || (mode & needed) !== 0) return [];
  return [`--edit can't save job files: the user ${runAs} may not write to ${jobsDir}; chown ${runAs} ${jobsDir}`];
};

/** Creates the folder of a database outside of petit's state folder, which systemd creates. */
const makeDatabaseFolder = ({ writable, scope, runAs }: Unit): readonly string[] => {
  if (writable === null || existsSync(writable)) return [];
  makeFolders(writable, scope);
  chmodSync(writable, 0o750);
  if (scope === "system") chownSync(writable, idOf("-u", runAs), idOf("-g", runAs));
  return [`created ${writable}`];
};

/** Creates the missing folders of a path. For a system service, its user can enter all of them, whatever root's umask is. */
const makeFolders = (path: string, scope: Unit["scope"]): void => {
  if (existsSync(path)) return;
  makeFolders(dirname(path), scope);
  mkdirSync(path);
  if (scope === "system") chmodSync(path, 0o755);
};

const idOf = (which: "-u" | "-g", user: string): number => Number(runProgram("id", [which, user]).stdout);

const writeUnit = (path: string, text: string): readonly string[] => {
  const before = readUnit(path);
  if (before === text) return [`${path} is up to date`];
  mkdirSync(dirname(path), { recursive: true });
  // Renaming is atomic, and replaces the symbolic link of a masked unit instead of following it.
  const temporary = `${path}.new`;
  writeFileSync(temporary, text);
  chmodSync(temporary, 0o644);
  renameSync(temporary, path);
  return [before === null ? `wrote ${path}` : `updated ${path}`];
};

const enable = ({ scope, role }: Unit): readonly string[] => {
  if (isRunning(scope)) mustSystemctl(scope, "daemon-reload");
  mustSystemctl(scope, "enable", "--quiet", unitName(role));
  return [`enabled ${SERVICES[role]}: it starts ${scope === "system" ? "with the machine" : "when you log in"}`];
};

/** Starts the service, or restarts it with the new unit. Its running tasks continue. */
const start = (unit: Unit): readonly string[] => {
  const { scope, role } = unit;
  const name = unitName(role);
  const wasActive = systemctl(scope, "is-active", "--quiet", name).ok;
  moveToSlice(unit);
  const { ok, stderr } = systemctl(scope, "restart", name);
  if (!ok)
    throw new Failure(
      EXIT.FAILED,
      `the service was installed, but does not start: ${stderr.trim()}\n${stateOf(scope, name)}`,
    );
  const status = systemctl(scope, "show", "--property=StatusText", "--value", name).stdout.trim();
  return [`${wasActive ? "restarted" : "started"} ${SERVICES[role]}${status === "" ? "" : `: ${status}`}`];
};

const stateOf = (scope: Unit["scope"], name: string): string =>
  systemctl(scope, "status", "--full", "--lines=10", name).stdout.trim();
