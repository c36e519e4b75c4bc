import { t } from "elysia";

/** Encodes one server-sent event. `data` becomes JSON, which contains no line break. */
export const encodeServerSentEvent = (event: {
  readonly id: number;
  readonly type?: string;
  readonly data: unknown;
}): string =>
  `id: ${event.id}\n${event.type === undefined ? "" : `event: ${event.type}\n`}data: ${JSON.stringify(event.data)}\n\n`;

/** A comment. It is sent first, so that the client gets the headers immediately, and whenever the stream was idle for long. */
export const SSE_HEARTBEAT = new TextEncoder().encode(": petit\n\n");

export const SSE_HEADERS = { "content-type": "text/event-stream; charset=utf-8", "x-accel-buffering": "no" } as const;

export const ResumeHeaders = t.Object({
  "last-event-id": t.Optional(
    t.String({ description: "Id of the last record that the client received; the stream continues after it" }),
  ),
});

/** Returns the `Last-Event-ID` of a request, or null if it is missing or not a number. */
export const readLastEventId = (request: Request): number | null => {
  const text = request.headers.get("last-event-id");
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
};
