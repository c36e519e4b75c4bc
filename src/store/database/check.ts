import type { SqlDatabase, SqlRow } from "../../runtime/runtime.ts";

/** Problems that are listed at most. */
const MAX_PROBLEMS = 10;

/**
 * What is wrong with the structure of a database, a sentence each; empty where all is well. `quick` leaves out whether
 * each index has what its table has, which takes most of the time. Throws where the file can't be read at all.
 */
export const findDamage = (db: SqlDatabase, options: { readonly quick: boolean }): readonly string[] => {
  const pragma = options.quick ? "quick_check" : "integrity_check";
  const lines = db.prepare(`PRAGMA ${pragma}(${MAX_PROBLEMS})`).all().map(firstText);
  return lines.length === 1 && lines[0] === "ok" ? [] : lines;
};

const firstText = (row: SqlRow): string => String(Object.values(row)[0] ?? "");

/** Rows that refer to what isn't there: how many, by `table → table`; empty where all is well. */
export const findDangling = (db: SqlDatabase): readonly string[] => {
  const counts = new Map<string, number>();
  for (const { table, parent } of db.prepare("PRAGMA foreign_key_check").all()) {
    const name = `${table} → ${parent}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts].map(([name, count]) => `${count} of ${name}`);
};
