import { assertNever } from "../../lib/never.ts";

/** What prevents or affects the next run of a job; `blockerText` makes the sentence. Times are in ms since the Unix epoch. */
export type Blocker =
  /** petit can't store runs. */
  | { readonly code: "storage"; readonly problems: readonly string[] }
  | { readonly code: "stopped" }
  /** No job file defines the job any more. `since` is when petit noticed it; null if that is unknown. */
  | { readonly code: "job_gone"; readonly since: number | null }
  /**
   * `since`: null if it is unknown, as of a pause by an older petit; then `skippedSince` is the oldest of the latest occurrences that the
   * pause skipped, null if there is none.
   */
  | {
      readonly code: "scheduler_paused";
      readonly since: number | null;
      readonly skippedSince: number | null;
      readonly by: string | null;
    }
  | { readonly code: "job_paused"; readonly jobId: string; readonly since: number | null; readonly by: string | null }
  | { readonly code: "job_disabled"; readonly file: string }
  /** petit uses the last valid version of the job. */
  | { readonly code: "file_broken"; readonly problem: string }
  /** A trigger of the job starts no runs. `id` is that of the entry of what needs attention. */
  | { readonly code: "trigger_failing"; readonly id: string; readonly problem: string }
  /** `why`: a clause. */
  | { readonly code: "gate_shut"; readonly jobId: string; readonly why: string }
  /** On a job that the person may not know of. */
  | { readonly code: "hidden_gate_shut" }
  | {
      readonly code: "max_concurrency";
      readonly running: number;
      readonly max: number;
      readonly pending: number;
    }
  | {
      readonly code: "queue_full";
      readonly queue: string;
      readonly running: number;
      readonly max: number;
      readonly pending: number;
    }
  | { readonly code: "slots_taken"; readonly pending: number };

type BlockerText = {
  /** A clause. */
  readonly what: string;
  /** What to do about it in a terminal, as an imperative; null if nothing. */
  readonly remedy: string | null;
};

/** Returns what stands in the way of a job's next run. `timeText` formats a time. */
export const blockerText = (blocker: Blocker, timeText: (at: number) => string): BlockerText => {
  switch (blocker.code) {
    case "storage":
      return only(`petit can't store runs, so it starts none: ${blocker.problems.join("; ")}`);
    case "stopped":
      return only("petit is starting or stopping");
    case "job_gone": {
      const since = blocker.since === null ? "" : ` since ${timeText(blocker.since)}`;
      return { what: `no job file defines the job any more${since}, so it can't run`, remedy: "put its file back" };
    }
    case "scheduler_paused": {
      const skipped = blocker.skippedSince === null ? "" : ` since ${timeText(blocker.skippedSince)} or earlier`;
      const since = blocker.since === null ? skipped : ` since ${timeText(blocker.since)}`;
      return {
        what: `the scheduler is paused${since}${personText(blocker.by)}: ${PAUSED}`,
        remedy: "run 'petit resume' to continue",
      };
    }
    case "job_paused": {
      const since = blocker.since === null ? "" : ` since ${timeText(blocker.since)}`;
      return {
        what: `the job is paused${since}${personText(blocker.by)}: ${PAUSED}`,
        remedy: `run 'petit resume ${blocker.jobId}' to continue`,
      };
    }
    case "job_disabled":
      return {
        what: "the job is disabled: its schedule is ignored, and its deliveries are skipped, but manual triggers work",
        remedy: `set 'enabled: true' in ${blocker.file}`,
      };
    case "file_broken":
      return only(`petit uses the job's last valid version, because its ${blocker.problem}`);
    case "trigger_failing":
      return only(blocker.problem);
    case "gate_shut":
      return only(`a gate is shut: ${blocker.why}`);
    case "hidden_gate_shut":
      return only("a gate is shut: it is on a job that you may not know of");
    case "max_concurrency": {
      const { running, max, pending } = blocker;
      const verb = running === 1 ? "is" : "are";
      return only(
        `max_concurrency is reached: ${running} of ${max} allowed runs of the job ${verb} running${waitingText(pending)}`,
      );
    }
    case "queue_full": {
      const { queue, running, max, pending } = blocker;
      const verb = running === 1 ? "is" : "are";
      const others = pending === 0 ? "" : `, and ${pending} ${pending === 1 ? "run waits" : "runs wait"} for one`;
      return only(`queue '${queue}' has no free place: ${running} of ${max} ${verb} taken${others}`);
    }
    case "slots_taken":
      return only(`all slots for runs (--max-jobs) are taken${waitingText(blocker.pending)}`);
    default:
      return assertNever(blocker);
  }
};

/** What a pause does, also to the events that reach petit. */
const PAUSED = "occurrences are skipped, but manual triggers work; deliveries are kept, or skipped by 'on_pause: skip'";

const personText = (by: string | null): string => (by === null ? "" : ` (by ${by})`);

const only = (what: string): BlockerText => ({ what, remedy: null });

const waitingText = (pending: number): string => {
  if (pending === 0) return "";
  return `, and ${pending} ${pending === 1 ? "run of the job waits" : "runs of the job wait"}`;
};
