import type { HealthReasonBody, HealthWord } from "../../api/shapes/health.ts";
import type { JobDetail } from "../../api/shapes/job.ts";
import type { QueueList } from "../../api/shapes/limits/queue.ts";
import type { OccurrenceList } from "../../api/shapes/occurrence.ts";
import type { RunBody } from "../../api/shapes/run.ts";
import type { SchedulerBody } from "../../api/shapes/scheduler.ts";

export type JobBody = typeof JobDetail.static;
export type OccurrenceFacts = (typeof OccurrenceList.static)["occurrences"][number];
export type RunFacts = typeof RunBody.static;

/** A gate of the job with the newest runs of the other job, newest first; null if that job no longer exists. */
export type GateFacts = { readonly gate: JobBody["depends_on"][number]; readonly runs: readonly RunFacts[] | null };

type QueueFacts = (typeof QueueList.static)["queues"][number];

/** When the scheduler was paused (ms since the Unix epoch), and by whom; null if it is not, or if that is unknown. */
type PauseFacts = { readonly at: number | null; readonly by: string | null };

/** Returns the pause of the scheduler. An older petit does not say when it began, nor who paused it. */
export const pauseFacts = ({
  paused_at = null,
  paused_by = null,
}: Partial<Pick<typeof SchedulerBody.static, "paused_at" | "paused_by">>): PauseFacts => ({
  at: paused_at,
  by: paused_by,
});

/** How many runs wait, and for what the first ones of them do. */
type Waiting = { readonly count: number; readonly waitsFor: readonly RunFacts["waits_for"][] };

/** Number of runs to read of an upstream job: enough to reconstruct a gate at the past occurrences. */
export const UPSTREAM_RUNS = 100;

/** What may stand in the way of a job's next run. */
export type BlockerFacts = {
  readonly job: JobBody;
  /** Runs of the job that wait for a place. */
  readonly waiting: Waiting;
  /** The queue of the job; null if it has none, or petit does not know it. */
  readonly queue: QueueFacts | null;
  /** Newest first. */
  readonly occurrences: readonly OccurrenceFacts[];
  readonly gates: readonly GateFacts[];
  /** What needs attention about the job. */
  readonly attention: readonly { readonly id: string; readonly kind: string; readonly message: string }[];
  readonly state: (typeof SchedulerBody.static)["state"];
  readonly pause: PauseFacts;
  /** Null if it is unknown. */
  readonly health: {
    readonly status: typeof HealthWord.static;
    readonly reasons: readonly (typeof HealthReasonBody.static)[];
  } | null;
};
