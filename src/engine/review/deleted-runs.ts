import { dayAt } from "../../domain/durations/day.ts";
import { countOf } from "../../domain/durations/histogram.ts";
import type { JobId } from "../../domain/ids.ts";
import type { DeletedRuns } from "../../domain/review/review.ts";
import type { RunStatus } from "../../domain/run.ts";
import { dayStart } from "../../domain/schedule/except.ts";
import type { Zone } from "../../domain/schedule/local-time.ts";
import type { TimeSpan } from "../../domain/time-span.ts";
import type { DayOfRuns } from "../../store/durations.ts";

/** As long as daily figures are kept. */
const MAX_DAYS = 101;

/** A period that ends within this time, in ms, ends now: time has passed since somebody asked. */
const NOW_MS = 60_000;

/** The kinds of ends that daily figures tell apart. */
const KINDS = ["completed", "failed", "cancelled"] as const;
type Kind = (typeof KINDS)[number];

const KIND_OF = {
  completed: "completed",
  failed: "failed",
  interrupted: "failed",
  cancelled: "cancelled",
} as const satisfies Record<Exclude<RunStatus, "pending" | "running">, Kind>;

type Stored = { readonly jobId: JobId; readonly status: RunStatus; readonly count: number };

/**
 * Finds what retention has deleted of a period: the daily figures outlive the runs, so a day of a job with more runs in the figures than in
 * the database has lost some. Days from before the figures count as complete.
 */
export class DeletedRunsFinder {
  readonly #period: TimeSpan;
  readonly #now: number;
  readonly #zone: Zone;
  readonly #firstDay: number;
  readonly #lastDay: number;
  /** For each job and day, the numbers of stored runs by kind. */
  readonly #stored = new Map<JobId, Uint32Array>();
  readonly #deleted = { completed: 0, failed: 0, cancelled: 0 };
  #until = 0;
  #jobs = 0;

  constructor(period: TimeSpan, { now, zone }: { readonly now: number; readonly zone: Zone }) {
    this.#period = period;
    this.#now = now;
    this.#zone = zone;
    this.#lastDay = dayAt(period.to - 1, zone);
    this.#firstDay = Math.max(dayAt(period.from, zone), this.#lastDay - MAX_DAYS + 1);
  }

  /** The days to compare, both inclusive. */
  get days(): { readonly first: number; readonly last: number } {
    return { first: this.#firstDay, last: this.#lastDay };
  }

  /**
   * Returns the parts in which to count runs, in order: each is on one day, and within the period or outside of it. The first and the last
   * day are whole, so that they can be compared, too.
   */
  parts(): readonly (TimeSpan & { readonly day: number | null; readonly isInside: boolean })[] {
    const { from, to } = this.#period;
    const days = Array.from({ length: this.#lastDay - this.#firstDay + 1 }, (_, index) => this.#firstDay + index);
    const bounds = new Set([...days, this.#lastDay + 1].map((day) => dayStart(day, this.#zone)));
    const sorted = [...bounds.add(from).add(to)].sort((a, b) => a - b);
    const firstStart = dayStart(this.#firstDay, this.#zone);
    return sorted.slice(0, -1).map((start, index) => ({
      from: start,
      to: sorted[index + 1] ?? to,
      day: start < firstStart ? null : dayAt(start, this.#zone),
      isInside: start >= from && start < to,
    }));
  }

  /** Counts runs that are stored. */
  count({ jobId, status, count }: Stored, day: number | null): void {
    if (day === null || status === "pending" || status === "running") return;
    const counts = this.#stored.get(jobId) ?? new Uint32Array(KINDS.length * (this.#lastDay - this.#firstDay + 1));
    this.#stored.set(jobId, counts);
    const index = this.#indexOf(day, KIND_OF[status]);
    counts[index] = (counts[index] ?? 0) + count;
  }

  /** Compares the figures of a job. `findFirstEnd` returns when the first run of the job that is left ended. */
  compare(jobId: JobId, figures: readonly DayOfRuns[], findFirstEnd: () => number | null): void {
    let lastDay: number | null = null;
    for (const { day, completed, failed, cancelled } of figures) {
      const counted = { completed: countOf(completed), failed, cancelled };
      for (const kind of KINDS) {
        const stored = this.#stored.get(jobId)?.[this.#indexOf(day, kind)] ?? 0;
        if (counted[kind] <= stored) continue;
        lastDay = day;
        if (this.#isWhole(day)) this.#deleted[kind] += counted[kind] - stored;
      }
    }
    if (lastDay === null) return;
    const end = Math.min(dayStart(lastDay + 1, this.#zone), this.#period.to);
    const first = findFirstEnd();
    const isOnThatDay = first !== null && first >= dayStart(lastDay, this.#zone) && first < end;
    const until = isOnThatDay ? first : end;
    // Only runs from before the period were deleted.
    if (until <= this.#period.from) return;
    this.#jobs++;
    this.#until = Math.max(this.#until, until);
  }

  /** Numbers of deleted runs of the days that are wholly in the period. */
  get counts(): Readonly<Record<Kind, number>> {
    return this.#deleted;
  }

  get result(): DeletedRuns | null {
    return this.#jobs === 0 ? null : { until: this.#until, jobs: this.#jobs };
  }

  #indexOf(day: number, kind: Kind): number {
    return (day - this.#firstDay) * KINDS.length + KINDS.indexOf(kind);
  }

  /** Returns whether a day is in the period, as far as it has passed. */
  #isWhole(day: number): boolean {
    const { from, to } = this.#period;
    return dayStart(day, this.#zone) >= from && (to >= this.#now - NOW_MS || dayStart(day + 1, this.#zone) <= to);
  }
}
