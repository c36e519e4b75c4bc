import type { SqlDatabase, SqlParams, SqlRow, SqlStatement } from "../../runtime/runtime.ts";

/** Runs the SQL of one database. Each statement is prepared at its first use. */
export interface Statements {
  /** Returns the number of changed rows. */
  run(sql: string, params?: SqlParams): number;
  get(sql: string, params?: SqlParams): SqlRow | null;
  all(sql: string, params?: SqlParams): SqlRow[];
  /** Runs a statement, such as a status transition, and throws unless it changes exactly one row. `what` names it in the error. */
  updateOne(sql: string, params: SqlParams, what: string): void;
}

export const createStatements = (db: SqlDatabase): Statements => {
  const prepared = new Map<string, SqlStatement>();
  const statement = (sql: string): SqlStatement => {
    const cached = prepared.get(sql);
    if (cached !== undefined) return cached;
    const created = db.prepare(sql);
    prepared.set(sql, created);
    return created;
  };
  return {
    run: (sql, params) => statement(sql).run(params),
    get: (sql, params) => statement(sql).get(params),
    all: (sql, params) => statement(sql).all(params),
    updateOne: (sql, params, what) => {
      const changed = statement(sql).run(params);
      if (changed !== 1)
        throw new Error(`${what}: expected to change 1 row, changed ${changed} (${JSON.stringify(params)})`);
    },
  };
};
