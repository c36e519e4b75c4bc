import { t } from "elysia";

/** The text of one server-sent event. `data` becomes JSON, which has no line break. */
export const serverSentEvent = (event: {
  readonly id: number;
  readonly type?: string;
  readonly data: unknown;
}): string =>
  `id: ${event.id}\n${event.type === undefined ? "" : `event: ${event.type}\n`}data: ${JSON.stringify(event.data)}\n\n`;

/** A comment: sent first, so that a client has its headers at once, and then whenever it was silent for long. */
export const SSE_HEARTBEAT = new TextEncoder().encode(": petit\n\n");

export const SSE_HEADERS = { "content-type": "text/event-stream; charset=utf-8", "x-accel-buffering": "no" } as const;

export const ResumeHeaders = t.Object({
  "last-event-id": t.Optional(
    t.String({ description: "Id of the last record that was had: what comes after it is sent" }),
  ),
});

/** Where a client wants to go on: the `Last-Event-ID` it sends, null where it sends none or no number. */
export const lastEventId = (request: Request): number | null => {
  const text = request.headers.get("last-event-id");
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
};
