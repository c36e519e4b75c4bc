import { DatabaseSync, type StatementSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import type { Runtime, SqlDatabase, SqlParams, SqlRow, SqlStatement, SqlValue } from "./runtime.ts";

export const openDatabase: Runtime["openDatabase"] = (path, options = {}) => {
  const db = withErrorCode(() => open(path, options));
  const prepared = new Map<string, SqlStatement>();
  return {
    exec: (sql) => withErrorCode(() => db.exec(sql)),
    prepare: (sql) => {
      const statement = prepared.get(sql) ?? withErrorCode(() => asStatement(db.prepare(sql), sql));
      prepared.set(sql, statement);
      return statement;
    },
    close: () => withErrorCode(() => db.close()),
  } satisfies SqlDatabase;
};

const open = (path: string, options: NonNullable<Parameters<Runtime["openDatabase"]>[1]>): DatabaseSync => {
  // The caller sets all pragmas.
  const enableForeignKeyConstraints = false;
  if (!options.immutable)
    return new DatabaseSync(path, { enableForeignKeyConstraints, readOnly: options.readonly ?? false });
  const url = pathToFileURL(path);
  url.searchParams.set("immutable", "1");
  return new DatabaseSync(url, { enableForeignKeyConstraints, readOnly: true });
};

const asStatement = (statement: StatementSync, sql: string): SqlStatement => {
  const names = findParamNames(sql);
  /** Throws for a missing parameter, for which Deno binds NULL. */
  const bindParams = (params: SqlParams): Record<string, SqlValue | bigint> => {
    for (const name of names) if (!(name in params)) throw new Error(`the parameter '${name}' is missing`);
    return Object.fromEntries(Object.entries(params).map(([name, value]) => [name, toInteger(value)]));
  };
  return {
    run: (params = {}) => withErrorCode(() => Number(statement.run(bindParams(params)).changes)),
    get: (params = {}) => withErrorCode(() => (statement.get(bindParams(params)) as SqlRow | undefined) ?? null),
    all: (params = {}) => withErrorCode(() => statement.all(bindParams(params)) as SqlRow[]),
  };
};

/** Deno binds a number as REAL, which SQLite divides in another way than an INTEGER. A bigint is bound as INTEGER. */
const toInteger = (value: SqlValue): SqlValue | bigint => (Number.isSafeInteger(value) ? BigInt(Number(value)) : value);

/** Returns the parameters of a statement. Ignores string literals and comments. */
const findParamNames = (sql: string): readonly string[] => {
  const code = sql.replace(/'[^']*'|"[^"]*"|--[^\n]*|\/\*[\s\S]*?\*\//g, "");
  return [...new Set([...code.matchAll(/\$(\w+)/g)].map(([, name = ""]) => name))];
};

/** Adds the name of an error of SQLite as `code`, such as `SQLITE_BUSY`, for the errors that petit distinguishes. */
const withErrorCode = <T>(act: () => T): T => {
  try {
    return act();
  } catch (error) {
    if (error instanceof Error) Object.assign(error, findCode(error));
    throw error;
  }
};

/** The errors of `exec` have no number, so they are recognised by the message of SQLite. */
const findCode = (error: Error): { readonly code?: string } => {
  const kind = "errcode" in error ? Number(error.errcode) & 0xff : null;
  const is = ([, number, words]: (typeof FAILURES)[number]) =>
    kind === null ? error.message.startsWith(words) : kind === number;
  const name = FAILURES.find(is)?.[0];
  return name === undefined ? {} : { code: `SQLITE_${name}` };
};

/** See https://sqlite.org/rescode.html. The low byte of an extended code is the primary code. */
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
