import { existsSync, readFileSync, writeSync } from "node:fs";
import { setPriority } from "node:os";
import type { Keep } from "../../domain/backup/rotation.ts";
import type { BackupFault } from "../../domain/backup/state.ts";
import { PetitError } from "../../domain/errors.ts";
import { errorCode, errorMessage } from "../../lib/error-message.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { backUpToFolder } from "../../store/backup/back-up-to-folder.ts";

/** The input of the process that makes a backup. */
export type BackupOrder = {
  readonly path: string;
  readonly folder: string;
  readonly artifacts: boolean;
  readonly keep: Keep;
  readonly timezone: string;
};

/** The answer of that process. */
export type BackupReport =
  | { readonly file: string; readonly bytes: number; readonly deleted: number; readonly damaged: readonly string[] }
  | { readonly fault: BackupFault; readonly error: string };

/** More than this of what is damaged is not named. */
const MAX_DAMAGED = 100;

/** Lower than that of petit and of tasks. */
const PRIORITY = 10;

const STDIN = 0;
const STDOUT = 1;

/** Makes the backup that stdin describes. Writes the file that it writes to, and then a report to stdout, each in a line. Returns the exit status. */
export const makeBackup = (runtime: Runtime): number => {
  lowerPriority();
  const report = backUp(JSON.parse(readFileSync(STDIN, "utf8")), runtime);
  writeSync(STDOUT, JSON.stringify(report));
  return "fault" in report ? 1 : 0;
};

const lowerPriority = (): void => {
  try {
    setPriority(PRIORITY);
  } catch {
    // It is then as high as that of petit.
  }
};

const backUp = ({ path, folder, artifacts, keep, timezone }: BackupOrder, runtime: Runtime): BackupReport => {
  try {
    const made = backUpToFolder({
      path,
      folder,
      artifacts,
      rotation: { keep, timezone },
      runtime,
      onBegin: (file) => void writeSync(STDOUT, `${file}\n`),
    });
    const damaged = made.artifacts?.damaged ?? [];
    return { file: made.file, bytes: made.bytes, deleted: made.deleted.length, damaged: damaged.slice(0, MAX_DAMAGED) };
  } catch (error) {
    return { fault: faultOf(error, folder), error: errorMessage(error) };
  }
};

const faultOf = (error: unknown, folder: string): BackupFault => {
  const codes = codesOf(error);
  if (error instanceof PetitError && error.code === "taken") return "busy";
  if (codes.some((code) => /^(ENOSPC|EDQUOT|SQLITE_FULL)/.test(code))) return "disk_full";
  if (codes.some((code) => /^(EACCES|EPERM|SQLITE_PERM)/.test(code))) return "no_permission";
  if (codes.some((code) => /^(EROFS|SQLITE_READONLY)/.test(code))) return "read_only";
  if (codes.some((code) => /^SQLITE_(CORRUPT|NOTADB)/.test(code))) return "damaged";
  if (!existsSync(folder)) return "folder_missing";
  return error instanceof PetitError && /is damaged/.test(error.message) ? "damaged" : "other";
};

/** Returns the codes of an error and of its causes. */
const codesOf = (error: unknown): readonly string[] =>
  error instanceof Error ? [errorCode(error), ...codesOf(error.cause)] : [];
