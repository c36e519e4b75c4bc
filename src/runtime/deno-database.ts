import { DatabaseSync, type StatementSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import type { Runtime, SqlDatabase, SqlParams, SqlRow, SqlStatement } from "./runtime.ts";

export const openDatabase: Runtime["openDatabase"] = (path, options = {}) => {
  const db = told(() => open(path, options));
  const prepared = new Map<string, SqlStatement>();
  return {
    exec: (sql) => told(() => db.exec(sql)),
    prepare: (sql) => {
      const statement = prepared.get(sql) ?? told(() => asStatement(db.prepare(sql), sql));
      prepared.set(sql, statement);
      return statement;
    },
    close: () => told(() => db.close()),
  } satisfies SqlDatabase;
};

const open = (path: string, options: NonNullable<Parameters<Runtime["openDatabase"]>[1]>): DatabaseSync => {
  // Pragmas are the caller's.
  const settings = { enableForeignKeyConstraints: false };
  if (!options.immutable) return new DatabaseSync(path, { ...settings, readOnly: options.readonly ?? false });
  const url = pathToFileURL(path);
  url.searchParams.set("immutable", "1");
  return new DatabaseSync(url, { ...settings, readOnly: true });
};

const asStatement = (statement: StatementSync, sql: string): SqlStatement => {
  const names = namesIn(sql);
  /** Deno binds NULL for one that is missing. */
  const complete = (params: SqlParams): SqlParams => {
    for (const name of names) if (!(name in params)) throw new Error(`the parameter '${name}' is missing`);
    return params;
  };
  return {
    run: (params = {}) => told(() => Number(statement.run(complete(params)).changes)),
    get: (params = {}) => told(() => (statement.get(complete(params)) as SqlRow | undefined) ?? null),
    all: (params = {}) => told(() => statement.all(complete(params)) as SqlRow[]),
  };
};

/** Parameters of a statement; what looks like one in a text or a comment is none. */
const namesIn = (sql: string): readonly string[] => {
  const code = sql.replace(/'[^']*'|"[^"]*"|--[^\n]*|\/\*[\s\S]*?\*\//g, "");
  return [...new Set([...code.matchAll(/\$(\w+)/g)].map(([, name = ""]) => name))];
};

/** Has an error of SQLite bear its name as `code`, as SQLite itself spells it. */
const told = <T>(act: () => T): T => {
  try {
    return act();
  } catch (error) {
    if (error instanceof Error && "errcode" in error) {
      const name = NAMES[Number(error.errcode) & 0xff];
      if (name !== undefined) Object.assign(error, { code: `SQLITE_${name}` });
    }
    throw error;
  }
};

/** https://sqlite.org/rescode.html, by number; the low byte of an extended one is its kind. */
const NAMES: readonly (string | undefined)[] = [
  ...[
    "OK",
    "ERROR",
    "INTERNAL",
    "PERM",
    "ABORT",
    "BUSY",
    "LOCKED",
    "NOMEM",
    "READONLY",
    "INTERRUPT",
    "IOERR",
    "CORRUPT",
  ],
  ...[
    "NOTFOUND",
    "FULL",
    "CANTOPEN",
    "PROTOCOL",
    "EMPTY",
    "SCHEMA",
    "TOOBIG",
    "CONSTRAINT",
    "MISMATCH",
    "MISUSE",
    "NOLFS",
  ],
  ...["AUTH", "FORMAT", "RANGE", "NOTADB"],
];
