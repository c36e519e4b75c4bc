import type { MissReason, Outcome, SkipReason } from "../../schedule/occurrence.ts";

/** What happened to an occurrence, or will; `due` is still to come. */
export const OUTCOME_TEXT = {
  fired: "a run was started for it",
  skipped: "petit decided against a run",
  missed: "petit was down, asleep or busy, and catch-up did not cover it",
  due: "it is still to come",
} as const satisfies Record<Outcome | "due", string>;

/** Why an occurrence was skipped or missed, as a clause. */
export const OCCURRENCE_REASON_TEXT = {
  paused: "the scheduler or the job was paused",
  disabled: "the job was disabled",
  dependency: "a gate on another job was shut",
  overlap: "an earlier run was still running",
  queue_full: "too many runs of the job were already waiting",
  excluded: "the schedule excepts its date",
  down: "petit was not running, and catch-up did not reach back to it",
  late: "petit was asleep or busy until too late, and catch-up did not reach back to it",
  superseded: "petit was down or asleep, and catch-up ran a later occurrence instead",
  restored: "the database was restored from an older copy, so a run may have been started for it",
} as const satisfies Record<SkipReason | MissReason, string>;
