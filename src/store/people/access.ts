import type { SqlDatabase, SqlRow } from "../../runtime/runtime.ts";
import type { StoreContext } from "../context.ts";
import { integer, integerOrNull, text } from "../database/rows.ts";

/** Who a database lets in. Digests and ids of sessions are SHA-256 in hexadecimal, times in ms since the Unix epoch. */
export type StoredAccess = {
  readonly tokens: readonly TokenEnds[];
  /** The ids of the logins that have not ended, with tokens and through a provider. */
  readonly sessions: readonly string[];
  /** The logins with tokens of a token file that were ended before they expired. */
  readonly endedSessions: readonly { readonly id: string; readonly expiresAt: number }[];
};

/** When a token ends, or has ended. */
type TokenEnds = {
  readonly name: string;
  readonly digest: string;
  readonly expiresAt: number | null;
  readonly revokedAt: number | null;
  readonly replacedAt: number | null;
};

/** Reads who a database lets in. It can have an older schema, which has fewer tables. */
export const readAccess = (db: SqlDatabase): StoredAccess => {
  const tables = tablesOf(db);
  const read = (table: string, columns: string) =>
    tables.has(table) ? db.prepare(`SELECT ${columns} FROM ${table}`).all() : [];
  return {
    tokens: read("tokens", "name, digest, expires_at, revoked_at, replaced_at").map((row) => ({
      name: text(row, "name"),
      digest: text(row, "digest"),
      expiresAt: integerOrNull(row, "expires_at"),
      revokedAt: integerOrNull(row, "revoked_at"),
      replacedAt: integerOrNull(row, "replaced_at"),
    })),
    sessions: [...read("token_sessions", "id"), ...read("provider_sessions", "id")].map((row) => text(row, "id")),
    endedSessions: read("ended_sessions", "id, expires_at").map((row) => ({
      id: text(row, "id"),
      expiresAt: integer(row, "expires_at"),
    })),
  };
};

const tablesOf = (db: SqlDatabase): ReadonlySet<string> =>
  new Set(
    db
      .prepare("SELECT name FROM sqlite_master WHERE type = 'table'")
      .all()
      .map((row) => text(row, "name")),
  );

const AUDIT_COLUMNS = ["id", "at", "who", "role", "how", "address", "action", "target", "job_id", "run_id"]
  .concat(["allowed", "count", "details", "request_id"])
  .join(", ");

/** How many rows of the audit log are read at once. */
const AUDIT_PAGE = 5_000;

/** Reads the next rows of the audit log after the one with an id, oldest first; none after the newest. */
export const readAudit = (db: SqlDatabase, after: number): readonly SqlRow[] =>
  tablesOf(db).has("audit")
    ? db.prepare(`SELECT ${AUDIT_COLUMNS} FROM audit WHERE id > $after ORDER BY id LIMIT ${AUDIT_PAGE}`).all({ after })
    : [];

/** Who a copy lets in that replaces a database. */
export type RestoredAccess = {
  /** The names of tokens of the copy that were revoked since; null if the replaced database can't say. */
  readonly revoked: readonly string[] | null;
  /** The names of the tokens of the copy that are not revoked. */
  readonly left: readonly string[];
  /** Whether the replaced database required a token because of those that it stored. */
  readonly wasNeeded: boolean;
};

/** Returns who a copy lets in once it has taken over what ended since. `present`: what the replaced database says; null if it can't be read. */
export const compareAccess = (copy: StoredAccess, present: StoredAccess | null): RestoredAccess => {
  const revoked = new Set(present?.tokens.filter(({ revokedAt }) => revokedAt !== null).map(({ digest }) => digest));
  const valid = copy.tokens.filter(({ revokedAt }) => revokedAt === null);
  const namesOf = (tokens: readonly TokenEnds[]) => [...new Set(tokens.map(({ name }) => name))];
  return {
    revoked: present === null ? null : namesOf(valid.filter(({ digest }) => revoked.has(digest))),
    left: namesOf(valid.filter(({ digest }) => !revoked.has(digest))),
    wasNeeded: present?.tokens.some(({ revokedAt }) => revokedAt === null) ?? false,
  };
};

/** What a restored copy takes over from the database that it replaces. */
export interface AccessStore {
  /**
   * Ends what has ended in the replaced database: tokens that were revoked, replaced or shortened, and logins. Ends all logins that are stored if
   * `present` is null.
   */
  takeOver(present: StoredAccess | null): void;
  /** Adds rows of the audit log of the replaced database, in its order, unless the copy has them. Rows are the same if id and time are. */
  takeOverAudit(rows: readonly SqlRow[]): void;
}

export const createAccessStore = ({ sql, write }: StoreContext): AccessStore => ({
  takeOver: write("durable", (present) => {
    const open = JSON.stringify(present?.sessions ?? []);
    for (const table of ["token_sessions", "provider_sessions"])
      sql.run(`DELETE FROM ${table} WHERE id NOT IN (SELECT value FROM json_each($open))`, { open });
    for (const { id, expiresAt } of present?.endedSessions ?? [])
      sql.run("INSERT OR IGNORE INTO ended_sessions (id, expires_at) VALUES ($id, $expiresAt)", { id, expiresAt });
    for (const { digest, expiresAt, revokedAt, replacedAt } of present?.tokens ?? [])
      sql.run(
        `UPDATE tokens SET revoked_at = coalesce(revoked_at, $revokedAt), replaced_at = coalesce(replaced_at, $replacedAt),
           expires_at = coalesce(min(expires_at, $expiresAt), expires_at, $expiresAt)
         WHERE digest = $digest`,
        { digest, expiresAt, revokedAt, replacedAt },
      );
  }),

  takeOverAudit: write("durable", (rows) => {
    // The id is another one if the copy has it for something else.
    for (const row of rows)
      sql.run(
        `INSERT INTO audit (${AUDIT_COLUMNS})
         SELECT iif(EXISTS (SELECT 1 FROM audit WHERE id = $id), NULL, $id), $at, $who, $role, $how, $address, $action, $target, $job_id,
           $run_id, $allowed, $count, $details, $request_id
         WHERE NOT EXISTS (SELECT 1 FROM audit WHERE id = $id AND at = $at)`,
        row,
      );
  }),
});
