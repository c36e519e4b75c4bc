import type { MissReason, SkipReason } from "../../domain/schedule/occurrence.ts";

const TEXT = {
  paused: "the scheduler was paused",
  disabled: "the job was disabled",
  dependency: "a gate on another job was shut",
  overlap: "an earlier run was still going on",
  queue_full: "too many runs of it were waiting already",
  down: "petit was not running, and catch-up did not reach back to it",
  late: "petit was asleep or busy until too late, and catch-up did not reach back to it",
  superseded: "petit was away or asleep, and catch-up ran a later one in its place",
} as const satisfies Record<SkipReason | MissReason, string>;

/** Why an occurrence was skipped or missed. */
export const reasonText = (reason: SkipReason | MissReason): string => TEXT[reason];
