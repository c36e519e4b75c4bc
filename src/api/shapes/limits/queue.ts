import { t } from "elysia";
import type { QueueState } from "../../../domain/limits/queue.ts";
import { Count, exactly, integer } from "../schemas.ts";

const QueueBody = exactly(
  {
    name: t.String({ description: "Name of the queue" }),
    limit: integer({ minimum: 1, description: "Maximum of concurrent runs of all jobs of the queue" }),
    running: integer({ minimum: 0, description: "Number of runs that hold a place" }),
    pending: integer({ minimum: 0, description: "Number of runs that wait" }),
  },
  { title: "Queue", description: "A queue" },
);

export const QueueList = exactly(
  { queues: t.Array(QueueBody, { description: "Queues by name" }), count: Count },
  { title: "QueueList" },
);

export const queueList = (queues: readonly QueueState[]): typeof QueueList.static => ({
  queues: queues.map((queue) => ({ ...queue })),
  count: queues.length,
});
