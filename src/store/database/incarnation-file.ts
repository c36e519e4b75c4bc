import { closeSync, constants, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import type { PetitError } from "../../domain/errors.ts";
import { type Identity, tokenOf } from "../identity.ts";
import type { Store } from "../store.ts";
import { siblingFile } from "./sibling-file.ts";

/** Suffix of the file beside a database that a copy of the database alone does not have. */
const INCARNATION_SUFFIX = "-incarnation";

/** Why a database counts as restored. */
export type RestoreSign =
  /** `petit backup` made this file. */
  | "backup"
  /** The file beside it is missing, or that of another database: it was copied or moved without it. */
  | "copied"
  /** The state folder of a worker was copied or moved to another folder or machine. */
  | "moved"
  /** The database is older than the file beside it. */
  | "older";

export type AnchorOptions = {
  readonly store: Pick<Store, "identity" | "events" | "onDurable">;
  /** Path of the database. */
  readonly path: string;
  readonly now: number;
  /** The machine and the folder, which are stored; null if the database may be moved with its files. */
  readonly location: string | null;
  /** The latest epoch that is known of the database, and the error if this is an earlier one; null if none is known. */
  readonly latest?: { readonly epoch: number; readonly refusal: PetitError } | null;
  /** Returns whether the files of a running attempt are in the spool folder of this database. */
  readonly isHere: (attemptId: number) => boolean;
};

/**
 * Compares a database with the file beside it, and begins a new incarnation if the database was restored. The file has the incarnation and
 * the number of the newest event, which every durable write of petit updates. It is not synced, so after a power failure it may be older
 * than the database, but never newer. Call it while the database is locked. Disposing stops the updates.
 */
export const anchorDatabase = (options: AnchorOptions): Disposable & { readonly sign: RestoreSign | null } => {
  const { store, path, now, isHere, latest = null } = options;
  const sign = findSign(options);
  if (
    latest !== null &&
    !mayFollow(store.identity.get(), sign) &&
    latest.epoch > (store.identity.get().restoredAt ?? 0)
  )
    throw latest.refusal;
  if (sign !== null) store.identity.renew({ now, isHere, laterThan: latest?.epoch ?? 0 });
  const token = store.identity.getToken();
  const file = siblingFile(path, INCARNATION_SUFFIX);
  const newest = store.events.getNewestSeq();
  replaceFile(file, encode(token, newest));
  if (!store.identity.get().isAnchored) store.identity.anchor();
  const fd = openSync(file, constants.O_WRONLY | constants.O_NOFOLLOW);
  const stop = store.onDurable((position) => overwrite(fd, encode(token, position)));
  return {
    sign,
    [Symbol.dispose]: () => {
      stop();
      closeSync(fd);
    },
  };
};

/** Returns whether a database was restored just now, so that it begins the latest epoch. `petit restore` has begun one before. */
const mayFollow = ({ copiedAt, restoredAt }: Identity, sign: RestoreSign | null): boolean =>
  sign !== null && !(copiedAt !== null && restoredAt !== null && restoredAt > copiedAt);

const findSign = ({ store, path, location }: AnchorOptions): RestoreSign | null => {
  const before = location === null ? null : store.identity.setLocation(location);
  if (before !== null && before !== location) return "moved";
  return findRestoreSign(path, () => ({ identity: store.identity.get(), newestSeq: store.events.getNewestSeq() }));
};

type DatabaseState = {
  readonly identity: Pick<Identity, "id" | "incarnation" | "isAnchored" | "copiedAt">;
  /** The number of the newest event. */
  readonly newestSeq: number;
};

/** Returns why a database counts as restored; null if it does not, or if petit has noticed it before. `read` is called after the file is read. */
export const findRestoreSign = (path: string, read: () => DatabaseState): RestoreSign | null => {
  const noted = decode(readText(siblingFile(path, INCARNATION_SUFFIX)));
  const { identity, newestSeq } = read();
  if (identity.copiedAt !== null) return "backup";
  const isOlder = noted !== null && noted.position > newestSeq;
  if (noted?.token === tokenOf(identity)) return isOlder ? "older" : null;
  if (identity.isAnchored) return "copied";
  // A copy from before petit wrote the file.
  return noted?.token.startsWith(identity.id) ? "older" : null;
};

/** All positions have the same length, so that one write replaces the whole file. */
const encode = (token: string, position: number): Buffer =>
  Buffer.from(`${token} ${String(position).padStart(16, "0")}\n`);

const decode = (content: string): { readonly token: string; readonly position: number } | null => {
  const [, token, position] = /^([0-9a-f]+(?:\.[0-9a-f]+)?) (\d{16})\n/.exec(content) ?? [];
  return token === undefined || position === undefined ? null : { token, position: Number(position) };
};

const readText = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
};

const replaceFile = (path: string, content: Buffer): void => {
  const fd = openSync(
    `${path}.new`,
    constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW,
    0o600,
  );
  try {
    writeSync(fd, content);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(`${path}.new`, path);
  const folder = openSync(dirname(path), constants.O_RDONLY);
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
};

const overwrite = (fd: number, content: Buffer): void => {
  try {
    writeSync(fd, content, 0, content.length, 0);
  } catch {
    // The next write has a newer position.
  }
};
