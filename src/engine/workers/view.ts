import type { WorkerAttempt, WorkerView } from "../../domain/workers/worker.ts";
import type { StoredWorker } from "../../store/workers/workers.ts";
import type { LiveAttempt } from "./live-attempt.ts";
import type { Presence } from "./presence.ts";

/** Returns the workers with what runs there. */
export const viewWorkers = (
  stored: readonly StoredWorker[],
  presence: Presence,
  attempts: Iterable<LiveAttempt>,
): readonly WorkerView[] => {
  const byWorker = Map.groupBy([...attempts].flatMap(claimed), ({ worker }) => worker);
  return stored.map((worker) => {
    const { name, labels, slots, version, protocol, address, firstSeenAt, lastContactAt, clockDifferenceMs } = worker;
    const state = presence.stateOf(worker);
    const contact = state === "refused" ? presence.contacts.get(name) : undefined;
    return {
      name,
      state,
      allowedTypes: presence.contacts.get(name)?.hello.allowedTypes ?? null,
      features: presence.contacts.get(name)?.hello.features,
      limits: presence.contacts.get(name)?.hello.limits,
      limitsGap: presence.contacts.get(name)?.hello.limitsGap,
      refused: contact?.refused ?? null,
      ...(contact?.refusedSince != null && { refusedSince: contact.refusedSince }),
      ...(contact?.hello.cannotStore !== undefined && { refusalDetail: contact.hello.cannotStore }),
      ...copyOf(presence.findCopy(name)),
      ...{ labels, slots, version, protocol, address, firstSeenAt, lastContactAt, clockDifferenceMs },
      isDraining: worker.drained || worker.draining,
      attempts: (byWorker.get(name) ?? []).map(({ attempt }) => attempt).toSorted((a, b) => a.claimedAt - b.claimedAt),
    };
  });
};

const copyOf = (copy: ReturnType<Presence["findCopy"]>): Pick<WorkerView, "copy"> =>
  copy === null ? {} : { copy: { address: copy.address, since: copy.since } };

const claimed = (live: LiveAttempt): readonly { readonly worker: string; readonly attempt: WorkerAttempt }[] => {
  const { claim, options } = live;
  if (claim === null) return [];
  const { attempt, context } = options;
  const { id: attemptId, runId, taskId, item } = attempt;
  const { jobId } = context.run;
  return [
    {
      worker: claim.worker,
      attempt: { attemptId, runId, jobId, taskId, item, attempt: attempt.attempt, claimedAt: claim.at },
    },
  ];
};
