import { chmodSync, chownSync, existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { urlOf } from "../../app/settings/settings.ts";
import { UNIT, type Unit, unitFile } from "../../app/systemd/unit-file.ts";
import type { Context } from "../command.ts";
import { EXIT } from "../exit.ts";
import { Failure } from "../failure.ts";
import { assertSystemd, defaultJobsDir, readUnit, refuseEdited, stateDir, unitPath } from "./place.ts";
import { DEFAULT_USER } from "./plan.ts";
import { isRunning, mustSystemctl, runProgram, systemctl } from "./systemctl.ts";

export type InstallOptions = { readonly start: boolean; readonly force: boolean };

export type Installed = {
  readonly unit: string;
  readonly jobsDir: string;
  readonly database: string;
  /** Null for a service of a user's own. */
  readonly user: string | null;
  readonly started: boolean;
  /** Where it says that it is well; null where its API is off. */
  readonly health: string | null;
  /** What was done, a line each. */
  readonly done: readonly string[];
};

/**
 * Puts the unit in place, with what it needs, and starts it. What is there already stays as it is. Throws, before anything
 * is done, where it can't be or an edited unit is in its place.
 */
export const install = (unit: Unit, options: InstallOptions, context: Context): Installed => {
  const { scope } = unit;
  const path = unitPath(scope, context);
  const jobsDir = unit.jobsDir ?? defaultJobsDir(scope, context);
  assertSystemd(scope, { needsRunning: options.start });
  refuseEdited(path, { force: options.force, doing: "overwrite" });
  const done = [
    ...(scope === "system" ? makeUser(unit.runAs) : []),
    ...makeJobsDir(jobsDir, unit),
    ...makeDatabaseFolder(unit),
    ...writeUnit(path, unitFile(unit)),
    ...enable(unit),
    ...(options.start ? start(unit) : []),
  ];
  const user = scope === "system" ? unit.runAs : null;
  const { settings } = context;
  const health = settings.api ? `${urlOf({ ...settings, url: null })}/api/health` : null;
  const database = unit.db ?? join(stateDir(scope), "petit.db");
  return { unit: path, jobsDir, database, user, started: options.start, health, done };
};

const hasUser = (name: string): boolean => runProgram("id", ["-u", name]).ok;

const makeUser = (name: string): readonly string[] => {
  if (hasUser(name)) return [];
  if (name !== DEFAULT_USER) throw new Failure(EXIT.USAGE, `there is no user '${name}'; expected one of this machine`);
  const made = [
    () => runProgram("systemd-sysusers", ["--inline", `u ${name} - "petit, a job scheduler" /var/lib/petit`]),
    () => runProgram("useradd", ["--system", "--user-group", "--home-dir", "/var/lib/petit", "--no-create-home", name]),
  ].some((make) => make().ok && hasUser(name));
  if (made) return [`made the system user ${name}`];
  throw new Failure(EXIT.FAILED, `the system user ${name} can't be made; make it, or name another with --as`);
};

const makeJobsDir = (path: string, { scope }: Unit): readonly string[] => {
  if (existsSync(path)) return [];
  makeFolders(path, scope);
  return [`made ${path}`];
};

/** petit's own folder is made by systemd. */
const makeDatabaseFolder = ({ writable, scope, runAs }: Unit): readonly string[] => {
  if (writable === null || existsSync(writable)) return [];
  makeFolders(writable, scope);
  chmodSync(writable, 0o750);
  if (scope === "system") chownSync(writable, idOf("-u", runAs), idOf("-g", runAs));
  return [`made ${writable}`];
};

/** Each that isn't there yet. The user of a system service has to come through all of them, whatever root's umask is. */
const makeFolders = (path: string, scope: Unit["scope"]): void => {
  if (existsSync(path)) return;
  makeFolders(dirname(path), scope);
  mkdirSync(path);
  if (scope === "system") chmodSync(path, 0o755);
};

const idOf = (which: "-u" | "-g", user: string): number => Number(runProgram("id", [which, user]).stdout);

const writeUnit = (path: string, text: string): readonly string[] => {
  const before = readUnit(path);
  if (before === text) return [`${path} is as it should be`];
  mkdirSync(dirname(path), { recursive: true });
  // In one step, and not through a link: that is how a masked unit looks.
  const made = `${path}.new`;
  writeFileSync(made, text);
  chmodSync(made, 0o644);
  renameSync(made, path);
  return [before === null ? `wrote ${path}` : `wrote ${path} anew`];
};

const enable = ({ scope }: Unit): readonly string[] => {
  if (isRunning(scope)) mustSystemctl(scope, "daemon-reload");
  mustSystemctl(scope, "enable", "--quiet", UNIT);
  return [scope === "system" ? "enabled it: it starts with the machine" : "enabled it: it starts when you log in"];
};

/** One that runs is started anew, with what was written; its tasks go on. */
const start = ({ scope }: Unit): readonly string[] => {
  const wasActive = systemctl(scope, "is-active", "--quiet", UNIT).ok;
  const { ok, stderr } = systemctl(scope, "restart", UNIT);
  if (!ok)
    throw new Failure(EXIT.FAILED, `it was put in place, but does not start: ${stderr.trim()}\n${stateOf(scope)}`);
  const status = systemctl(scope, "show", "--property=StatusText", "--value", UNIT).stdout.trim();
  return [`${wasActive ? "restarted" : "started"} it${status === "" ? "" : `: ${status}`}`];
};

const stateOf = (scope: Unit["scope"]): string =>
  systemctl(scope, "status", "--full", "--lines=10", UNIT).stdout.trim();
