import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { PetitError } from "../../domain/errors.ts";
import { findLockOwner } from "../../store/database/lock.ts";
import { lockOwnerText } from "../../store/database/lock-owner.ts";
import type { Store } from "../../store/store.ts";
import { type OpenPlaceOptions, openPlace } from "../open-place.ts";

export type OpenStateOptions = Omit<OpenPlaceOptions, "db"> & {
  readonly stateDir: string;
  /** True if another user runs tasks, and must reach the files of its attempts. */
  readonly isShared: boolean;
};

/** Opens the state folder of a worker for this process alone. Throws `taken` if another worker uses it. */
export const openState = (
  options: OpenStateOptions,
  parts: AsyncDisposableStack,
): { readonly store: Store; readonly spool: { readonly path: string }; readonly db: string } => {
  const { stateDir, isShared, runtime } = options;
  const db = join(stateDir, "worker.db");
  makeFolder(stateDir);
  const { store, spool } = explainTaken({ stateDir, db, runtime }, () => openPlace({ ...options, db }, parts));
  // The file names in these folders are not secret. All files are private, except those that tasks use.
  const mode = isShared ? 0o711 : 0o700;
  for (const folder of [stateDir, spool.path]) chmodSync(folder, mode);
  return { store, spool, db };
};

const makeFolder = (path: string): void => {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
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
