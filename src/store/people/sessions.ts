import type { StoreContext } from "../context.ts";

/** The sessions of browsers that were ended before they expired. */
export interface SessionStore {
  /** Ends a session, of which `id` is the SHA-256 in hexadecimal. Forgets those that have expired by `now`. */
  end(id: string, expiresAt: number, now: number): void;
  hasEnded(id: string): boolean;
}

export const createSessionStore = ({ sql, write }: StoreContext): SessionStore => ({
  end: write("durable", (id, expiresAt, now) => {
    sql.run("DELETE FROM ended_sessions WHERE expires_at <= $now", { now });
    sql.run("INSERT OR IGNORE INTO ended_sessions (id, expires_at) VALUES ($id, $expiresAt)", { id, expiresAt });
  }),

  hasEnded: (id) => sql.get("SELECT 1 AS one FROM ended_sessions WHERE id = $id", { id }) !== null,
});
