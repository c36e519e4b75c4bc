import { closeSync, constants, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { PetitError } from "../../domain/errors.ts";
import { errorCode, errorMessage } from "../../lib/error-message.ts";
import type { Identity } from "../identity.ts";
import { fsyncPath } from "./backup.ts";

/** The latest epoch of a database, as a file on shared storage has it. */
export type NotedEpoch = {
  /** The id of the database. */
  readonly database: string;
  /** Grows with each restore: at least the time of it, in ms since the Unix epoch. 0 for a database that was never restored. */
  readonly epoch: number;
  /** The machine that has it. */
  readonly host: string;
};

/** Returns null if there is no such file, but its folder. Throws `unusable_database` otherwise if it can't be read. */
export const readEpochFile = (path: string): NotedEpoch | null => {
  const text = readText(path);
  const noted = text === null ? null : parse(text);
  if (noted !== undefined) return noted;
  throw new PetitError(
    "unusable_database",
    `the epoch file ${path} is not one of petit; expected a file that petit has written, or none`,
  );
};

const readText = (path: string): string | null => {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    if (errorCode(cause) === "ENOENT" && hasFolder(path)) return null;
    const why = errorCode(cause) === "ENOENT" ? `there is no folder ${dirname(path)}` : errorMessage(cause);
    throw new PetitError(
      "unusable_database",
      `the epoch file ${path} can't be read, so it is not known whether the database was restored elsewhere: ${why}`,
      { cause },
    );
  }
};

const hasFolder = (path: string): boolean => {
  try {
    closeSync(openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY));
    return true;
  } catch {
    return false;
  }
};

const parse = (text: string): NotedEpoch | undefined => {
  let value: unknown = null;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  if (!("database" in value) || !("epoch" in value) || !("host" in value)) return undefined;
  const { database, epoch, host } = value;
  return typeof database === "string" &&
    typeof epoch === "number" &&
    Number.isSafeInteger(epoch) &&
    typeof host === "string"
    ? { database, epoch, host }
    : undefined;
};

/** Throws `unusable_database` if an epoch file is that of another database. */
export const assertSameEpochFile = (path: string, noted: NotedEpoch | null, databaseId: string): void => {
  if (noted === null || noted.database === databaseId) return;
  throw new PetitError(
    "unusable_database",
    `the epoch file ${path} is that of another database, of ${noted.host}; name a file of its own for each database`,
  );
};

/** Returns the error of a database that was restored elsewhere. `where` says where that is known from. */
export const supersededError = (path: string, { where, by }: Readonly<Record<"where" | "by", string>>): PetitError =>
  new PetitError(
    "taken",
    `${path} was restored elsewhere: ${where} has a later epoch of it, that of ${by}. Two petits must not run one history, so this one does not run. ` +
      "If the other one is gone for good, restore a backup here with 'petit restore'",
  );

/** Replaces the file, unless it says the same. Throws the system's error. */
export const writeEpochFile = (path: string, { id, restoredAt }: Pick<Identity, "id" | "restoredAt">): void => {
  const noted: NotedEpoch = { database: id, epoch: restoredAt ?? 0, host: hostname() };
  const text = `${JSON.stringify(noted)}\n`;
  if (readText(path) === text) return;
  const temporary = `${path}.${process.pid}.new`;
  const fd = openSync(temporary, "w", 0o600);
  try {
    writeSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, path);
  fsyncPath(dirname(path));
};
