import type { SqlDatabase, SqlParams, SqlRow, SqlStatement } from "../../runtime/runtime.ts";

/** The statements of one database, each prepared at its first use. */
export interface Statements {
  run(sql: string, params?: SqlParams): number;
  get(sql: string, params?: SqlParams): SqlRow | null;
  all(sql: string, params?: SqlParams): SqlRow[];
  /** Runs a statement that must change exactly one row: a transition from an expected status. */
  one(sql: string, params: SqlParams, what: string): void;
}

export const statements = (db: SqlDatabase): Statements => {
  const prepared = new Map<string, SqlStatement>();
  const statement = (sql: string): SqlStatement => {
    const known = prepared.get(sql);
    if (known !== undefined) return known;
    const made = db.prepare(sql);
    prepared.set(sql, made);
    return made;
  };
  return {
    run: (sql, params) => statement(sql).run(params),
    get: (sql, params) => statement(sql).get(params),
    all: (sql, params) => statement(sql).all(params),
    one: (sql, params, what) => {
      const changed = statement(sql).run(params);
      if (changed !== 1)
        throw new Error(`${what}: expected to change 1 row, changed ${changed} (${JSON.stringify(params)})`);
    },
  };
};
