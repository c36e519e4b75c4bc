import { PetitError } from "../../domain/errors.ts";
import type { StorageFault } from "../../domain/health.ts";
import { refuse } from "../../domain/refusal.ts";
import type { SqlDatabase } from "../../runtime/runtime.ts";
import { isBusy } from "./lock.ts";

export type Durability = "durable" | "relaxed";

/** Turns `work` into a function whose every call runs in a transaction. */
export type Write = <Args extends readonly unknown[], T>(
  durability: Durability,
  work: (...args: Args) => T,
) => (...args: Args) => T;

interface Transactions {
  /**
   * Runs `work` in a transaction. A `durable` one is on disk when this returns, a `relaxed` one with the next durable one.
   * Within another transaction, `work` becomes part of it.
   */
  run<T>(durability: Durability, work: () => T): T;
  /** Runs `work` in a durable transaction. Within another transaction, a throw undoes only the writes of `work`. */
  nest<T>(work: () => T): T;
}

/** Creates the transactions of a database. `afterCommit` and `afterRollback` are called outside of the transaction. */
export const createTransactions = (
  db: SqlDatabase,
  hooks: {
    /** Called at the end of the transaction, within it. */
    readonly beforeCommit: (durability: Durability) => void;
    readonly afterCommit: (durability: Durability) => void;
    readonly afterRollback: () => void;
    /** Called before each durable transaction. Throws `storage_failed` if the database file was removed or replaced. */
    readonly assertInPlace: () => void;
    /** Returns the pid of the process that has locked the database, or null if it is unknown. */
    readonly findLockingProcess: () => number | null;
    /** Called when a nested transaction begins. Returns a function that is called if it is undone. */
    readonly mark: () => () => void;
  },
): Transactions => {
  const beginImmediate = db.prepare("BEGIN IMMEDIATE");
  const commit = db.prepare("COMMIT");
  const save = db.prepare("SAVEPOINT nested");
  const release = db.prepare("RELEASE nested");
  const rollbackTo = db.prepare("ROLLBACK TO nested");
  let isOpen = false;
  /** The error, such as a full disk, for which SQLite rolled back the whole transaction. It then accepts no more writes. */
  let undone: { readonly error: unknown } | null = null;
  let synchronous: Durability | null = null;

  const begin = (durability: Durability): void => {
    // SQLite ignores a change of this pragma within a transaction.
    if (synchronous !== durability) db.exec(`PRAGMA synchronous = ${durability === "durable" ? "FULL" : "NORMAL"}`);
    synchronous = durability;
    beginImmediate.run();
  };

  const outermost = <T>(durability: Durability, work: () => T): T => {
    isOpen = true;
    undone = null;
    try {
      if (durability === "durable") hooks.assertInPlace();
      begin(durability);
      const result = work();
      assertNotUndone();
      hooks.beforeCommit(durability);
      commit.run();
      return result;
    } catch (error) {
      rollback(db);
      hooks.afterRollback();
      throw asStorageError(error, hooks.findLockingProcess);
    } finally {
      isOpen = false;
    }
  };

  const assertNotUndone = (): void => {
    if (undone !== null) throw undone.error;
  };

  const nested = <T>(work: () => T): T => {
    assertNotUndone();
    const undo = hooks.mark();
    save.run();
    try {
      const result = work();
      assertNotUndone();
      release.run();
      return result;
    } catch (cause) {
      undo();
      const error = asStorageError(cause);
      if (!undoNested()) undone ??= { error };
      throw error;
    }
  };

  /** Undoes the nested transaction. Returns false if SQLite has rolled back the whole transaction. */
  const undoNested = (): boolean => {
    try {
      rollbackTo.run();
      release.run();
      return true;
    } catch {
      return false;
    }
  };

  const run: Transactions["run"] = (durability, work) => {
    if (isOpen) {
      assertNotUndone();
      return work();
    }
    const result = outermost(durability, work);
    hooks.afterCommit(durability);
    return result;
  };

  return { run, nest: (work) => (isOpen ? nested(work) : run("durable", work)) };
};

/** Rolls back the open transaction, unless SQLite already has, as it does on a full disk. */
export const rollback = (db: SqlDatabase): void => {
  try {
    db.exec("ROLLBACK");
  } catch {
    // SQLite has already rolled back, or the transaction had not begun.
  }
};

const UNWRITABLE = /^SQLITE_(FULL|IOERR|READONLY|BUSY|LOCKED|CANTOPEN|CORRUPT|NOMEM|PERM|NOTADB)/;

/** Returns whether an error is due to the lock of another process, which is temporary, unlike a full disk. */
export const isLocked = (error: unknown): boolean =>
  error instanceof PetitError &&
  error.details?.reason === "storage_failed" &&
  error.details.fault.code === "database_locked";

/** Returns `storage_failed` for an error of the disk or a lock, and any other error unchanged. */
export const asStorageError = (error: unknown, findLockingProcess: () => number | null = () => null): unknown => {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (!UNWRITABLE.test(code)) return error;
  return refuse({ reason: "storage_failed", fault: faultOf(error, code, findLockingProcess) }, { cause: error });
};

const faultOf = (error: unknown, sqliteCode: string, findLockingProcess: () => number | null): StorageFault => {
  if (isBusy(error)) return { code: "database_locked", pid: findLockingProcess() };
  if (sqliteCode === "SQLITE_FULL") return { code: "disk_full" };
  return { code: "database_unwritable", sqliteCode, error: String(error) };
};
