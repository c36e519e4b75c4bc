import { PetitError } from "../../domain/errors.ts";
import type { SqlDatabase } from "../../runtime/runtime.ts";
import { isBusy } from "./lock.ts";

export type Durability = "durable" | "relaxed";

/** Turns `work` into a function whose every call runs in a transaction. */
export type Write = <Args extends readonly unknown[], T>(
  durability: Durability,
  work: (...args: Args) => T,
) => (...args: Args) => T;

export interface Transactions {
  /**
   * Runs `work` in a transaction: `durable` is on disk when it returns, `relaxed` with the next durable one. A nested one
   * belongs to the one around it.
   */
  run<T>(durability: Durability, work: () => T): T;
  /** The same, but a nested one that throws undoes what it did itself, and nothing else. */
  nest<T>(work: () => T): T;
}

/** `afterCommit` is called after each commit, outside of the transaction; `afterRollback` after an undone one. */
export const transactions = (
  db: SqlDatabase,
  hooks: {
    readonly afterCommit: () => void;
    readonly afterRollback: () => void;
    /** Called before each durable transaction; throws `storage_failed` where what it writes could not be found again. */
    readonly assertThere: () => void;
    /** Names the process that has locked the database, such as `process 17`; null where it can't be found out. */
    readonly lockOwner: () => string | null;
    /** Called where a nested one begins; the answer is called where that is undone. */
    readonly mark: () => () => void;
  },
): Transactions => {
  const begun = db.prepare("BEGIN IMMEDIATE");
  const commit = db.prepare("COMMIT");
  const save = db.prepare("SAVEPOINT nested");
  const release = db.prepare("RELEASE nested");
  const back = db.prepare("ROLLBACK TO nested");
  let isOpen = false;
  /** What made SQLite undo the whole transaction by itself, as a full disk does; nothing can be written in it any more. */
  let undone: { readonly error: unknown } | null = null;
  let synchronous: Durability | null = null;

  const begin = (durability: Durability): void => {
    // SQLite takes a change of this only between transactions.
    if (synchronous !== durability) db.exec(`PRAGMA synchronous = ${durability === "durable" ? "FULL" : "NORMAL"}`);
    synchronous = durability;
    begun.run();
  };

  const outermost = <T>(durability: Durability, work: () => T): T => {
    isOpen = true;
    undone = null;
    try {
      if (durability === "durable") hooks.assertThere();
      begin(durability);
      const result = work();
      assertWhole();
      commit.run();
      return result;
    } catch (error) {
      rollback(db);
      hooks.afterRollback();
      throw asStorageError(error, hooks.lockOwner);
    } finally {
      isOpen = false;
    }
  };

  const assertWhole = (): void => {
    if (undone !== null) throw undone.error;
  };

  const nested = <T>(work: () => T): T => {
    assertWhole();
    const undo = hooks.mark();
    save.run();
    try {
      const result = work();
      assertWhole();
      release.run();
      return result;
    } catch (cause) {
      undo();
      const error = asStorageError(cause);
      if (!goBack()) undone ??= { error };
      throw error;
    }
  };

  /** To where the nested one began; false where SQLite has undone the whole. */
  const goBack = (): boolean => {
    try {
      back.run();
      release.run();
      return true;
    } catch {
      return false;
    }
  };

  const run: Transactions["run"] = (durability, work) => {
    if (isOpen) {
      assertWhole();
      return work();
    }
    const result = outermost(durability, work);
    hooks.afterCommit();
    return result;
  };

  return { run, nest: (work) => (isOpen ? nested(work) : run("durable", work)) };
};

/** Undoes the transaction that is open, if SQLite has not done so by itself, as on a full disk. */
export const rollback = (db: SqlDatabase): void => {
  try {
    db.exec("ROLLBACK");
  } catch {
    // SQLite has rolled back by itself, or had not begun.
  }
};

const UNWRITABLE = /^SQLITE_(FULL|IOERR|READONLY|BUSY|LOCKED|CANTOPEN|CORRUPT|NOMEM|PERM|NOTADB)/;

/** Whether `error` says that another process has locked the database: that passes by itself, unlike a full disk. */
export const isLocked = (error: unknown): boolean =>
  error instanceof PetitError && error.code === "storage_failed" && isBusy(error.cause);

/** Returns `storage_failed` for an error of the disk or of a lock, which it names; everything else passes unchanged. */
export const asStorageError = (error: unknown, lockOwner: () => string | null = () => null): unknown => {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (!UNWRITABLE.test(code)) return error;
  const what = isBusy(error) ? `it is locked by ${lockOwner() ?? "another program"}` : String(error);
  return new PetitError("storage_failed", `the database can't be written: ${what} (${code})`, { cause: error });
};
