/** What to do about occurrences that passed while petit was down or asleep. */
export const CATCHUP_POLICIES = ["latest", "all", "none"] as const;
export type CatchupPolicy = (typeof CATCHUP_POLICIES)[number];

/** A schedule as a job file gives it. */
export type ScheduleSpec = {
  /** At least one; an instant that several are due at is one occurrence. */
  readonly expressions: readonly string[];
  /** An IANA name; null is the setting's, else the system's. */
  readonly timezone: string | null;
  readonly catchup: CatchupPolicy;
  readonly catchupWindowMs: number;
  /** Each occurrence starts up to this much later. */
  readonly jitterMs: number;
};

/** A schedule that can be asked. */
export interface Schedule {
  /** The first occurrence strictly after `after`, both ms since the epoch; null where none comes. */
  next(after: number): number | null;
  /** The zone it is read in. */
  readonly timezone: string;
}
