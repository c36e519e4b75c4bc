import type { MissReason, SkipReason } from "../../domain/schedule/occurrence.ts";

const WORDS = {
  paused: "the scheduler was paused",
  disabled: "the job was disabled",
  dependency: "a gate on another job was shut",
  overlap: "an earlier run still went on",
  queue_full: "too many runs of it waited already",
  down: "petit was not running",
  late: "petit was asleep or busy until too late",
  superseded: "catch-up ran a later one in its place",
} as const satisfies Record<SkipReason | MissReason, string>;

/** Why no run came of an occurrence. */
export const whyUnfired = (reason: SkipReason | MissReason): string => WORDS[reason];
