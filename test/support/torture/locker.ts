import { Database } from "bun:sqlite";

/** Locks petit's database now and then, as a `BEGIN IMMEDIATE` in the sqlite3 shell does, even while petit does not run. */
export class Locker {
  readonly #dbPath: string;
  #held: { readonly db: Database; readonly timer: ReturnType<typeof setTimeout> } | null = null;
  #lastHeldAt = Number.NEGATIVE_INFINITY;

  constructor(dbPath: string) {
    this.#dbPath = dbPath;
  }

  /** Locks the database for a time in ms. Returns false if it is already locked, such as during a commit of petit. */
  lock(holdMs: number): boolean {
    if (this.#held !== null) return false;
    const db = new Database(this.#dbPath, { readwrite: true, create: false });
    try {
      db.run("PRAGMA busy_timeout = 100");
      db.run("BEGIN IMMEDIATE");
    } catch {
      db.close();
      return false;
    }
    this.#held = { db, timer: setTimeout(() => this.unlock(), holdMs) };
    return true;
  }

  unlock(): void {
    if (this.#held === null) return;
    const { db, timer } = this.#held;
    clearTimeout(timer);
    this.#held = null;
    this.#lastHeldAt = performance.now();
    db.run("ROLLBACK");
    db.close();
  }

  /** Returns true if the database was locked at some moment of the last `ms`. */
  wasHeldWithin(ms: number): boolean {
    return this.#held !== null || performance.now() - this.#lastHeldAt <= ms;
  }
}
