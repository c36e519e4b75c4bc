import type { SqlRow } from "../../runtime/runtime.ts";
import type { StoreContext } from "../context.ts";
import { flag, integer, text } from "../database/rows.ts";

/** The sessions of people who have logged in at an OpenID provider. Ids are the SHA-256 of the cookie, in hexadecimal. */
export interface ProviderSessionStore {
  /** Stores a session. Forgets those that expired a week ago. */
  begin(session: Omit<StoredProviderSession, "isRefused">): void;
  /** Returns a session, also one that has expired. */
  find(id: string): StoredProviderSession | null;
  end(id: string): void;
  /** Ends a session for which there is no role, but remembers it. */
  refuse(id: string): void;
  /** Returns the sessions that are not refused, also those that have expired. */
  list(): readonly StoredProviderSession[];
}

export type StoredProviderSession = {
  readonly id: string;
  readonly issuer: string;
  readonly subject: string;
  readonly name: string;
  /** The groups that the provider named at the login. */
  readonly groups: readonly string[];
  /** The SHA-256 of the settings by which the person was let in, in hexadecimal. */
  readonly basis: string;
  /** In ms since the Unix epoch. */
  readonly beganAt: number;
  readonly expiresAt: number;
  /** Whether it has ended because there was no role for the person. */
  readonly isRefused: boolean;
};

/** How long petit can say that a session has expired. */
const REMEMBERED_MS = 7 * 86_400_000;

export const createProviderSessionStore = ({ sql, write }: StoreContext): ProviderSessionStore => ({
  begin: write("durable", ({ groups, ...session }) => {
    sql.run("DELETE FROM provider_sessions WHERE expires_at <= $before", { before: session.beganAt - REMEMBERED_MS });
    sql.run(
      `INSERT INTO provider_sessions (id, issuer, subject, name, groups, basis, began_at, expires_at)
       VALUES ($id, $issuer, $subject, $name, $groups, $basis, $beganAt, $expiresAt)`,
      { ...session, groups: JSON.stringify(groups) },
    );
  }),

  find: (id) => {
    const row = sql.get("SELECT * FROM provider_sessions WHERE id = $id", { id });
    return row === null ? null : toSession(row);
  },

  end: write("durable", (id) => void sql.run("DELETE FROM provider_sessions WHERE id = $id", { id })),

  refuse: write("durable", (id) => void sql.run("UPDATE provider_sessions SET is_refused = 1 WHERE id = $id", { id })),

  list: () => sql.all("SELECT * FROM provider_sessions WHERE is_refused = 0").map(toSession),
});

const toSession = (row: SqlRow): StoredProviderSession => {
  const groups: readonly string[] = JSON.parse(text(row, "groups"));
  return {
    id: text(row, "id"),
    issuer: text(row, "issuer"),
    subject: text(row, "subject"),
    name: text(row, "name"),
    groups,
    basis: text(row, "basis"),
    beganAt: integer(row, "began_at"),
    expiresAt: integer(row, "expires_at"),
    isRefused: flag(row, "is_refused"),
  };
};
