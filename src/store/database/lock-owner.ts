/** The process that uses a database. Both are null if it has not stored them yet. */
export type LockOwner = {
  readonly pid: number | null;
  /** URL of its API; null if it serves none. */
  readonly url: string | null;
};

/** Names the owner of a lock in a message, such as `process 17 (http://127.0.0.1:8565)`. */
export const lockOwnerText = ({ pid, url }: LockOwner): string =>
  pid === null ? "another petit" : `process ${pid}${url === null ? "" : ` (${url})`}`;

/** Encodes an owner for the database. */
export const encodeLockOwner = (owner: LockOwner): string => JSON.stringify(owner);

/** Decodes a stored owner. Anything unreadable is an unknown owner. */
export const decodeLockOwner = (text: unknown): LockOwner => {
  try {
    const { pid, url } = JSON.parse(String(text));
    if (typeof pid === "number") return { pid, url: typeof url === "string" ? url : null };
  } catch {
    // Not written by this version.
  }
  return UNKNOWN_OWNER;
};

export const UNKNOWN_OWNER: LockOwner = { pid: null, url: null };
