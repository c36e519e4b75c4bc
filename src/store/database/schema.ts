import type { Runtime, SqlDatabase, SqlRow } from "../../runtime/runtime.ts";
import { migrate, readSchemaState } from "./migrate.ts";
import { text, textOrNull } from "./rows.ts";

/** Maximum number of differences in the result. */
const MAX_DIFFERENCES = 10;

/**
 * Returns how the tables, indexes, triggers and views of a database differ from those that petit's migrations make for its version, each as a clause.
 * SQLite's own checks do not see that: to them, any schema is a good one.
 */
export const findSchemaDifferences = (db: SqlDatabase, runtime: Pick<Runtime, "openDatabase">): readonly string[] => {
  const { version } = readSchemaState(db);
  const [found, expected] = [readObjects(db), expectedObjects(runtime, version)];
  const missing = [...expected].flatMap(([name, sql]) => {
    if (!found.has(name)) return [`${name} is missing`];
    return found.get(name) === sql ? [] : [`${name} is not that of petit's schema ${version}`];
  });
  const added = [...found.keys()].flatMap((name) => (expected.has(name) ? [] : [`${name} is not one of petit`]));
  return [...missing, ...added].slice(0, MAX_DIFFERENCES);
};

/** Returns the same as SQL words by `table runs` and the like. */
type Objects = ReadonlyMap<string, string>;

const expectedObjects = (runtime: Pick<Runtime, "openDatabase">, version: number): Objects => {
  const db = runtime.openDatabase(":memory:");
  try {
    migrate(db, version);
    return readObjects(db);
  } finally {
    db.close();
  }
};

/** Statistics of the query planner, and what Litestream keeps in a database that it copies. */
const IGNORED_TABLE = /^(sqlite_stat\d|_litestream_(seq|lock))$/;

const readObjects = (db: SqlDatabase): Objects =>
  new Map(
    db
      .prepare("SELECT type, name, tbl_name, sql FROM sqlite_master")
      .all()
      .flatMap((row) => (isIgnored(row) ? [] : [[`${text(row, "type")} ${text(row, "name")}`, definitionOf(row)]])),
  );

const isIgnored = (row: SqlRow): boolean => text(row, "type") === "table" && IGNORED_TABLE.test(text(row, "name"));

/** Versions of SQLite quote names and set blanks differently when they alter a table. */
const definitionOf = (row: SqlRow): string =>
  [text(row, "tbl_name"), ...wordsOf(textOrNull(row, "sql") ?? "")].join(" ");

const WORD = /--[^\n]*|\/\*[\s\S]*?\*\/|\s+|'(?:[^']|'')*'|"((?:[^"]|"")*)"|[\w$]+|[\s\S]/g;

const wordsOf = (sql: string): readonly string[] =>
  [...sql.matchAll(WORD)].flatMap(([word, quoted]) => (/^(--|\/\*|\s)/.test(word) ? [] : [quoted ?? word]));
