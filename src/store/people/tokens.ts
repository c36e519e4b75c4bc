import { ROLES, type Role } from "../../domain/people/role.ts";
import type { JobLimit } from "../../domain/people/scope.ts";
import { IN_USE_MS, REFUSED_COUNTS_MS, SOON_MS, type StoredToken } from "../../domain/people/token.ts";
import { refuse } from "../../domain/refusal.ts";
import type { SqlRow } from "../../runtime/runtime.ts";
import type { StoreContext } from "../context.ts";
import { integer, integerOrNull, json, text, textOrNull, word } from "../database/rows.ts";

/** The tokens that petit stores, and the logins with them. Ids of sessions and digests are SHA-256 in hexadecimal. */
export interface TokenStore {
  /** Returns all tokens, also those that are no longer valid, in the order of their creation. */
  list(): readonly TokenWithDigest[];
  /** Stores a token. Throws `token_name_taken` if a valid one has its name. */
  create(token: NewToken, now: number): void;
  /**
   * Stores a token in place of the one with its name. That one and those before it are valid until `graceUntil` at most. The new one has the same role, the same jobs, and
   * the same lifetime unless another is given. Throws `token_not_found` if there is no valid one.
   */
  rotate(token: RotatedToken, now: number): StoredToken;
  /** Revokes all tokens with a name, and ends their sessions. Returns how many. Throws `token_not_found` if there is none. */
  revoke(name: string, now: number): number;
  /** Stores when tokens were used last. Not durable. */
  noteUses(uses: readonly TokenUse[]): void;
  /** Adds to how often tokens were refused because they have expired. Not durable. */
  noteRefusals(refusals: readonly (TokenUse & { readonly count: number })[]): void;
  /** Returns up to `limit` tokens that are in use and expire soon, and expired ones that are still sent, the first to expire first. */
  listEnding(now: number, limit: number): readonly EndingToken[];
  beginSession(session: StoredSession, now: number): void;
  findSession(id: string): StoredSession | null;
  endSession(id: string): void;
  /**
   * Deletes up to `limit` tokens that were revoked or have expired by `endedBy`, and logins that have expired by `now`. Keeps the newest token that
   * is not revoked, also if it has expired: without it petit would require none. Returns how many rows. Not durable.
   */
  deleteOld(options: { readonly endedBy: number; readonly now: number; readonly limit: number }): number;
  /** Returns a number that changes whenever another connection has written to the database. */
  readDataVersion(): number;
}

type TokenWithDigest = StoredToken & { readonly digest: string };

type NewToken = JobLimit & {
  readonly name: string;
  readonly digest: string;
  readonly role: Role;
  readonly expiresAt: number | null;
  readonly by: string | null;
};

type RotatedToken = {
  readonly name: string;
  readonly digest: string;
  readonly graceUntil: number;
  readonly by: string | null;
};

type TokenUse = { readonly id: number; readonly at: number; readonly address: string | null };

/** A token that is in use, and expires soon or has expired. Times are in ms since the Unix epoch. */
type EndingToken = {
  readonly name: string;
  readonly role: Role;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly lastUsedAt: number | null;
  readonly lastUsedFrom: string | null;
  /** The requests that were refused because it has expired; null if there were none lately. */
  readonly refused: { readonly count: number; readonly at: number; readonly from: string | null } | null;
};

type StoredSession = { readonly id: string; readonly tokenId: number; readonly expiresAt: number };

export const createTokenStore = ({ sql, write }: StoreContext): TokenStore => {
  const insert = ({ name, digest, role, jobs, tags, expiresAt, by }: NewToken, now: number): void =>
    sql.updateOne(
      `INSERT INTO tokens (name, digest, role, jobs, tags, created_at, created_by, expires_at)
       VALUES ($name, $digest, $role, $jobs, $tags, $now, $by, $expiresAt)`,
      { name, digest, role, jobs: toJson(jobs), tags: toJson(tags), now, by, expiresAt },
      "create a token",
    );
  const findCurrent = (name: string, now: number): StoredToken | null => {
    const row = sql.get(`SELECT ${COLUMNS} FROM tokens WHERE name = $name AND ${CURRENT}`, { name });
    const token = row === null ? null : toToken(row);
    return token === null || (token.expiresAt !== null && token.expiresAt <= now) ? null : token;
  };
  return {
    list: () =>
      sql
        .all(`SELECT ${COLUMNS}, digest FROM tokens ORDER BY id`)
        .map((row) => ({ ...toToken(row), digest: text(row, "digest") })),

    create: write("durable", (token, now) => {
      if (findCurrent(token.name, now) !== null) throw refuse({ reason: "token_name_taken", name: token.name });
      // One that has expired.
      sql.run(`UPDATE tokens SET replaced_at = $now WHERE name = $name AND ${CURRENT}`, { name: token.name, now });
      insert(token, now);
    }),

    rotate: write("durable", ({ name, digest, graceUntil, by }, now) => {
      const before = findCurrent(name, now);
      if (before === null) throw refuse({ reason: "token_not_found", name });
      sql.updateOne(
        "UPDATE tokens SET replaced_at = $now, expires_at = min(coalesce(expires_at, $graceUntil), $graceUntil) WHERE id = $id",
        { id: before.id, now, graceUntil },
        "replace a token",
      );
      // Those that were replaced before. Nobody who ends the former token means to leave an earlier one valid.
      sql.run(
        "UPDATE tokens SET expires_at = $graceUntil WHERE name = $name AND revoked_at IS NULL AND replaced_at IS NOT NULL AND expires_at > $graceUntil",
        { name, graceUntil },
      );
      const expiresAt = before.expiresAt === null ? null : now + before.expiresAt - before.createdAt;
      insert({ name, digest, role: before.role, jobs: before.jobs, tags: before.tags, expiresAt, by }, now);
      const created = findCurrent(name, now);
      if (created === null) throw new Error(`the token '${name}' was not stored`);
      return created;
    }),

    revoke: write("durable", (name, now) => {
      const ids = sql.all("SELECT id FROM tokens WHERE name = $name AND revoked_at IS NULL", { name });
      if (ids.length === 0) throw refuse({ reason: "token_not_found", name });
      for (const row of ids) {
        const id = integer(row, "id");
        sql.updateOne("UPDATE tokens SET revoked_at = $now WHERE id = $id", { id, now }, "revoke a token");
        sql.run("DELETE FROM token_sessions WHERE token_id = $id", { id });
      }
      return ids.length;
    }),

    noteUses: write("relaxed", (uses) => {
      for (const { id, at, address } of uses)
        sql.run("UPDATE tokens SET last_used_at = $at, last_used_from = $address WHERE id = $id", { id, at, address });
    }),

    noteRefusals: write("relaxed", (refusals) => {
      for (const { id, count, at, address } of refusals)
        sql.run(
          "UPDATE tokens SET refused = refused + $count, refused_at = $at, refused_from = $address WHERE id = $id",
          { id, count, at, address },
        );
    }),

    listEnding: (now, limit) =>
      sql
        .all(
          `SELECT name, role, created_at, expires_at, last_used_at, last_used_from, refused, refused_at, refused_from FROM tokens
           WHERE revoked_at IS NULL AND CASE
             WHEN expires_at > $now THEN expires_at <= $soon AND last_used_at >= $used AND last_used_at > coalesce(replaced_at, 0)
             ELSE refused_at >= $sent END
           ORDER BY expires_at, id LIMIT $limit`,
          { now, soon: now + SOON_MS, used: now - IN_USE_MS, sent: now - REFUSED_COUNTS_MS, limit },
        )
        .map((row) => toEndingToken(row, now)),

    beginSession: write("durable", ({ id, tokenId, expiresAt }, now) => {
      sql.run("DELETE FROM token_sessions WHERE expires_at <= $now", { now });
      sql.run("INSERT INTO token_sessions (id, token_id, expires_at) VALUES ($id, $tokenId, $expiresAt)", {
        id,
        tokenId,
        expiresAt,
      });
    }),

    findSession: (id) => {
      const row = sql.get("SELECT token_id, expires_at FROM token_sessions WHERE id = $id", { id });
      return row === null ? null : { id, tokenId: integer(row, "token_id"), expiresAt: integer(row, "expires_at") };
    },

    endSession: write("durable", (id) => void sql.run("DELETE FROM token_sessions WHERE id = $id", { id })),

    deleteOld: write("relaxed", ({ endedBy, now, limit }) => {
      const sessions = sql.run(
        "DELETE FROM token_sessions WHERE id IN (SELECT id FROM token_sessions WHERE expires_at <= $now LIMIT $limit)",
        { now, limit },
      );
      const old = sql.all(
        `SELECT id FROM tokens
         WHERE coalesce(revoked_at, expires_at) <= $endedBy
           AND (revoked_at IS NOT NULL OR id < (SELECT max(id) FROM tokens WHERE revoked_at IS NULL))
         LIMIT $limit`,
        { endedBy, limit },
      );
      for (const row of old) {
        const id = integer(row, "id");
        sql.run("DELETE FROM token_sessions WHERE token_id = $id", { id });
        sql.run("DELETE FROM tokens WHERE id = $id", { id });
      }
      return sessions + old.length;
    }),

    readDataVersion: () => integer(sql.get("PRAGMA data_version") ?? {}, "data_version"),
  };
};

const toJson = (list: readonly string[] | null): string | null => (list === null ? null : JSON.stringify(list));

const listOrNull = (row: SqlRow, column: "jobs" | "tags"): readonly string[] | null =>
  textOrNull(row, column) === null ? null : json<readonly string[]>(row, column);

/** The one token of a name that is neither revoked nor replaced. */
const CURRENT = "revoked_at IS NULL AND replaced_at IS NULL";

const COLUMNS =
  "id, name, role, jobs, tags, created_at, created_by, expires_at, revoked_at, replaced_at, last_used_at, last_used_from";

const toEndingToken = (row: SqlRow, now: number): EndingToken => {
  const [expiresAt, at] = [integer(row, "expires_at"), integerOrNull(row, "refused_at")];
  const isRefused = expiresAt <= now && at !== null;
  return {
    name: text(row, "name"),
    role: word(row, "role", ROLES),
    createdAt: integer(row, "created_at"),
    expiresAt,
    lastUsedAt: integerOrNull(row, "last_used_at"),
    lastUsedFrom: textOrNull(row, "last_used_from"),
    refused: isRefused ? { count: integer(row, "refused"), at, from: textOrNull(row, "refused_from") } : null,
  };
};

const toToken = (row: SqlRow): StoredToken => ({
  id: integer(row, "id"),
  name: text(row, "name"),
  role: word(row, "role", ROLES),
  jobs: listOrNull(row, "jobs"),
  tags: listOrNull(row, "tags"),
  createdAt: integer(row, "created_at"),
  createdBy: textOrNull(row, "created_by"),
  expiresAt: integerOrNull(row, "expires_at"),
  revokedAt: integerOrNull(row, "revoked_at"),
  replacedAt: integerOrNull(row, "replaced_at"),
  lastUsedAt: integerOrNull(row, "last_used_at"),
  lastUsedFrom: textOrNull(row, "last_used_from"),
});
