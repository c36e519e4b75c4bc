import { t } from "elysia";
import { WORKER_REFUSAL_TEXT, WORKER_STATE_TEXT } from "../../../domain/words/worker.ts";
import { type Dispatch, isUnreachable, type WaitingLabels } from "../../../domain/workers/waiting.ts";
import { REFUSED_HELLOS, WORKER_STATES, type WorkerAttempt, type WorkerView } from "../../../domain/workers/worker.ts";
import { LimitsGapBody, WaitsForWorkerBody, waitsForWorkerBody } from "../limits/waits-for.ts";
import {
  Count,
  exactly,
  instant,
  instantOrNull,
  integer,
  JobIdText,
  meanings,
  nullable,
  RunIdText,
  TaskIdText,
  word,
} from "../schemas.ts";

const attemptFields = {
  run_id: RunIdText,
  job_id: JobIdText,
  task_id: TaskIdText,
  item: nullable(integer({ minimum: 0 }), "Position of the item, from 0; null if the task has no items"),
};

export const WorkerAttemptBody = exactly(
  {
    ...attemptFields,
    attempt: integer({ minimum: 1, description: "Number of the attempt, from 1" }),
    claimed_at: instant("When the worker claimed it"),
  },
  { title: "WorkerAttempt", description: "An attempt that a worker has claimed" },
);

const EXAMPLE = {
  name: "box7",
  state: "connected",
  refused: null,
  draining: false,
  labels: ["gpu", "zone=eu"],
  allowed_types: null,
  limits: ["memory", "cpus", "pids"],
  slots: 2,
  slots_used: 1,
  version: "0.1.0",
  protocol: 1,
  address: "10.0.0.7",
  first_seen_at: 1767225600000,
  last_contact_at: 1767225660000,
  unreachable_since: null,
  clock_difference_ms: 12,
  running: [
    {
      run_id: "019b76da-a800-7c3e-8f2b-5d1c9a7e4f60",
      job_id: "train",
      task_id: "fit",
      item: null,
      attempt: 1,
      claimed_at: 1767225600042,
    },
  ],
} as const;

export const WorkerBody = exactly(
  {
    name: t.String({ description: "Name of the worker, unique", examples: ["box7"] }),
    state: word(WORKER_STATES, meanings(WORKER_STATE_TEXT)),
    refused: nullable(
      word(REFUSED_HELLOS, meanings(WORKER_REFUSAL_TEXT)),
      "Why it gets no work; null if it is not refused",
    ),
    draining: t.Boolean({ description: "True if it was drained, or stops: it claims nothing more" }),
    labels: t.Array(t.String(), { description: "Its labels, sorted" }),
    allowed_types: nullable(
      t.Array(t.String()),
      "The types of tasks that it runs (`--allow-type`); null if it runs all, or if petit has not heard of it since its own start",
    ),
    limits: nullable(
      t.Array(t.String()),
      "The limits of tasks that it can enforce, of `memory`, `cpus` and `pids`; null if it does not say, because it is older, or if petit has not heard of it since its own start",
    ),
    limits_gap: t.Optional(LimitsGapBody),
    slots: integer({ minimum: 0, description: "Maximum of attempts that it runs at once" }),
    slots_used: integer({ minimum: 0, description: "Number of attempts that it has claimed" }),
    version: t.String({ description: "Version of petit there" }),
    protocol: integer({ minimum: 0, description: "Version of the messages between petit and the worker" }),
    address: t.String({ description: "Host name or address of its machine, as it says; may be empty" }),
    first_seen_at: instant("When it said hello for the first time"),
    last_contact_at: instant("When petit last heard of it"),
    unreachable_since: instantOrNull("When petit last heard of it, if it is unreachable or lost; otherwise null"),
    clock_difference_ms: nullable(
      integer(),
      "By how much its clock is ahead of petit's in ms, negative if it is behind; null if unknown. Nothing depends on it",
    ),
    running: t.Array(WorkerAttemptBody, { description: "The attempts that it has claimed, oldest first" }),
  },
  { title: "Worker", description: "A worker", examples: [EXAMPLE] },
);

const WaitingBody = exactly(
  {
    waits_for: WaitsForWorkerBody,
    count: integer({ minimum: 1, description: "Number of attempts that wait for such a worker" }),
    since: instant("Since when the first of them waits"),
    ...attemptFields,
  },
  {
    title: "WaitingForWorker",
    description: "Attempts that wait for the same workers. Run, job, task and item are those of the first",
  },
);

const NatsBody = exactly(
  {
    url: t.String({ description: "Address of NATS, without a password" }),
    connected: t.Boolean({ description: "True if petit is connected to it" }),
    since: instant("Since when that is so"),
    error: nullable(t.String(), "Why petit is not connected; null if it is, or if that is unknown"),
  },
  { title: "Nats", description: "petit's connection to NATS" },
);

export const WorkerList = exactly(
  {
    workers: t.Array(WorkerBody, { description: "Workers by name" }),
    count: Count,
    waiting: t.Array(WaitingBody, { description: "What waits for a worker, by labels; the longest first" }),
    nats: nullable(NatsBody, "Null if petit runs without workers, which is the case without `--nats`"),
  },
  {
    title: "WorkerList",
    examples: [
      {
        workers: [EXAMPLE],
        count: 1,
        waiting: [
          {
            waits_for: { code: "worker", labels: ["postgres"], type: null, connected: 0 },
            count: 1,
            since: 1767225600000,
            run_id: "019b76da-a800-7c3e-8f2b-5d1c9a7e4f61",
            job_id: "vacuum",
            task_id: "analyze",
            item: null,
          },
        ],
        nats: { url: "nats://nats:4222", connected: true, since: 1767225600000, error: null },
      },
    ],
  },
);

type Listed = {
  readonly workers: readonly WorkerView[];
  readonly waiting: readonly WaitingLabels[];
  /** Null without `--nats`. */
  readonly dispatch: Dispatch | null;
};

export const workerList = ({ workers, waiting, dispatch }: Listed): typeof WorkerList.static => ({
  workers: workers.map(workerBody),
  count: workers.length,
  waiting: waiting.map(waitingBody),
  nats: dispatch === null ? null : natsBody(dispatch),
});

export const workerBody = (worker: WorkerView): typeof WorkerBody.static => ({
  name: worker.name,
  state: worker.state,
  refused: worker.refused,
  draining: worker.isDraining,
  labels: [...worker.labels],
  allowed_types: worker.allowedTypes === null ? null : [...worker.allowedTypes],
  limits: worker.limits === undefined ? null : [...worker.limits],
  ...(worker.limitsGap !== undefined && { limits_gap: worker.limitsGap }),
  slots: worker.slots,
  slots_used: worker.attempts.length,
  version: worker.version,
  protocol: worker.protocol,
  address: worker.address,
  first_seen_at: worker.firstSeenAt,
  last_contact_at: worker.lastContactAt,
  unreachable_since: isUnreachable(worker) ? worker.lastContactAt : null,
  clock_difference_ms: worker.clockDifferenceMs === null ? null : Math.round(worker.clockDifferenceMs),
  running: worker.attempts.map(workerAttemptBody),
});

export const workerAttemptBody = (attempt: WorkerAttempt): typeof WorkerAttemptBody.static => ({
  ...nodeBody(attempt),
  attempt: attempt.attempt,
  claimed_at: attempt.claimedAt,
});

const waitingBody = ({ waitsFor, count, first }: WaitingLabels): typeof WaitingBody.static => ({
  waits_for: waitsForWorkerBody(waitsFor),
  count,
  since: first.since,
  ...nodeBody(first),
});

type NodeOfRun = Pick<WorkerAttempt, "runId" | "jobId" | "taskId" | "item">;

const nodeBody = ({ runId, jobId, taskId, item }: NodeOfRun) => ({
  run_id: runId,
  job_id: jobId,
  task_id: taskId,
  item,
});

const natsBody = ({ url, isConnected, since, error }: Dispatch): typeof NatsBody.static => ({
  url,
  connected: isConnected,
  since,
  error,
});
