import type { Statements } from "./database/statements.ts";
import type { Write } from "./database/transaction.ts";
import type { NewEvent } from "./events.ts";

/** Parts that every aggregate of the store is created from. */
export type StoreContext = {
  readonly sql: Statements;
  /** Turns a function into one that runs in a transaction. */
  readonly write: Write;
  /** The folder of the commits of job files, of which each has a folder. */
  readonly commitsDir: string;
  /** Stores an event in the open transaction; its listeners are called after the commit. */
  readonly recordEvent: (event: NewEvent) => void;
};
