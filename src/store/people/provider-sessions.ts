import type { StoreContext } from "../context.ts";
import { integer, text } from "../database/rows.ts";

/** The sessions of people who have logged in at an OpenID provider. Ids are the SHA-256 of the cookie, in hexadecimal. */
export interface ProviderSessionStore {
  /** Stores a session. Forgets those that expired a week ago. */
  begin(session: StoredProviderSession): void;
  /** Returns a session, also one that has expired. */
  find(id: string): StoredProviderSession | null;
  end(id: string): void;
}

type StoredProviderSession = {
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
    if (row === null) return null;
    const groups: readonly string[] = JSON.parse(text(row, "groups"));
    return {
      id,
      issuer: text(row, "issuer"),
      subject: text(row, "subject"),
      name: text(row, "name"),
      groups,
      basis: text(row, "basis"),
      beganAt: integer(row, "began_at"),
      expiresAt: integer(row, "expires_at"),
    };
  },

  end: write("durable", (id) => void sql.run("DELETE FROM provider_sessions WHERE id = $id", { id })),
});
