import { t } from "elysia";
import { LISTED_QUEUE_RUNS, type QueueRun, type QueueRuns, type QueueState } from "../../../domain/limits/queue.ts";
import { Count, exactly, integer, JobIdText, RunIdText } from "../schemas.ts";

const QueueRunList = (description: string) =>
  t.Optional(
    t.Array(exactly({ run_id: RunIdText, job_id: JobIdText }, { title: "QueueRun" }), {
      maxItems: LISTED_QUEUE_RUNS,
      description: `${description}, at most ${LISTED_QUEUE_RUNS}; missing without \`runs\``,
    }),
  );

const QueueBody = exactly(
  {
    name: t.String({ description: "Name of the queue" }),
    limit: integer({ minimum: 1, description: "Maximum of concurrent runs of all jobs of the queue" }),
    running: integer({ minimum: 0, description: "Number of runs that have a slot" }),
    pending: integer({ minimum: 0, description: "Number of runs that wait" }),
    holders: QueueRunList("The runs that have a slot, the longest first"),
    waiters: QueueRunList("The runs that wait for one, the next first"),
  },
  { title: "Queue", description: "A queue" },
);

export const QueueList = exactly(
  { queues: t.Array(QueueBody, { description: "Queues by name" }), count: Count },
  { title: "QueueList" },
);

/** Encodes queues, with their runs if `runsOf` is given. */
export const queueList = (
  queues: readonly QueueState[],
  runsOf: ((name: string) => QueueRuns) | null,
): typeof QueueList.static => ({
  queues: queues.map((queue) => ({ ...queue, ...(runsOf !== null && queueRunsBody(runsOf(queue.name))) })),
  count: queues.length,
});

const queueRunsBody = ({ holding, waiting }: QueueRuns) => ({
  holders: holding.map(queueRunBody),
  waiters: waiting.map(queueRunBody),
});

const queueRunBody = ({ runId, jobId }: QueueRun) => ({ run_id: runId, job_id: jobId });
