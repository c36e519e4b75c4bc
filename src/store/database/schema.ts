import type { Runtime, SqlDatabase, SqlRow } from "../../runtime/runtime.ts";
import { migrate, readSchemaState } from "./migrate.ts";
import { text, textOrNull } from "./rows.ts";

/** Maximum number of differences in the result. */
const MAX_DIFFERENCES = 10;

/**
 * Returns how the tables, indexes, triggers and views of a database differ from those that petit's migrations make for its version, each as a clause.
 * SQLite's own checks do not see that: to them, any schema is a good one. What somebody has added is named only if it has an effect on petit's
 * tables: a trigger, or an index that is unique. Litestream, for example, adds tables.
 */
export const findSchemaDifferences = (db: SqlDatabase, runtime: Pick<Runtime, "openDatabase">): readonly string[] => {
  const { version } = readSchemaState(db);
  const [found, expected] = [readObjects(db), expectedObjects(runtime, version)];
  const missing = [...expected].flatMap(([name, { definition }]) => {
    const object = found.get(name);
    if (object === undefined) return [`${name} is missing`];
    return object.definition === definition ? [] : [`${name} is not that of petit's schema ${version}`];
  });
  const added = [...found].flatMap(([name, object]) =>
    !expected.has(name) && expected.has(`table ${object.table}`) && hasEffect(object)
      ? [`${name} is not one of petit`]
      : [],
  );
  return [...missing, ...added].slice(0, MAX_DIFFERENCES);
};

type SchemaObject = { readonly type: string; readonly table: string; readonly definition: string };

const hasEffect = ({ type, definition }: SchemaObject): boolean =>
  type === "trigger" || /^create unique /i.test(definition);

/** By `table runs` and the like. */
type Objects = ReadonlyMap<string, SchemaObject>;

const expectedObjects = (runtime: Pick<Runtime, "openDatabase">, version: number): Objects => {
  const db = runtime.openDatabase(":memory:");
  try {
    migrate(db, version);
    return readObjects(db);
  } finally {
    db.close();
  }
};

const readObjects = (db: SqlDatabase): Objects =>
  new Map(
    db
      .prepare("SELECT type, name, tbl_name, sql FROM sqlite_master")
      .all()
      .map((row) => [`${text(row, "type")} ${text(row, "name")}`, toObject(row)]),
  );

const toObject = (row: SqlRow): SchemaObject => ({
  type: text(row, "type"),
  table: text(row, "tbl_name"),
  definition: wordsOf(textOrNull(row, "sql") ?? "").join(" "),
});

/** Versions of SQLite quote names and set blanks differently when they alter a table. */
const WORD = /--[^\n]*|\/\*[\s\S]*?\*\/|\s+|'(?:[^']|'')*'|"((?:[^"]|"")*)"|[\w$]+|[\s\S]/g;

const wordsOf = (sql: string): readonly string[] =>
  [...sql.matchAll(WORD)].flatMap(([word, quoted]) => (/^(--|\/\*|\s)/.test(word) ? [] : [quoted ?? word]));
