import type { Attention } from "../../domain/attention.ts";
import type { JobId } from "../../domain/ids.ts";
import type { Consequence } from "../../domain/inbox/consequence.ts";
import { entryId, type Keyed } from "../../domain/inbox/entry.ts";
import type { Job } from "../../domain/job.ts";

type FindJob = (jobId: JobId) => Job | null;

type Grouped<Item> = {
  /** The items that are no consequence of another one. */
  readonly causes: readonly Item[];
  /** By the id of the cause. */
  readonly consequences: ReadonlyMap<string, readonly Consequence[]>;
};

type Of<Kind extends Attention["kind"]> = Extract<Keyed, { readonly kind: Kind }>;

/** Groups what needs attention with its cause: a stuck or failed job, or one that waits for a person, for which others wait. */
export const groupByCause = <Item extends Keyed>(items: readonly Item[], findJob: FindJob): Grouped<Item> => {
  const causesOf = createCauses(items, findJob);
  const consequences = new Map<string, Consequence[]>();
  const causes: Item[] = [];
  for (const item of items) {
    const found = causesOf(item);
    if (found === null) causes.push(item);
    else consequences.set(found.causeId, [...(consequences.get(found.causeId) ?? []), found.consequence]);
  }
  return { causes, consequences };
};

/** Returns a function that finds the cause of an item. A cause is never a consequence of another one, so nothing is lost in a ring. */
const createCauses = (items: readonly Keyed[], findJob: FindJob) => {
  const failing = items.filter((item): item is Of<"job_failing"> => item.kind === "job_failing");
  const blocking = new Map<JobId, string>();
  for (const item of items)
    if ((item.kind === "run_stuck" || item.kind === "approval_needed") && !blocking.has(item.jobId))
      blocking.set(item.jobId, entryId(item));
  const waitedFor = new Map(blocking);
  for (const item of failing) if (!waitedFor.has(item.jobId)) waitedFor.set(item.jobId, entryId(item));
  const stuckInQueue = new Map<string, string>();
  for (const item of items) {
    const queue = item.kind === "run_stuck" ? findJob(item.jobId)?.queue : undefined;
    if (queue !== undefined && !stuckInQueue.has(queue)) stuckInQueue.set(queue, entryId(item));
  }

  return (item: Keyed): { readonly causeId: string; readonly consequence: Consequence } | null => {
    if (item.kind === "not_run_as_expected") {
      const { jobId, count } = item;
      if (jobId === null) return null;
      const isOverlap = item.newest === "overlap" || item.newest === "queue_full";
      const gates = item.newest === "dependency" ? (findJob(jobId)?.dependsOn ?? []) : [];
      const causeId = isOverlap
        ? blocking.get(jobId)
        : gates.map((gate) => waitedFor.get(gate.jobId)).find((id) => id !== undefined);
      if (causeId === undefined) return null;
      const reason = isOverlap ? "overlap" : "gate";
      return { causeId, consequence: { reason, jobId, runId: null, count } };
    }
    if (item.kind === "run_late" && item.cause === "slot") {
      const { jobId, runId, count } = item;
      const queue = findJob(jobId)?.queue;
      const causeId = blocking.get(jobId) ?? (queue === undefined ? undefined : stuckInQueue.get(queue));
      return causeId === undefined ? null : { causeId, consequence: { reason: "limit", jobId, runId, count } };
    }
    return null;
  };
};
