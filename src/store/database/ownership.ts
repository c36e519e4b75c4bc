import { randomUUID } from "node:crypto";
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  lstatSync,
  openSync,
  type Stats,
  statSync,
  unlinkSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { PetitError } from "../../domain/errors.ts";
import { linksOf, siblingFile } from "./sibling-file.ts";

export type OwnershipOptions = {
  /** Path of the database. */
  readonly db: string;
  /** petit's own; `SUDO_UID` names the user who called sudo. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The user that petit runs as, if root asks for it; null or missing if petit runs as this user. */
  readonly runsAs?: number | null;
  /** The id of another user who is trusted. */
  readonly owner?: number;
};

/** A file of the database whose owner petit does not trust. */
type ForeignFile = { readonly file: string; readonly uid: number; readonly hint: string };

/** Everything that petit or SQLite opens for a database. SQLite replays a journal that it finds. */
const COMPANIONS = [
  "",
  "-wal",
  "-shm",
  "-journal",
  "-lock",
  "-lock-journal",
  "-incarnation",
  "-spool",
  "-artifacts",
  "-key",
  "-search",
  "-search-wal",
  "-search-shm",
];

/**
 * Throws `unusable_database` if the database, one of its sibling files, its spool folder, or a link to one of them belongs to an
 * untrusted user, who could decide what petit runs. Trusted are the effective user, root, and for root the user who called sudo.
 */
export const assertOwned = (options: OwnershipOptions): void => {
  const foreign = findForeign(options);
  if (foreign === null) return;
  throw new PetitError("unusable_database", `${foreignText(foreign)}; ${foreign.hint}`);
};

export const foreignText = ({ file, uid }: ForeignFile): string =>
  `${file} belongs to user ${uid}, who could decide what petit runs as user ${process.geteuid?.()}`;

/** Returns the first file that `assertOwned` refuses, or null. */
export const findForeign = ({ db, owner, ...users }: OwnershipOptions): ForeignFile | null => {
  const trusted = trustedUsers(users);
  if (trusted === null) return null;
  const isTrusted = (uid: number): boolean => trusted.has(uid) || uid === owner;
  for (const file of [...linksOf(db), ...COMPANIONS.flatMap((suffix) => withLinks(siblingFile(db, suffix)))]) {
    const stats = lstatSync(file, { throwIfNoEntry: false });
    if (stats !== undefined && !isTrusted(stats.uid) && stats.uid !== ownerOfNewFiles(dirname(file)))
      return { file, uid: stats.uid, hint: hintFor(file, stats) };
  }
  return null;
};

const withLinks = (file: string): readonly string[] => [...linksOf(file), siblingFile(file, "")];

const hintFor = (file: string, stats: Stats): string => {
  const flag = stats.isDirectory() ? "-R " : stats.isSymbolicLink() ? "-h " : "";
  const chown = `chown ${flag}${process.geteuid?.()} ${file}`;
  return `run petit as user ${stats.uid}, name another database with --db, or, if you trust its content: ${chown}`;
};

/** Null on a system without users. */
const trustedUsers = ({
  environment: { SUDO_UID },
  runsAs = null,
}: Omit<OwnershipOptions, "db">): ReadonlySet<number> | null => {
  const self = process.geteuid?.();
  if (self === undefined) return null;
  if (self === 0 && runsAs !== null) return new Set([runsAs, 0]);
  const caller = self === 0 && SUDO_UID !== undefined && /^\d+$/.test(SUDO_UID) ? [Number(SUDO_UID)] : [];
  return new Set([self, 0, ...caller]);
};

/**
 * Returns the owner of a file that petit creates in a folder, or null if it can't create one. It is not always petit's user:
 * NFS maps root to nobody, and file systems without owners show one user for all files.
 */
const ownerOfNewFiles = (folder: string): number | null => {
  const probe = join(folder, `.petit-owner-${randomUUID()}`);
  try {
    const fd = openSync(probe, "wx", 0o600);
    try {
      return fstatSync(fd).uid;
    } finally {
      closeSync(fd);
      unlinkSync(probe);
    }
  } catch {
    return null;
  }
};

/** Returns a file or folder that every user can write to, and so replace a database; null if there is none. */
export const findOpenToAll = (db: string): string | null => {
  const file = resolve(siblingFile(db, ""));
  const isOpen = (path: string, mask: number): boolean => {
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats !== undefined && (stats.mode & mask) === 0o002;
  };
  // In a sticky folder, others can't replace the file.
  if (isOpen(dirname(file), 0o1002)) return dirname(file);
  return isOpen(file, 0o002) ? file : null;
};

/** Returns the folder of a database if users that petit does not trust can write to it, else null. */
export const findOpenFolder = ({ db, ...users }: OwnershipOptions): string | null => {
  const trusted = trustedUsers(users);
  const folder = dirname(resolve(siblingFile(db, "")));
  const stats = statSync(folder, { throwIfNoEntry: false });
  if (trusted === null || stats === undefined) return null;
  // A user's own group often has no other member.
  const isOpenToGroup = (stats.mode & 0o020) !== 0 && stats.gid !== 0 && stats.gid !== process.getegid?.();
  return (stats.mode & 0o002) !== 0 || isOpenToGroup || !trusted.has(stats.uid) ? folder : null;
};

export const openFolderText = (folder: string): string =>
  `other users can write to ${folder}: they can replace petit's files there and so decide what petit runs`;

/**
 * Takes the permissions of group and others away from a file or folder of petit. Does nothing if it is missing, if it is a link, because its
 * target can be a file of somebody else, or if the file system does not allow it. Call it only while this process has the file not open:
 * closing it drops POSIX locks.
 */
export const restrictMode = (file: string): void => {
  try {
    const stats = lstatSync(file, { throwIfNoEntry: false });
    if (stats === undefined || (stats.mode & 0o077) === 0 || !(stats.isFile() || stats.isDirectory())) return;
    const fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const opened = fstatSync(fd);
      if (opened.ino === stats.ino && opened.dev === stats.dev) fchmodSync(fd, stats.mode & 0o700);
    } finally {
      closeSync(fd);
    }
  } catch {
    // petit can use it as it is; 'petit doctor' warns about its mode.
  }
};
