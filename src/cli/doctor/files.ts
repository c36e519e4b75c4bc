import { accessSync, constants, existsSync, readdirSync, type Stats, statfsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { formatRoundedSize } from "../../lib/size.ts";
import {
  findForeign,
  findOpenFolder,
  foreignText,
  type OwnershipOptions,
  openFolderText,
} from "../../store/database/ownership.ts";
import { siblingFile } from "../../store/database/sibling-file.ts";
import { counted } from "../terminal/counted.ts";
import { type Check, failed, ok, reasonOf, warning } from "./check.ts";

/** Of the database and the files that SQLite keeps beside it. */
export const permissionsCheck = (options: OwnershipOptions): Check => {
  const { db } = options;
  const [planted] = plantedChecks(options);
  if (planted !== undefined) return planted;
  const files = ["", "-wal", "-shm", "-lock"]
    .map((suffix) => siblingFile(db, suffix))
    .filter((file) => statOf(file) !== null);
  const foreign = files.find((file) => isForeign(statOf(file)));
  if (foreign !== undefined) {
    const message = `${foreign} belongs to another user (${statOf(foreign)?.uid}), and can't be written`;
    return failed("permissions", {
      message,
      hint: `run petit as that user, or: chown ${process.getuid?.()} ${foreign}`,
    });
  }
  const open = files.find((file) => isOpen(statOf(file)));
  if (open === undefined) return ok("permissions", `only the owner can read ${db}`);
  const message = `others can read ${open} (mode ${modeOf(statOf(open))}), and with it all output and params`;
  return warning("permissions", { message, hint: `chmod 600 ${open}` });
};

/** Finds what 'petit run' refuses, since another user put it there; also where there is no database yet. */
export const plantedChecks = (options: OwnershipOptions): readonly Check[] => {
  const foreign = findForeign(options);
  return foreign === null ? [] : [failed("permissions", { message: foreignText(foreign), hint: foreign.hint })];
};

/** SQLite makes files beside the database. */
export const folderCheck = (folder: string, options: OwnershipOptions): Check => {
  try {
    if (!statSync(folder).isDirectory()) throw new Error(`${folder} is not a folder`);
    accessSync(folder, constants.W_OK | constants.X_OK);
    const open = findOpenFolder(options);
    if (open === null) return ok("folder", `${folder} can be written`);
    return warning("folder", { message: openFolderText(open), hint: "keep the database in a folder of your own" });
  } catch (error) {
    return failed("folder", { message: `${folder} can't be written: ${reasonOf(error)}`, hint: roomHint(folder) });
  }
};

/** Returns what to do about a folder that petit can't create the database in. */
export const roomHint = (folder: string): string => {
  const other = "or name another database with --db";
  if (!existsSync(folder)) return `make the folder ${folder}, ${other}`;
  return `petit makes files beside its database: let its user write to ${folder}, ${other}`;
};

/** Below the first petit is about to stand still; below the second it is time to look. */
const TOO_LITTLE_BYTES = 32 * 2 ** 20;
const LITTLE_BYTES = 512 * 2 ** 20;

export const diskCheck = (folder: string): Check => {
  const disk = statfsSync(folder);
  const free = disk.bavail * disk.bsize;
  const message = `${formatRoundedSize(free)} are free where the database is`;
  const hint = "make room, or keep less: --retention-runs, --retention-days, --log-limit";
  // Some file systems have no bound of files, and say 0.
  if (disk.files > 0 && disk.ffree === 0) {
    return failed("disk_space", { message: `no file can be made in ${folder}: the disk has no inode left`, hint });
  }
  if (free < TOO_LITTLE_BYTES) return failed("disk_space", { message: `only ${message}`, hint });
  return free < LITTLE_BYTES ? warning("disk_space", { message: `only ${message}`, hint }) : ok("disk_space", message);
};

/** Where attempts leave their output until it is stored. */
export const spoolCheck = (db: string): Check => {
  const spool = resolve(siblingFile(db, "-spool"));
  const stats = statOf(spool);
  if (stats === null) return ok("spool", `${spool} is not there yet; 'petit run' makes it`);
  if (!stats.isDirectory()) return failed("spool", { message: `${spool} is no folder`, hint: "move it away" });
  if (isForeign(stats)) {
    const message = `${spool} belongs to another user (${stats.uid}), and can't be written`;
    return failed("spool", { message, hint: `run petit as that user, or: chown -R ${process.getuid?.()} ${spool}` });
  }
  if (isOpen(stats)) {
    const message = `others can read ${spool} (mode ${modeOf(stats)}), and with it the output of what runs`;
    return warning("spool", { message, hint: `chmod 700 ${spool}` });
  }
  return ok("spool", `${spool}: ${counted(readdirSync(spool).length, "file")}`);
};

const statOf = (file: string): Stats | null => statSync(file, { throwIfNoEntry: false }) ?? null;

/** Whether others than its owner can read or write it. */
export const isOpen = (stats: Stats | null): boolean => stats !== null && (stats.mode & 0o077) !== 0;

export const modeOf = (stats: Stats | null): string => ((stats?.mode ?? 0) & 0o777).toString(8).padStart(4, "0");

/** To root everything is open. */
const isForeign = (stats: Stats | null): boolean => {
  const self = process.getuid?.() ?? 0;
  return stats !== null && self !== 0 && stats.uid !== self;
};
