import type { StoreContext } from "./context.ts";
import { flag, integer, integerOrNull, text, textOrNull } from "./database/rows.ts";

/** Which database this is. */
export type Identity = {
  /** Random; the same in every copy of the database. */
  readonly id: string;
  /** Empty for a new database; random after each restore. */
  readonly incarnation: string;
  /** True if the incarnation is also in the file beside the database. */
  readonly isAnchored: boolean;
  /** When `petit backup` made this copy, in ms since the Unix epoch; null for the database itself. */
  readonly copiedAt: number | null;
  /**
   * When the database was last restored, or petit noticed it; at least a ms later than the time before. It is the epoch of the database:
   * of two petits that have a database, the one with the later epoch is right.
   */
  readonly restoredAt: number | null;
  /**
   * Occurrences until then that are not in the ledger may have started a run in the database that was replaced. Null if there are none.
   */
  readonly unknownUntil: number | null;
};

/** Ids of attempts that only a replaced database had. */
export type LostAttempts = {
  /** Exclusive. */
  readonly after: number;
  /** Inclusive. */
  readonly until: number;
};

type RenewOptions = {
  readonly now: number;
  readonly isHere: (attemptId: number) => boolean;
  /** The new epoch is later than this one of another copy. Default: 0. */
  readonly laterThan?: number;
};

/** Tells this database from its copies. */
export interface IdentityStore {
  get(): Identity;
  /** Returns the name of this database at its incarnation. It is the id until a restore. */
  getToken(): string;
  /** Notes that the incarnation is in the file beside the database. */
  anchor(): void;
  /**
   * Begins a new incarnation, because the database was restored. What ran is lost, except attempts on this machine whose files are still
   * `isHere`, and those that a worker still has. New attempts get ids that no attempt of any incarnation had. Occurrences until `now` that
   * are not in the ledger may have started, unless the copy says that they are to be caught up.
   */
  renew(options: RenewOptions): void;
  /** Marks this database as a copy that was restored. `catchesUp`: its schedules are caught up as after a downtime. Its epoch is later than `laterThan`. */
  markRestored(options: { readonly now: number; readonly catchesUp: boolean; readonly laterThan: number }): void;
  /** Includes the occurrences during the first start after a restore, unless they are to be caught up. */
  extendUnknown(now: number): void;
  /** Returns the attempts of the databases that this one has replaced, as long as processes of them may run. */
  listLost(): readonly LostAttempts[];
  /** Notes that no process of them runs any more. */
  forgetLost(): void;
  /**
   * Makes the ids of attempts begin with one that no earlier database had, unless there has been an attempt. Returns the newest id that this
   * database has given, or 0.
   */
  beginIds(now: number): number;
  /** Returns the session of the last process that stored one. Null if there was none since the last restore. */
  getSession(): string | null;
  /** Stores the session of this process. Returns that of the previous one, or null. */
  beginSession(session: string): string | null;
  /** Stores where the database of a worker is. Returns where it was before, or null. */
  setLocation(location: string): string | null;
  /**
   * Stores the boot of the machine. In a new one, running attempts of this machine without a known process belong to the earlier one: whether
   * their process had started is not known after a power failure.
   */
  enterBoot(bootId: string): void;
}

/** More attempts than a petit can start in a second. */
const IDS_PER_SECOND = 100_000;

/** Larger than any process id. */
const NO_PID = 2 ** 31 - 1;

export const createIdentityStore = ({ sql, write }: StoreContext): IdentityStore => {
  const get = (): Identity => {
    const row = sql.get("SELECT * FROM identity") ?? {};
    return {
      id: text(row, "id"),
      incarnation: text(row, "incarnation"),
      isAnchored: flag(row, "anchored"),
      copiedAt: integerOrNull(row, "copied_at"),
      restoredAt: integerOrNull(row, "restored_at"),
      unknownUntil: integerOrNull(row, "unknown_until"),
    };
  };
  const newestId = (): number | null => {
    const row = sql.get("SELECT seq FROM sqlite_sequence WHERE name = 'attempts'");
    return row === null ? null : integer(row, "seq");
  };
  const setNewestId = (seq: number): void => {
    sql.run("DELETE FROM sqlite_sequence WHERE name = 'attempts'");
    sql.run("INSERT INTO sqlite_sequence (name, seq) VALUES ('attempts', $seq)", { seq });
  };
  return {
    get,

    getToken: () => tokenOf(get()),

    anchor: write("durable", () => {
      sql.run("UPDATE identity SET anchored = 1");
    }),

    renew: write("durable", ({ now, isHere, laterThan = 0 }) => {
      // They may have made runs that the copy does not know.
      sql.run(
        `UPDATE backfills SET status = 'paused', reason = 'restored'
         WHERE status = 'running' AND (SELECT catch_up FROM identity) = 0`,
      );
      sql.run(
        `UPDATE identity SET incarnation = lower(hex(randomblob(8))), anchored = 0, copied_at = NULL,
           restored_at = max($now, ifnull(restored_at, 0) + 1, $laterThan + 1),
           session = NULL, unknown_until = iif(catch_up, NULL, $now), catch_up = 0, files_unknown = 1`,
        { now, laterThan },
      );
      const after = newestId() ?? 0;
      const until = Math.max(after + IDS_PER_SECOND, firstIdAt(now));
      setNewestId(until);
      sql.run("INSERT INTO lost_attempts (after, until) VALUES ($after, $until)", { after, until });
      const running = sql.all(`SELECT id, boot_id FROM attempts WHERE ${IS_RUNNING_HERE}`);
      for (const row of running) {
        const attemptId = integer(row, "id");
        if (!isHere(attemptId)) sql.run(DETACH, { attemptId, noPid: NO_PID });
        // Its process is found by the files.
        else if (textOrNull(row, "boot_id") === DETACHED) sql.run(FORGET_PROCESS, { attemptId });
      }
      // Somebody may have claimed it since.
      sql.run("UPDATE offers SET state = 'withdrawn' WHERE state = 'offered'");
      sql.run("UPDATE offers SET restored = 1 WHERE state = 'claimed'");
    }),

    markRestored: write("durable", ({ now, catchesUp, laterThan }) => {
      // Later than the copy, too, which tells that it was restored.
      sql.run(
        `UPDATE identity SET copied_at = ifnull(copied_at, $now), catch_up = $catchUp,
           restored_at = 1 + max($now, ifnull(copied_at, 0), ifnull(restored_at, 0), $laterThan)`,
        { now, catchUp: catchesUp ? 1 : 0, laterThan },
      );
    }),

    extendUnknown: write("durable", (now) => {
      sql.run("UPDATE identity SET unknown_until = $now WHERE unknown_until < $now", { now });
    }),

    listLost: () =>
      sql
        .all("SELECT after, until FROM lost_attempts")
        .map((row) => ({ after: integer(row, "after"), until: integer(row, "until") })),

    forgetLost: write("relaxed", () => {
      sql.run("DELETE FROM lost_attempts");
    }),

    beginIds: write("durable", (now) => {
      const newest = newestId();
      if (newest === null) setNewestId(firstIdAt(now));
      return newest ?? 0;
    }),

    getSession: () => textOrNull(sql.get("SELECT session FROM identity") ?? {}, "session"),

    beginSession: write("durable", (session) => {
      const before = textOrNull(sql.get("SELECT session FROM identity") ?? {}, "session");
      sql.run("UPDATE identity SET session = $session", { session });
      return before;
    }),

    setLocation: write("durable", (location) => {
      const before = textOrNull(sql.get("SELECT place FROM identity") ?? {}, "place");
      if (before !== location) sql.run("UPDATE identity SET place = $location", { location });
      return before;
    }),

    enterBoot: write("durable", (bootId) => {
      const before = textOrNull(sql.get("SELECT boot FROM identity") ?? {}, "boot");
      if (before === bootId) return;
      sql.run("UPDATE identity SET boot = $bootId", { bootId });
      if (before === null) return;
      sql.run(
        `UPDATE attempts SET pid = $noPid, pid_started = '0', boot_id = $before WHERE pid IS NULL AND ${IS_RUNNING_HERE}`,
        { noPid: NO_PID, before },
      );
    }),
  };
};

/** Returns whether only a replaced database had this attempt. */
export const isLost = (attemptId: number, lost: readonly LostAttempts[]): boolean =>
  lost.some(({ after, until }) => attemptId > after && attemptId <= until);

/** Returns the name of a database at one incarnation. */
export const tokenOf = ({ id, incarnation }: Pick<Identity, "id" | "incarnation">): string =>
  incarnation === "" ? id : `${id}.${incarnation}`;

/** Not of an attempt that waits for another run or for a worker. */
const IS_RUNNING_HERE = `status = 'running' AND worker IS NULL AND child_run_id IS NULL
  AND NOT EXISTS (SELECT 1 FROM offers WHERE attempt_id = attempts.id)`;

/** The boot id of a process of another machine, or of the original of a copy. */
const DETACHED = "another";

const DETACH = `UPDATE attempts SET pid = ifnull(pid, $noPid), pid_started = ifnull(pid_started, '0'), boot_id = '${DETACHED}'
  WHERE id = $attemptId`;
const FORGET_PROCESS = "UPDATE attempts SET pid = NULL, pid_started = NULL, boot_id = NULL WHERE id = $attemptId";

/** Time only grows, so ids that begin with it were never used before. */
const firstIdAt = (now: number): number => Math.floor(now / 1_000) * IDS_PER_SECOND;
