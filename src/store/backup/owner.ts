import { lchownSync, lstatSync, readdirSync, type Stats } from "node:fs";
import { join } from "node:path";

export const isRoot = (): boolean => process.geteuid?.() === 0;

/** Gives a file, a folder or a link to an owner, if this process is root. */
export const giveLink = (path: string, { uid, gid }: Stats): void => {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined || !isRoot() || (stats.uid === uid && stats.gid === gid)) return;
  lchownSync(path, uid, gid);
};

/** Gives a folder and what is in it to an owner, if this process is root. Hard links stay: they are files of others, too. */
export const giveNew = (path: string, owner: Stats): void => {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined || !isRoot() || (stats.isFile() && stats.nlink > 1)) return;
  giveLink(path, owner);
  if (stats.isDirectory()) for (const name of readdirSync(path)) giveNew(join(path, name), owner);
};
