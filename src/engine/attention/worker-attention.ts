import type { Attention } from "../../domain/attention.ts";
import {
  BLOCKERS,
  type Dispatch,
  isUnreachable,
  type WaitingLabels,
  waitingByLabels,
} from "../../domain/workers/waiting.ts";
import type { WorkerView } from "../../domain/workers/worker.ts";
import type { Engine } from "../engine.ts";

/** The state of NATS and the workers. */
export type WorkerFacts = Pick<Engine, "dispatch" | "workers" | "listWorkerWaits"> &
  Partial<Pick<Engine, "listBlockedAttempts">>;

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
    ...workers.flatMap(copyAttention),
    ...blockedAttention(facts),
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

const copyAttention = ({ name: worker, copy }: WorkerView): readonly Attention[] =>
  copy === undefined
    ? []
    : [{ kind: "worker_refused", worker, reason: "copied", since: copy.since, detail: `it is on ${copy.address}` }];

const unservedAttention = ({ waitsFor, count, first }: WaitingLabels): Attention => {
  const { jobId, runId, taskId, since } = first;
  const { code: _code, connected: _connected, blocked: _blocked, ...shown } = waitsFor;
  return { kind: "no_worker", ...shown, count, jobId, runId, taskId, since };
};

/** One item for each thing that blocks attempts. */
const blockedAttention = (facts: WorkerFacts): readonly Attention[] => {
  const all = facts.listBlockedAttempts?.() ?? [];
  return BLOCKERS.flatMap((by): readonly Attention[] => {
    const attempts = all
      .filter(({ blocked }) => blocked.by === by)
      .toSorted((a, b) => a.blocked.since - b.blocked.since);
    const problem = by === "nats" ? facts.dispatch?.problem : undefined;
    const [first] = attempts;
    const { since, detail: error } = first?.blocked ?? problem ?? { since: 0, detail: "" };
    if (first === undefined && problem === undefined) return [];
    const { jobId = null, runId = null, taskId = null } = first ?? {};
    return [{ kind: "transfer_blocked", by, since, error, count: attempts.length, jobId, runId, taskId }];
  });
};

const natsAttention = ({ url, since, error }: Dispatch): Attention => ({ kind: "nats_unreachable", url, since, error });
