import { accessSync, constants, existsSync, readdirSync, type Stats, statfsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { errorMessage } from "../../lib/error-message.ts";
import { formatRoundedSize } from "../../lib/size.ts";
import { pluralize } from "../../lib/text.ts";
import {
  findForeign,
  findOpenFolder,
  foreignText,
  type OwnershipOptions,
  openFolderText,
} from "../../store/database/ownership.ts";
import { siblingFile } from "../../store/database/sibling-file.ts";
import { type Check, failed, ok, warning } from "./check.ts";

/** Checks the owner and the mode of the database and the files next to it. */
export const permissionsCheck = (options: OwnershipOptions): Check => {
  const { db } = options;
  const [planted] = plantedChecks(options);
  if (planted !== undefined) return planted;
  const files = ["", "-wal", "-shm", "-lock"]
    .map((suffix) => siblingFile(db, suffix))
    .filter((file) => statOf(file) !== null);
  const foreign = files.find((file) => isForeign(statOf(file)));
  if (foreign !== undefined) {
    const message = `${foreign} belongs to another user (${statOf(foreign)?.uid}) and can't be written`;
    return failed("permissions", {
      message,
      hint: `run petit as that user, or: chown ${process.getuid?.()} ${foreign}`,
    });
  }
  const open = files.find((file) => isOpen(statOf(file)));
  if (open === undefined) return ok("permissions", `only the owner can read ${db}`);
  const message = `others can read ${open} (mode ${modeOf(statOf(open))}), which contains all output and params`;
  return warning("permissions", { message, hint: `chmod 600 ${open}` });
};

/** Finds a file of another user that 'petit run' refuses, even if there is no database yet. */
export const plantedChecks = (options: OwnershipOptions): readonly Check[] => {
  const foreign = findForeign(options);
  return foreign === null ? [] : [failed("permissions", { message: foreignText(foreign), hint: foreign.hint })];
};

/** Checks whether petit can create files next to the database, as SQLite does. */
export const folderCheck = (folder: string, options: OwnershipOptions): Check => {
  try {
    if (!statSync(folder).isDirectory()) throw new Error(`${folder} is not a folder`);
    accessSync(folder, constants.W_OK | constants.X_OK);
    const open = findOpenFolder(options);
    if (open === null) return ok("folder", `${folder} is writable`);
    return warning("folder", {
      message: openFolderText(open),
      hint: "move the database to a folder that only you can write to",
    });
  } catch (error) {
    return failed("folder", { message: `${folder} can't be written: ${errorMessage(error)}`, hint: roomHint(folder) });
  }
};

/** Returns the hint for a folder in which petit can't create the database. */
export const roomHint = (folder: string): string => {
  const other = "or choose another database with --db";
  if (!existsSync(folder)) return `create the folder ${folder}, ${other}`;
  return `let petit's user write to ${folder}, where petit creates files next to its database, ${other}`;
};

/** Below this, petit will soon be unable to write. */
const TOO_LITTLE_BYTES = 32 * 2 ** 20;
/** Below this, doctor warns. */
const LITTLE_BYTES = 512 * 2 ** 20;

/** Checks the free space and inodes of the database's disk. */
export const diskCheck = (folder: string): Check => {
  const disk = statfsSync(folder);
  const free = disk.bavail * disk.bsize;
  const message = `${formatRoundedSize(free)} free on the disk of the database`;
  const hint = "free some space, or keep less: --retention-runs, --retention-days, --log-limit";
  // File systems without a limit on inodes report 0.
  if (disk.files > 0 && disk.ffree === 0) {
    return failed("disk_space", { message: `no file can be created in ${folder}: the disk has no free inodes`, hint });
  }
  if (free < TOO_LITTLE_BYTES) return failed("disk_space", { message: `only ${message}`, hint });
  return free < LITTLE_BYTES ? warning("disk_space", { message: `only ${message}`, hint }) : ok("disk_space", message);
};

/** Checks the spool folder, which holds the output of attempts until it is stored. */
export const spoolCheck = (db: string): Check => {
  const spool = resolve(siblingFile(db, "-spool"));
  const stats = statOf(spool);
  if (stats === null) return ok("spool", `${spool} does not exist yet; 'petit run' will create it`);
  if (!stats.isDirectory()) return failed("spool", { message: `${spool} is not a folder`, hint: "move or remove it" });
  if (isForeign(stats)) {
    const message = `${spool} belongs to another user (${stats.uid}) and can't be written`;
    return failed("spool", { message, hint: `run petit as that user, or: chown -R ${process.getuid?.()} ${spool}` });
  }
  if (isOpen(stats)) {
    const message = `others can read ${spool} (mode ${modeOf(stats)}), which contains the output of running tasks`;
    return warning("spool", { message, hint: `chmod 700 ${spool}` });
  }
  return ok("spool", `${spool}: ${pluralize(readdirSync(spool).length, "folder")}`);
};

/** Checks the folder of the artifacts, which exists if there have been any. */
export const artifactsCheck = (db: string): readonly Check[] => {
  const folder = resolve(siblingFile(db, "-artifacts"));
  const stats = statOf(folder);
  if (stats === null) return [];
  if (!stats.isDirectory())
    return [failed("artifacts", { message: `${folder} is not a folder`, hint: "move or remove it" })];
  if (isForeign(stats)) {
    const message = `${folder} belongs to another user (${stats.uid}) and can't be written`;
    const hint = `run petit as that user, or: chown -R ${process.getuid?.()} ${folder}`;
    return [failed("artifacts", { message, hint })];
  }
  if (isOpen(stats)) {
    const message = `others can read ${folder} (mode ${modeOf(stats)}), which contains artifacts of runs`;
    return [warning("artifacts", { message, hint: `chmod 700 ${folder}` })];
  }
  return [ok("artifacts", folder)];
};

const statOf = (file: string): Stats | null => statSync(file, { throwIfNoEntry: false }) ?? null;

/** Returns whether users other than the owner can access the file. */
export const isOpen = (stats: Stats | null): boolean => stats !== null && (stats.mode & 0o077) !== 0;

/** Returns the mode in octal digits, such as `0644`. */
export const modeOf = (stats: Stats | null): string => ((stats?.mode ?? 0) & 0o777).toString(8).padStart(4, "0");

/** Returns whether another user owns the file. Always false for root, who can write every file. */
const isForeign = (stats: Stats | null): boolean => {
  const self = process.getuid?.() ?? 0;
  return stats !== null && self !== 0 && stats.uid !== self;
};
