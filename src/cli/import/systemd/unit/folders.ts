import { closeSync, existsSync, readdirSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { errorMessage } from "../../../../lib/error-message.ts";
import { openRegular, readStart } from "../../../../lib/files/regular-file.ts";
import { EXIT, Failure } from "../../../exit.ts";
import { type Directive, parseUnit } from "./parse.ts";
import { nameParts } from "./specifiers.ts";

/** A unit with its drop-ins. */
export type LoadedUnit = {
  /** The full name, such as `backup@web.timer`. */
  readonly name: string;
  readonly file: string;
  readonly dropIns: readonly string[];
  /** The settings of the file, then those of its drop-ins. */
  readonly directives: readonly Directive[];
  readonly problems: readonly { readonly file: string; readonly line: number; readonly message: string }[];
};

/** Where systemd looks for the units of the system; the first folder wins. */
const SYSTEM_FOLDERS = [
  "/etc/systemd/system.control",
  "/run/systemd/system.control",
  "/run/systemd/transient",
  "/etc/systemd/system",
  "/run/systemd/system",
  "/run/systemd/generator",
  "/usr/local/lib/systemd/system",
  "/usr/lib/systemd/system",
  "/lib/systemd/system",
];

/** Returns the folders that systemd reads units from. Its own variable SYSTEMD_UNIT_PATH replaces them. */
export const unitFolders = (
  environment: Readonly<Record<string, string | undefined>>,
  { isUser }: { readonly isUser: boolean },
): readonly string[] => {
  const usual = isUser ? userFolders(environment) : SYSTEM_FOLDERS;
  const given = environment.SYSTEMD_UNIT_PATH;
  if (given === undefined || given === "") return usual;
  return [...given.split(":").filter((dir) => dir !== ""), ...(given.endsWith(":") ? usual : [])];
};

const userFolders = (environment: Readonly<Record<string, string | undefined>>): readonly string[] => {
  const home = environment.HOME ?? "/";
  return [
    join(environment.XDG_CONFIG_HOME ?? join(home, ".config"), "systemd/user"),
    "/etc/systemd/user",
    "/run/systemd/user",
    join(environment.XDG_DATA_HOME ?? join(home, ".local/share"), "systemd/user"),
    "/usr/local/lib/systemd/user",
    "/usr/lib/systemd/user",
  ];
};

/** Returns the timers that a target wants, as `systemctl enable` makes it, by name. */
export const enabledTimers = (folders: readonly string[]): readonly string[] => {
  const names = folders.flatMap((dir) =>
    listFolder(dir)
      .filter((name) => /\.(?:wants|requires)$/.test(name))
      .flatMap((name) => listFolder(join(dir, name)))
      .filter((name) => name.endsWith(".timer")),
  );
  return [...new Set(names)].sort();
};

export const listFolder = (dir: string): readonly string[] => {
  try {
    return readdirSync(dir).sort();
  } catch {
    return [];
  }
};

/** Returns the file of a unit, or of its template. Null if there is none. */
export const findUnitFile = (name: string, folders: readonly string[]): string | null => {
  const { prefix, instance } = nameParts(name);
  const suffix = name.slice(name.lastIndexOf("."));
  const names = instance === "" ? [name] : [name, `${prefix}@${suffix}`];
  for (const each of names) for (const dir of folders) if (existsSync(join(dir, each))) return join(dir, each);
  return null;
};

/**
 * Returns the name that systemd gives a unit: that of the file to which its own file is a link, if that is in one of the folders. Such a link is
 * an alias, as `Alias=` makes it. A link to any other file keeps its name, and so does the instance of a template.
 */
export const realName = (name: string, file: string, folders: readonly string[]): string => {
  const path = realpathSync(file);
  const target = basename(path);
  const isOfFolders = folders.some((dir) => existsSync(dir) && realpathSync(dir) === dirname(path));
  const suffix = name.slice(name.lastIndexOf("."));
  if (!isOfFolders || !target.endsWith(suffix)) return name;
  const { instance } = nameParts(name);
  return target.includes("@.") && instance !== "" ? target.replace("@.", () => `@${instance}.`) : target;
};

/** A masked unit is a link to /dev/null, or an empty file. */
export const isMasked = (file: string): boolean => {
  const path = realpathSync(file);
  return path === "/dev/null" || statSync(path).size === 0;
};

/** Reads a unit and its drop-ins: those of its own folder `NAME.d`, of its template, and of its prefixes and type. */
export const readUnit = (name: string, file: string, folders: readonly string[]): LoadedUnit => {
  const dropIns = dropInsOf(name, file, folders);
  const parsed = [file, ...dropIns].map((each) => parseUnit(readUnitText(each), each));
  return {
    name,
    file,
    dropIns,
    directives: parsed.flatMap(({ directives }) => directives),
    problems: parsed.flatMap(({ problems }) => problems),
  };
};

/** Returns the drop-ins in the order that systemd reads them: by name, whatever their folder. Of equal names the first folder wins. */
const dropInsOf = (name: string, file: string, folders: readonly string[]): readonly string[] => {
  const found = new Map<string, string>();
  const own = basename(file);
  const units = [...new Set([name, own, ...prefixesOf(name), name.slice(name.lastIndexOf(".") + 1)])];
  for (const unit of units)
    for (const dir of folders)
      for (const dropIn of listFolder(join(dir, `${unit}.d`)).filter((each) => each.endsWith(".conf")))
        if (!found.has(dropIn)) found.set(dropIn, join(dir, `${unit}.d`, dropIn));
  return [...found.keys()].sort().flatMap((dropIn) => {
    const path = found.get(dropIn) ?? "";
    return isMasked(path) ? [] : [path];
  });
};

/** `a-b-c.timer` also has the drop-ins of `a-b-.timer` and `a-.timer`. */
const prefixesOf = (name: string): readonly string[] => {
  const { prefix } = nameParts(name);
  const suffix = name.slice(name.lastIndexOf("."));
  return [...prefix.matchAll(/-/g)].map(({ index }) => `${prefix.slice(0, index + 1)}${suffix}`).reverse();
};

const MAX_BYTES = 2 ** 20;

const readUnitText = (path: string): string => {
  let fd: number | null;
  try {
    fd = openRegular(path);
  } catch (error) {
    throw new Failure(EXIT.FAILED, `${path} can't be read: ${errorMessage(error)}`);
  }
  if (fd === null) throw new Failure(EXIT.FAILED, `${path} is not a regular file; expected a unit`);
  try {
    const bytes = readStart(fd, MAX_BYTES + 1);
    if (bytes.length > MAX_BYTES) throw new Failure(EXIT.FAILED, `${path} is larger than 1 MiB; expected a unit`);
    if (bytes.includes(0)) throw new Failure(EXIT.FAILED, `${path} contains a NUL character; expected a unit`);
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(EXIT.FAILED, `${path} is not UTF-8 text; expected a unit`);
  } finally {
    closeSync(fd);
  }
};
