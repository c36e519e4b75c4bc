import { Elysia } from "elysia";
import type { ApiContext } from "../context.ts";
import type { EventFeed } from "../events/feed.ts";
import { streamBody } from "../events/response-stream.ts";
import { lastEventId, ResumeHeaders, SSE_HEADERS } from "../events/sse.ts";
import { eventStream } from "../events/stream.ts";
import { EventStream } from "../shapes/event.ts";
import { failures } from "../shapes/failure.ts";

export const eventRoutes = ({ clock, log, closing, requests }: ApiContext, feed: EventFeed) =>
  new Elysia().get(
    "/api/events",
    ({ request }) => {
      requests.keepOpen(request);
      // A number that is yet to come is of another database: what happens from now on is what there is to tell.
      const since = Math.min(lastEventId(request) ?? feed.newestSeq, feed.newestSeq);
      return new Response(streamBody(eventStream(feed, clock, since), closing, log), { headers: SSE_HEADERS });
    },
    {
      headers: ResumeHeaders,
      response: { 200: EventStream, ...failures() },
      detail: {
        operationId: "streamEvents",
        tags: ["scheduler"],
        summary: "What happens, as it happens",
        description:
          "Server-sent events. `Last-Event-ID` resumes after that event, with no gap and none twice; without it the stream " +
          "begins now. A comment every 15 s shows that it lives.",
      },
    },
  );
