import type { SqlDatabase, SqlRow } from "../../runtime/runtime.ts";

/** Maximum number of problems in the result. */
const MAX_PROBLEMS = 10;

/**
 * Returns the problems in the structure of a database, each as a sentence of SQLite. `quick` does not compare indexes with
 * their tables, which takes most of the time. Throws if the file cannot be read at all.
 */
export const findDamage = (db: SqlDatabase, options: { readonly quick: boolean }): readonly string[] => {
  const pragma = options.quick ? "quick_check" : "integrity_check";
  const lines = db.prepare(`PRAGMA ${pragma}(${MAX_PROBLEMS})`).all().map(firstText);
  return lines.length === 1 && lines[0] === "ok" ? [] : lines;
};

const firstText = (row: SqlRow): string => String(Object.values(row)[0] ?? "");

/** Counts the rows that refer to missing rows. Each result is such as `3 of attempts → task_runs`. */
export const findDanglingRows = (db: SqlDatabase): readonly string[] => {
  const counts = new Map<string, number>();
  for (const { table, parent } of db.prepare("PRAGMA foreign_key_check").all()) {
    const name = `${table} → ${parent}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts].map(([name, count]) => `${count} of ${name}`);
};
