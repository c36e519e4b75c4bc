import type { JobId } from "../domain/ids.ts";
import { isEmptyMark, type Mark, type MarkStatus, type Seen } from "../domain/inbox/mark.ts";
import type { SqlRow } from "../runtime/runtime.ts";
import type { StoreContext } from "./context.ts";
import { flag, idOrNull, integer, integerOrNull, text, textOrNull } from "./database/rows.ts";

/** What people said about what needs attention. There are few, at most one for each entry. */
export interface AttentionMarkStore {
  list(): readonly Mark[];
  find(entryId: string): Mark | null;
  /** Stores a mark, or deletes it if nobody has said anything any more, and records the event. */
  set(mark: Mark, event: MarkEvent): void;
  /** Deletes a mark, and records the event unless the entry was neither acknowledged nor snoozed. */
  end(entryId: string, now: number): void;
}

type MarkEvent = { readonly status: MarkStatus; readonly now: number; readonly by: string | null };

export const createAttentionMarkStore = ({ sql, write, recordEvent }: StoreContext): AttentionMarkStore => {
  const find = (entryId: string): Mark | null => {
    const row = sql.get("SELECT * FROM attention_marks WHERE entry_id = $entryId", { entryId });
    return row === null ? null : toMark(row);
  };
  const remove = (entryId: string) => sql.run("DELETE FROM attention_marks WHERE entry_id = $entryId", { entryId });
  const record = ({ entryId, jobId }: Mark, { status, now, by }: MarkEvent): void =>
    recordEvent({ type: "attention.changed", now, ...(jobId !== null && { jobId }), entry: entryId, status, by });
  return {
    list: () => sql.all("SELECT * FROM attention_marks ORDER BY entry_id").map(toMark),
    find,
    set: write("durable", (mark, event) => {
      if (isEmptyMark(mark)) remove(mark.entryId);
      else store(sql, mark);
      record(mark, event);
    }),
    end: write("durable", (entryId, now) => {
      const mark = find(entryId);
      if (mark === null) return;
      remove(entryId);
      if (mark.acknowledged !== null || mark.snoozed !== null) record(mark, { status: "ended", now, by: null });
    }),
  };
};

const store = (sql: StoreContext["sql"], mark: Mark): void => {
  const { entryId, jobId, acknowledged, snoozed, owner, note, isInherited } = mark;
  sql.run(
    `INSERT OR REPLACE INTO attention_marks (entry_id, job_id, acknowledged_at, acknowledged_by, acknowledged_cause, acknowledged_streak,
       snoozed_at, snoozed_by, snoozed_until, snoozed_cause, snoozed_streak, owner, note, inherited)
     VALUES ($entryId, $jobId, $acknowledgedAt, $acknowledgedBy, $acknowledgedCause, $acknowledgedStreak, $snoozedAt, $snoozedBy,
       $snoozedUntil, $snoozedCause, $snoozedStreak, $owner, $note, $inherited)`,
    {
      entryId,
      jobId,
      acknowledgedAt: acknowledged?.at ?? null,
      acknowledgedBy: acknowledged?.by ?? null,
      acknowledgedCause: acknowledged?.seen.causes.join(" ") ?? null,
      acknowledgedStreak: acknowledged?.seen.streak ?? null,
      snoozedAt: snoozed?.at ?? null,
      snoozedBy: snoozed?.by ?? null,
      snoozedUntil: snoozed?.until ?? null,
      snoozedCause: snoozed?.seen.causes.join(" ") ?? null,
      snoozedStreak: snoozed?.seen.streak ?? null,
      owner,
      note,
      inherited: isInherited ? 1 : 0,
    },
  );
};

const toMark = (row: SqlRow): Mark => {
  const acknowledgedAt = integerOrNull(row, "acknowledged_at");
  const snoozedAt = integerOrNull(row, "snoozed_at");
  return {
    entryId: text(row, "entry_id"),
    jobId: idOrNull<JobId>(row, "job_id"),
    acknowledged:
      acknowledgedAt === null
        ? null
        : { at: acknowledgedAt, by: textOrNull(row, "acknowledged_by"), seen: toSeen(row, "acknowledged") },
    snoozed:
      snoozedAt === null
        ? null
        : {
            at: snoozedAt,
            by: textOrNull(row, "snoozed_by"),
            until: integerOrNull(row, "snoozed_until"),
            seen: toSeen(row, "snoozed"),
          },
    owner: textOrNull(row, "owner"),
    note: textOrNull(row, "note"),
    isInherited: flag(row, "inherited"),
  };
};

const toSeen = (row: SqlRow, what: "acknowledged" | "snoozed"): Seen => ({
  causes: text(row, `${what}_cause`).split(" "),
  streak: integer(row, `${what}_streak`),
});
