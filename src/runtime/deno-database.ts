import { DatabaseSync, type StatementSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import type { Runtime, SqlDatabase, SqlParams, SqlRow, SqlStatement, SqlValue } from "./runtime.ts";

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
  const bound = (params: SqlParams): Record<string, SqlValue | bigint> => {
    for (const name of names) if (!(name in params)) throw new Error(`the parameter '${name}' is missing`);
    return Object.fromEntries(Object.entries(params).map(([name, value]) => [name, asWhole(value)]));
  };
  return {
    run: (params = {}) => told(() => Number(statement.run(bound(params)).changes)),
    get: (params = {}) => told(() => (statement.get(bound(params)) as SqlRow | undefined) ?? null),
    all: (params = {}) => told(() => statement.all(bound(params)) as SqlRow[]),
  };
};

/** A number is a REAL to Deno, which SQLite divides otherwise than an INTEGER. */
const asWhole = (value: SqlValue): SqlValue | bigint => (Number.isSafeInteger(value) ? BigInt(Number(value)) : value);

/** Parameters of a statement; what looks like one in a text or a comment is none. */
const namesIn = (sql: string): readonly string[] => {
  const code = sql.replace(/'[^']*'|"[^"]*"|--[^\n]*|\/\*[\s\S]*?\*\//g, "");
  return [...new Set([...code.matchAll(/\$(\w+)/g)].map(([, name = ""]) => name))];
};

/** Has an error of SQLite bear its name as `code`, as SQLite itself spells it, where it is one that petit tells from others. */
const told = <T>(act: () => T): T => {
  try {
    return act();
  } catch (error) {
    if (error instanceof Error) Object.assign(error, nameOf(error));
    throw error;
  }
};

/** `exec` of Deno doesn't say the number of its error, but what that means, in the words of SQLite. */
const nameOf = (error: Error): { readonly code?: string } => {
  const kind = "errcode" in error ? Number(error.errcode) & 0xff : null;
  const is = ([, number, words]: (typeof FAILURES)[number]) =>
    kind === null ? error.message.startsWith(words) : kind === number;
  const name = FAILURES.find(is)?.[0];
  return name === undefined ? {} : { code: `SQLITE_${name}` };
};

/** Of https://sqlite.org/rescode.html; the low byte of an extended one is its kind. */
const FAILURES = [
  ["PERM", 3, "access permission denied"],
  ["BUSY", 5, "database is locked"],
  ["LOCKED", 6, "database table is locked"],
  ["NOMEM", 7, "out of memory"],
  ["READONLY", 8, "attempt to write a readonly database"],
  ["IOERR", 10, "disk I/O error"],
  ["CORRUPT", 11, "database disk image is malformed"],
  ["FULL", 13, "database or disk is full"],
  ["CANTOPEN", 14, "unable to open database"],
  ["NOTADB", 26, "file is not a database"],
] as const;
