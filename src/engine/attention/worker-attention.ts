import type { Attention } from "../../domain/attention.ts";
import { type Dispatch, isUnreachable, type WaitingLabels, waitingByLabels } from "../../domain/workers/waiting.ts";
import type { WorkerView } from "../../domain/workers/worker.ts";
import type { Engine } from "../engine.ts";

/** The state of NATS and the workers. */
export type WorkerFacts = Pick<Engine, "dispatch" | "workers" | "listWorkerWaits">;

/**
 * Returns what needs attention about workers. While petit is not connected to NATS, it can't know which workers are connected, so the
 * lost connection is the only item.
 */
export const workerAttention = (facts: WorkerFacts): readonly Attention[] => {
  const { dispatch, workers } = facts;
  if (dispatch?.isConnected === false) return [natsAttention(dispatch)];
  return [
    ...workers.filter(isUnreachable).map(unreachableAttention),
    ...workers.flatMap(refusedAttention),
    ...waitingByLabels(facts.listWorkerWaits(), workers)
      .filter(({ waitsFor }) => waitsFor.connected === 0)
      .map(unservedAttention),
  ];
};

const unreachableAttention = ({ name: worker, state, lastContactAt: since, attempts }: WorkerView): Attention => ({
  kind: "worker_unreachable",
  worker,
  since,
  isLost: state === "lost",
  attempts,
});

const refusedAttention = ({
  name: worker,
  refused: reason,
  refusedSince,
  lastContactAt,
  refusalDetail,
}: WorkerView): readonly Attention[] =>
  reason === null
    ? []
    : [
        {
          kind: "worker_refused",
          worker,
          reason,
          since: refusedSince ?? lastContactAt,
          detail: refusalDetail ?? null,
        },
      ];

const unservedAttention = ({ waitsFor, count, first }: WaitingLabels): Attention => {
  const { jobId, runId, taskId, since } = first;
  const { labels, type, refused } = waitsFor;
  const shown = { labels, type, ...(refused !== undefined && { refused }) };
  return { kind: "no_worker", ...shown, count, jobId, runId, taskId, since };
};

const natsAttention = ({ url, since, error }: Dispatch): Attention => ({ kind: "nats_unreachable", url, since, error });
