import { t } from "elysia";
import { TASK_TYPES } from "../../../domain/job.ts";
import type { ActivityCounts } from "../../../domain/limits/activity.ts";
import { WAITING_CODES, type WaitingCode } from "../../../domain/limits/waiting-for.ts";
import { WAIT_CODES, type WaitsFor } from "../../../domain/limits/waits-for.ts";
import { BLOCKED_TEXT } from "../../../domain/words/attention.ts";
import { WAITING_TEXT } from "../../../domain/words/waiting-for.ts";
import { WORKER_REFUSAL_TEXT } from "../../../domain/words/worker.ts";
import { BLOCKERS } from "../../../domain/workers/waiting.ts";
import { ATTEMPT_REFUSALS, type WaitsForWorker } from "../../../domain/workers/worker.ts";
import { exactly, integer, meanings, nullable, word } from "../schemas.ts";

const PlaceBody = exactly(
  {
    code: word(
      WAIT_CODES,
      "`max_concurrency`: the limit of its job; `gates`: the gates of its job, for a run that another job started; `queue`: the limit of the queue of its job; `max_jobs`: the limit of all runs (`--max-jobs`)",
    ),
    queue: nullable(t.String(), "Name of the queue; null unless the code is `queue`"),
    limit: nullable(integer({ minimum: 1 }), "Maximum of concurrent runs; null for gates"),
    running: nullable(integer({ minimum: 0 }), "Number of runs that hold its places; null for gates"),
    ahead: integer({ minimum: 0, description: "Number of runs that wait for the same and come first" }),
  },
  { title: "WaitsForPlace", description: "The limit that keeps a run from starting or continuing" },
);

const OF_ATTEMPT = {
  lacks_features: "its version of petit does not know features that the task uses",
  lacks_limits: "it can't enforce limits of the task, which does not say `enforce: best_effort`",
} as const;

export const LimitsGapBody = exactly(
  {
    reason: t.String({ description: "Why, as a clause, such as `this machine has cgroup v1 for memory, cpu, pids`" }),
    advice: t.String({ description: "What to do about it" }),
  },
  { description: "Why a worker can't enforce limits, as it says; missing if it can, or does not say" },
);

export const RefusedWorkersBody = t.Optional(
  t.Array(
    exactly({
      worker: t.String({ description: "Name of the worker" }),
      reason: word(ATTEMPT_REFUSALS, meanings({ ...WORKER_REFUSAL_TEXT, ...OF_ATTEMPT })),
      lacks: t.Optional(t.Array(t.String(), { description: "These features, or limits; missing with another reason" })),
      gap: t.Optional(LimitsGapBody),
    }),
    {
      description:
        "The workers that would fit, and get no work, lack features, or can't enforce limits; missing if there are none",
    },
  ),
);

export const DrainedWorkersBody = t.Optional(
  t.Array(t.String(), {
    description: "Names of the connected workers that would fit, and are drained; missing if there are none",
  }),
);

export const WaitsForWorkerBody = exactly(
  {
    code: t.Literal("worker"),
    labels: t.Array(t.String(), { description: "The labels that the worker must have, sorted" }),
    type: nullable(
      word(TASK_TYPES),
      "The type of the task, which the worker must allow too; null if all connected workers with the labels allow it",
    ),
    connected: integer({
      minimum: 0,
      description: "Number of connected workers that fit; with 0, the task can't start before one connects",
    }),
    refused: RefusedWorkersBody,
    blocked: t.Optional(
      exactly(
        {
          by: word(BLOCKERS, meanings(BLOCKED_TEXT)),
          detail: t.String({ description: "What NATS or the system says" }),
          worker: nullable(t.String(), "The worker that has the attempt, which has ended there; null if none has it"),
        },
        {
          description:
            "What keeps the attempt from reaching a worker, or its end from reaching petit; missing if nothing does",
        },
      ),
    ),
    drained: DrainedWorkersBody,
  },
  { title: "WaitsForWorker", description: "A task can't start before a worker claims it" },
);

export const WaitsForOrNull = t.Union([PlaceBody, WaitsForWorkerBody, t.Null()], {
  description:
    "What a `pending` run waits for, or a running one that wants its place back, or that only waits for workers; null if nothing keeps it",
});

export const WaitingForOrNull = nullable(
  word(WAITING_CODES, meanings(WAITING_TEXT)),
  "What it only waits for, while nothing of it is executing; null if something is, or is about to, and if it has ended",
);

const waitingCount = (code: WaitingCode) =>
  t.Optional(integer({ minimum: 0, description: `Number of runs that wait for ${WAITING_TEXT[code]}` }));

export const WaitingCountsBody = exactly(
  {
    queue: waitingCount("queue"),
    gates: waitingCount("gates"),
    approval: waitingCount("approval"),
    worker: waitingCount("worker"),
    child: waitingCount("child"),
    retry: waitingCount("retry"),
  } satisfies Record<WaitingCode, unknown>,
  {
    title: "WaitingCounts",
    description:
      "How many of the running and the pending runs execute nothing, by what they wait for (see `waiting_for` of a run); without those for which none waits",
  },
);

/** Encodes what unfinished runs do. */
export const activityBody = ({ running, pending, executing, waiting }: ActivityCounts) => ({
  running,
  pending,
  executing,
  waiting: { ...waiting },
});

/** Encodes what a run waits for. */
export const waitsForBody = (waitsFor: WaitsFor | WaitsForWorker | null): typeof WaitsForOrNull.static =>
  waitsFor?.code === "worker" ? waitsForWorkerBody(waitsFor) : waitsFor === null ? null : { ...waitsFor };

/** Encodes what a task waits for. */
export const waitsForWorkerBody = ({
  labels,
  refused,
  blocked,
  drained,
  ...waitsFor
}: WaitsForWorker): typeof WaitsForWorkerBody.static => ({
  ...waitsFor,
  labels: [...labels],
  ...refusedBody(refused),
  ...(blocked !== undefined && { blocked }),
  ...drainedBody(drained),
});

export const drainedBody = (drained: WaitsForWorker["drained"]) =>
  drained === undefined ? {} : { drained: [...drained] };

export const refusedBody = (refused: WaitsForWorker["refused"]) =>
  refused === undefined
    ? {}
    : {
        refused: refused.map(({ lacks, gap, ...refusal }) => ({
          ...refusal,
          ...(gap !== undefined && { gap }),
          ...(lacks !== undefined && { lacks: [...lacks] }),
        })),
      };
