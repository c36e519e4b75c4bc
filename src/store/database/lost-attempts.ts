import type { SqlDatabase } from "../../runtime/runtime.ts";
import type { LostAttempts } from "../identity.ts";
import { findRestoreSign } from "./incarnation-file.ts";
import type { ReadOnlyDatabase } from "./read-only.ts";
import { flag, integer, integerOrNull, text } from "./rows.ts";

/** The first schema with restores. */
const SCHEMA = 11;

/** Returns the attempts of the databases that this one has replaced, even if petit has not started on it since. */
export const readLostAttempts = ({ db, state }: ReadOnlyDatabase, path: string): readonly LostAttempts[] => {
  if (state.version < SCHEMA) return [];
  const sign = findRestoreSign(path, () => ({ identity: readIdentity(db), newestSeq: newestEvent(db) }));
  const known = db
    .prepare("SELECT after, until FROM lost_attempts")
    .all()
    .map((row) => ({ after: integer(row, "after"), until: integer(row, "until") }));
  return sign === null ? known : [...known, newerThan(db)];
};

/** Returns the attempts that a copy does not know, because they are newer. */
export const newerThan = (copy: SqlDatabase): LostAttempts => {
  const row = copy.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'attempts'").get();
  return { after: row === null ? 0 : integer(row, "seq"), until: Number.MAX_SAFE_INTEGER };
};

const readIdentity = (db: SqlDatabase) => {
  const row = db.prepare("SELECT * FROM identity").get() ?? {};
  return {
    id: text(row, "id"),
    incarnation: text(row, "incarnation"),
    isAnchored: flag(row, "anchored"),
    copiedAt: integerOrNull(row, "copied_at"),
  };
};

const newestEvent = (db: SqlDatabase): number => {
  const row = db.prepare("SELECT max(seq) AS seq FROM events").get();
  return row === null ? 0 : (integerOrNull(row, "seq") ?? 0);
};
