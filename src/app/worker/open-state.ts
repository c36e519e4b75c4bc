import { chmodSync, mkdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { join } from "node:path";
import { PetitError } from "../../domain/errors.ts";
import { bootId } from "../../engine/attempt/identity.ts";
import { errorMessage } from "../../lib/error-message.ts";
import { findLockOwner, lockFileId } from "../../store/database/lock.ts";
import { lockOwnerText } from "../../store/database/lock-owner.ts";
import type { Store } from "../../store/store.ts";
import { GUARD_FILES } from "../../worker/lease/guard.ts";
import { type OpenDatabaseOptions, openDatabase } from "../open-database.ts";

export type OpenStateOptions = Omit<OpenDatabaseOptions, "db" | "location"> & {
  readonly stateDir: string;
  /** True if another user runs tasks, and must reach the files of its attempts. */
  readonly isShared: boolean;
};

/** Opens the state folder of a worker for this process alone. Throws `taken` if another worker uses it. */
export const openState = (
  options: OpenStateOptions,
  parts: AsyncDisposableStack,
): {
  readonly store: Store;
  readonly spool: { readonly path: string };
  readonly db: string;
  readonly processFile: string;
} => {
  const { stateDir, isShared, runtime, clock, log, environment } = options;
  const db = join(stateDir, "worker.db");
  makeFolder(stateDir);
  const { store, spool, isRestored } = explainTaken({ stateDir, db, runtime }, () =>
    openDatabase({ db, runtime, clock, log, environment, location: locationOf(stateDir) }, parts),
  );
  if (isRestored) forgetPast(store, stateDir);
  // The file names in these folders are not secret. All files are private, except those that tasks use.
  const mode = isShared ? 0o711 : 0o700;
  for (const folder of [stateDir, spool.path]) chmodSync(folder, mode);
  const processFile = bootId() === "" ? "" : `${bootId()} ${lockFileId(db)}`;
  return { store, spool, db, processFile };
};

/** Only the original of a copy knows what runs. The copy is a new worker, and must not end or report anything. */
const forgetPast = (store: Store, stateDir: string): void => {
  store.received.removeAll();
  for (const name of GUARD_FILES) rmSync(join(stateDir, name), { recursive: true, force: true });
};

/** Names the machine and the folder. */
const locationOf = (stateDir: string): string => `${machineId()} ${realpathSync(stateDir)}`;

/** Returns an empty text on a system without it, such as a container. */
const machineId = (): string => {
  try {
    return readFileSync("/etc/machine-id", "utf8").trim();
  } catch {
    return "";
  }
};

const makeFolder = (path: string): void => {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const why = errorMessage(cause);
    throw new PetitError("invalid_request", `the state folder ${path} can't be created: ${why}`, { cause });
  }
};

const explainTaken = <T>(
  { stateDir, db, runtime }: { readonly stateDir: string; readonly db: string } & Pick<OpenStateOptions, "runtime">,
  open: () => T,
): T => {
  try {
    return open();
  } catch (error) {
    const owner = error instanceof PetitError && error.code === "taken" ? findLockOwner(runtime, db) : null;
    if (owner === null) throw error;
    throw new PetitError(
      "taken",
      `the state folder ${stateDir} is in use by ${lockOwnerText(owner)}; stop that worker, or choose another folder with --state-dir`,
      { cause: error },
    );
  }
};
