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

const unservedAttention = ({ waitsFor, count, first }: WaitingLabels): Attention => {
  const { jobId, runId, taskId, since } = first;
  return { kind: "no_worker", labels: waitsFor.labels, type: waitsFor.type, count, jobId, runId, taskId, since };
};

const natsAttention = ({ url, since, error }: Dispatch): Attention => ({ kind: "nats_unreachable", url, since, error });
