import { t } from "elysia";
import type { Event } from "../../domain/event.ts";
import { EVENT_TYPES } from "../../domain/event.ts";
import { encodeServerSentEvent } from "../events/sse.ts";
import { exactly, instant, integer, JobIdText, RunIdText, TaskIdText } from "./schemas.ts";

const EventData = exactly(
  {
    seq: integer({
      minimum: 1,
      description: "Number of the event, and its id in the stream; increases strictly, also over restarts",
    }),
    at: instant("When it happened"),
    job_id: t.Optional(JobIdText),
    run_id: t.Optional(RunIdText),
    task_id: t.Optional(TaskIdText),
    item: t.Optional(integer({ minimum: 0, description: "Position of the item, from 0" })),
    worker: t.Optional(t.String({ description: "Name of the worker" })),
    entry_id: t.Optional(t.String({ description: "Id of the entry of what needs attention" })),
    by: t.Optional(
      t.String({
        description: "With `attention.changed`: the name of the token of the person who did it, or an address",
      }),
    ),
    status: t.Optional(t.String({ description: "The new status or the outcome" })),
    reason: t.Optional(t.String({ description: "Reason of the status or outcome" })),
  },
  { title: "EventData", description: "The `data` of a server-sent event; fields that do not apply are left out" },
);

const EXAMPLE = `id: 7\nevent: run.finished\ndata: {"seq":7,"at":1767225600042,"job_id":"hello_world","run_id":"019b76da-a800-7c3e-8f2b-5d1c9a7e4f60","status":"completed"}\n\n`;

export const EventStream = t.String({
  description: `Server-sent events of the types ${EVENT_TYPES.map((type) => `\`${type}\``).join(", ")}; \`data\` is an EventData`,
  "x-content": {
    "text/event-stream": {
      example: EXAMPLE,
      itemSchema: EventData,
      events: { title: "ServerSentEvent", types: EVENT_TYPES },
    },
  },
});

/** Encodes an event as a server-sent event. */
export const encodeEvent = (event: Event): string =>
  encodeServerSentEvent({ id: event.seq, type: event.type, data: eventData(event) });

const eventData = (event: Event): typeof EventData.static => ({
  seq: event.seq,
  at: event.at,
  ...(event.jobId === null ? {} : { job_id: event.jobId }),
  ...(event.runId === null ? {} : { run_id: event.runId }),
  ...(event.taskId === null ? {} : { task_id: event.taskId }),
  ...(event.item === undefined ? {} : { item: event.item }),
  ...(event.worker === undefined ? {} : { worker: event.worker }),
  ...(event.entry === undefined ? {} : { entry_id: event.entry }),
  ...(event.type === "attention.changed" && event.by !== undefined ? { by: event.by } : {}),
  ...(event.status === null ? {} : { status: event.status }),
  ...(event.reason === null ? {} : { reason: event.reason }),
});
