import type { Attention } from "../../domain/attention.ts";
import type { JobId, RunId, TaskId } from "../../domain/ids.ts";
import type { AttentionEntry } from "../../domain/inbox/entry.ts";
import {
  changeMark,
  hasBecomeWorse,
  isEmptyMark,
  isHandled,
  type Mark,
  type MarkChange,
  markVersion,
  type Seen,
  STATUS_OF_CHANGE,
  seenFailures,
  seenOf,
  seenUnfired,
} from "../../domain/inbox/mark.ts";
import { refuse } from "../../domain/refusal.ts";
import type { Run } from "../../domain/run.ts";
import { assertNever } from "../../lib/never.ts";
import type { Store } from "../../store/store.ts";

/** How long a mark outlives its entry, in ms: an entry can be away for a moment, as while its job file is replaced. */
export const ORPHAN_MS = 600_000;

/** Why a mark ends before its entry does. */
export type EndOfMark = "worse" | "expired";

type MarkedEntry = {
  readonly entry: Pick<AttentionEntry, "id"> & { readonly jobId?: JobId | null };
  readonly seen: Seen;
  /** True if it is said about the job that explains this one. */
  readonly isInherited: boolean;
};

type ChangeContext = {
  readonly now: number;
  readonly by: string | null;
};

type CurrentEntry = {
  readonly seen: Seen;
  /** When it began, in ms since the Unix epoch; null if that can move while it lasts. */
  readonly began: number | null;
  /** The newest failed run of a failing job; null for other entries. */
  readonly runId: RunId | null;
};

/** What people said about what needs attention, and until when that holds. */
export class Marks {
  readonly #store: Store;
  /** When the entries of marks were first found to be gone. */
  readonly #orphans = new Map<string, number>();
  /** The causes of the newest failed run of jobs that somebody asked about. */
  readonly #causes = new Map<JobId, { readonly runId: RunId; readonly causes: readonly string[] }>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** Returns all marks by the ids of their entries. */
  load(): ReadonlyMap<string, Mark> {
    return new Map(this.#store.attentionMarks.list().map((mark) => [mark.entryId, mark]));
  }

  /** Returns what can get worse about an item. */
  seenOf(item: Attention): Seen {
    if (item.kind !== "job_failing") return seenOf(item);
    const { jobId, runId, count: streak } = item;
    const known = this.#causes.get(jobId);
    if (known?.runId === runId) return { causes: known.causes, streak };
    const seen = this.#seenRun(runId, streak);
    this.#causes.set(jobId, { runId, causes: seen.causes });
    return seen;
  }

  #seenRun(runId: RunId, streak: number): Seen {
    const { runs } = this.#store;
    const failures = runs.describeFailures(runId).map((failure) => {
      const { taskId, item } = failure;
      return { failure, items: taskId === null || item === null ? [] : runs.listFailedItems(runId, taskId) };
    });
    return seenFailures(failures, streak);
  }

  /** Stores what a person said about an entry. Throws `conflict` if others have said something since the `expected` version. */
  change({ entry, seen, isInherited }: MarkedEntry, change: MarkChange, { now, by }: ChangeContext): void {
    const { attentionMarks } = this.#store;
    const { id: entryId, jobId = null } = entry;
    const known = attentionMarks.find(entryId);
    // What somebody said about the job itself stays.
    if (isInherited && known !== null && !known.isInherited && isHandled(known, now)) return;
    const empty: Mark = { entryId, jobId, acknowledged: null, snoozed: null, owner: null, note: null, isInherited };
    // A snooze that is over is none.
    const isSnoozed = known !== null && isHandled({ acknowledged: null, snoozed: known.snoozed }, now);
    const before = known === null ? empty : { ...known, ...(!isSnoozed && { snoozed: null }) };
    if (change.expected !== undefined && change.expected !== markVersion(before))
      throw refuse({ reason: "mark_changed", ...before });
    const after = { ...changeMark(before, change, { seen, now, by }), isInherited };
    if (known === null && isEmptyMark(after)) return;
    attentionMarks.set(after, {
      status: STATUS_OF_CHANGE[change.kind],
      now,
      by,
    });
  }

  /** Returns what a later or a worse entry, or the time, has done to a mark. */
  judge(mark: Mark, { seen, began, runId }: CurrentEntry, now: number): "holds" | EndOfMark | "ended" {
    const { acknowledged, snoozed } = mark;
    const saidAt = Math.max(acknowledged?.at ?? 0, snoozed?.at ?? 0);
    if (began !== null && saidAt > 0 && began > saidAt) return "ended";
    if (mark.isInherited && !this.#isRunBelowHandled(runId, now)) return "worse";
    if (hasBecomeWorse(mark, seen, now)) return "worse";
    return snoozed !== null && !isHandled({ acknowledged: null, snoozed }, now) ? "expired" : "holds";
  }

  /** Stores that marks have ended, though their entries have not. What people wrote about them stays. */
  endEarly(ends: ReadonlyMap<Mark, EndOfMark>, now: number): void {
    for (const [mark, status] of ends)
      this.#store.attentionMarks.set(withoutEnded(mark, status), { status, now, by: null });
  }

  /** Returns when the next snooze is over after `now`, in ms since the Unix epoch: infinity if none is; null if nobody has said anything. */
  nextEnd(now: number): number | null {
    const marks = this.#store.attentionMarks.list();
    if (marks.length === 0) return null;
    const ends = marks.flatMap(({ snoozed }) => snoozed?.until ?? []).filter((until) => until > now);
    return Math.min(Number.POSITIVE_INFINITY, ...ends);
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
        const isBelow = this.#isBelowHandled(run, now);
        const streak = isBelow ? 0 : (runs.findStreak(run.jobId)?.count ?? 1);
        const isElsewhere = mark.isInherited && !isBelow;
        if (!isElsewhere && !hasBecomeWorse(mark, this.#seenRun(run.id, streak), now)) return { isQuiet: true };
        this.endEarly(new Map([[mark, "worse"]]), now);
        return { isQuiet: false };
      }
      case "pending":
      case "running":
      case "cancelled":
        return { isQuiet: false };
    }
    return assertNever(run.status);
  }

  /** Returns whether a job is acknowledged or snoozed because its runs are late, and `count` late runs are not much worse. */
  isQuietLate(jobId: JobId, { count, now }: { readonly count: number; readonly now: number }): boolean {
    const mark = this.#store.attentionMarks.find(`run_late:${jobId}:warn_after`);
    if (mark === null || !isHandled(mark, now)) return false;
    const { causes } = (mark.acknowledged ?? mark.snoozed)?.seen ?? { causes: [] };
    return !hasBecomeWorse(mark, { causes, streak: count }, now);
  }

  /** Returns whether a job is acknowledged or snoozed because its occurrences start no run, and the newest make it not much worse. */
  isQuietMissed(jobId: JobId, now: number): boolean {
    const { attentionMarks, occurrences } = this.#store;
    const mark = attentionMarks.find(`not_run_as_expected:${jobId}`);
    if (mark === null || !isHandled(mark, now)) return false;
    const unfired = occurrences.findUnfiredStreak(jobId);
    return unfired !== null && !hasBecomeWorse(mark, seenUnfired(unfired), now);
  }

  /** Returns whether an approval of this task is acknowledged or snoozed in a run of the job. */
  isQuietApproval({ jobId, taskId }: { readonly jobId: JobId; readonly taskId: TaskId }, now: number): boolean {
    return this.#store.attentionMarks
      .list()
      .some(
        (mark) =>
          mark.jobId === jobId &&
          mark.entryId.startsWith("approval_needed:") &&
          mark.entryId.endsWith(`:${taskId}`) &&
          isHandled(mark, now),
      );
  }

  #isRunBelowHandled(runId: RunId | null, now: number): boolean {
    const run = runId === null ? null : this.#store.runs.find(runId);
    return run !== null && this.#isBelowHandled(run, now);
  }

  /** Returns whether a run was started by one whose job is acknowledged or snoozed. That one says how often both have failed. */
  #isBelowHandled({ parent }: Run, now: number): boolean {
    const { attentionMarks, runs } = this.#store;
    const job = parent === null ? undefined : runs.find(parent.runId)?.jobId;
    const mark = job === undefined ? null : attentionMarks.find(failingId(job));
    return mark !== null && isHandled(mark, now);
  }
}

/** Returns a mark without what has ended. */
export const withoutEnded = (mark: Mark, end: EndOfMark): Mark =>
  end === "worse" ? { ...mark, acknowledged: null, snoozed: null } : { ...mark, snoozed: null };

const failingId = (jobId: JobId): string => `job_failing:${jobId}`;
