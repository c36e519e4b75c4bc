import { flag } from "./database/rows.ts";
import type { Statements } from "./database/statements.ts";

export const isPaused = (sql: Statements): boolean => {
  const row = sql.get("SELECT paused FROM scheduler");
  return row !== null && flag(row, "paused");
};

export const setPaused = (sql: Statements, paused: boolean): void =>
  sql.one("UPDATE scheduler SET paused = $paused", { paused: paused ? 1 : 0 }, "pause or resume");

export const setHolder = (sql: Statements, holder: string | null): void =>
  sql.one("UPDATE scheduler SET holder = $holder", { holder }, "name the holder");

/** A write that changes nothing of meaning: it shows whether the database can be written. */
export const probe = (sql: Statements, now: number): void =>
  sql.one("UPDATE scheduler SET probed_at = $now", { now }, "probe");
