import type { JobId } from "../../domain/ids.ts";
import type { AttentionEntry } from "../../domain/inbox/entry.ts";
import {
  changeMark,
  isHandled,
  isWorse,
  type Mark,
  type MarkChange,
  type Seen,
  STATUS_OF_CHANGE,
  seenFailure,
} from "../../domain/inbox/mark.ts";
import type { Run } from "../../domain/run.ts";
import { assertNever } from "../../lib/never.ts";
import type { Store } from "../../store/store.ts";

/** How long a mark outlives its entry, in ms: an entry can be away for a moment, as while its job file is replaced. */
const ORPHAN_MS = 600_000;

type CurrentEntry = {
  readonly entryId: string;
  readonly seen: Seen;
  /** When it began, in ms since the Unix epoch; null if that can move while it lasts. */
  readonly began: number | null;
};

/** What people said about what needs attention, and until when that holds. */
export class Marks {
  readonly #store: Store;
  /** When the entries of marks were first found to be gone. */
  readonly #orphans = new Map<string, number>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** Returns all marks by the ids of their entries. */
  load(): ReadonlyMap<string, Mark> {
    return new Map(this.#store.attentionMarks.list().map((mark) => [mark.entryId, mark]));
  }

  /** Stores what a person said about an entry. */
  change(
    {
      entry,
      seen,
    }: { readonly entry: Pick<AttentionEntry, "id"> & { readonly jobId?: JobId | null }; readonly seen: Seen },
    change: MarkChange,
    { now, by }: { readonly now: number; readonly by: string | null },
  ): void {
    const { attentionMarks } = this.#store;
    const { id: entryId, jobId = null } = entry;
    const empty: Mark = { entryId, jobId, acknowledged: null, snoozed: null, owner: null, note: null, seen };
    const known = attentionMarks.find(entryId);
    // A snooze that is over is none.
    const before = known === null ? empty : isHandled(known, now) ? known : { ...known, snoozed: null };
    attentionMarks.set(changeMark(before, change, { seen, now, by }), {
      status: STATUS_OF_CHANGE[change.kind],
      now,
      by,
    });
  }

  /** Returns a mark as it holds for its entry now: without what a later or a worse entry has ended. */
  judge(mark: Mark, { seen, began }: Omit<CurrentEntry, "entryId">, now: number): Mark | "worse" | "ended" {
    const { acknowledged, snoozed } = mark;
    const saidAt = Math.max(acknowledged?.at ?? 0, snoozed?.at ?? 0);
    if (began !== null && saidAt > 0 && began > saidAt) return "ended";
    if (!isHandled(mark, now)) return { ...mark, acknowledged: null, snoozed: null };
    return isWorse(mark.seen, seen)
      ? "worse"
      : { ...mark, snoozed: isHandled({ acknowledged: null, snoozed }, now) ? snoozed : null };
  }

  /** Stores that entries have become worse. What people wrote about them stays. */
  endWorse(marks: readonly Mark[], now: number): void {
    for (const mark of marks)
      this.#store.attentionMarks.set(
        { ...mark, acknowledged: null, snoozed: null },
        { status: "worse", now, by: null },
      );
  }

  endGone(entryIds: readonly string[], now: number): void {
    for (const entryId of entryIds) this.#store.attentionMarks.end(entryId, now);
  }

  /** Returns the marks whose entries have been gone for long enough. */
  findOrphans(marks: Iterable<string>, isListed: (entryId: string) => boolean, now: number): readonly string[] {
    const found: string[] = [];
    for (const entryId of marks) {
      if (isListed(entryId)) {
        this.#orphans.delete(entryId);
        continue;
      }
      const since = this.#orphans.get(entryId) ?? now;
      this.#orphans.set(entryId, Math.min(since, now));
      if (now - since < ORPHAN_MS) continue;
      this.#orphans.delete(entryId);
      found.push(entryId);
    }
    return found;
  }

  /**
   * Judges the end of a run within the transaction that stores it. Returns whether its failure is quiet, so that nobody is
   * notified: the job was acknowledged or snoozed, and has not become worse. A completed run ends all that was said.
   */
  judgeEnd(run: Run, now: number): { readonly isQuiet: boolean } {
    const { attentionMarks, runs } = this.#store;
    const entryId = failingId(run.jobId);
    switch (run.status) {
      case "completed":
        attentionMarks.end(entryId, now);
        return { isQuiet: false };
      case "failed":
      case "interrupted": {
        const mark = attentionMarks.find(entryId);
        if (mark === null || !isHandled(mark, now)) return { isQuiet: false };
        const seen = seenFailure(runs.describeFailure(run.id), runs.findStreak(run.jobId)?.count ?? 1);
        if (!isWorse(mark.seen, seen)) return { isQuiet: true };
        this.endWorse([mark], now);
        return { isQuiet: false };
      }
      case "pending":
      case "running":
      case "cancelled":
        return { isQuiet: false };
    }
    return assertNever(run.status);
  }
}

const failingId = (jobId: JobId): string => `job_failing:${jobId}`;
