import { Elysia } from "elysia";
import { QUIET_HEADER } from "../../domain/event.ts";
import type { ApiContext } from "../context.ts";
import { type Feed, filteredFeed } from "../events/feed.ts";
import { streamBody } from "../events/response-body.ts";
import { ResumeHeaders, readLastEventId, SSE_HEADERS } from "../events/sse.ts";
import { eventStream } from "../events/stream.ts";
import { EventStream } from "../shapes/event.ts";
import { failures } from "../shapes/failure.ts";

export const eventRoutes = ({ clock, log, closing, requests, authentication }: ApiContext, feed: Feed) =>
  new Elysia().get(
    "/api/events",
    ({ request }) => {
      requests.keepOpen(request);
      // A number beyond the newest event comes from another database; the stream then starts with new events.
      const since = Math.min(readLastEventId(request) ?? feed.newestSeq, feed.newestSeq);
      const ending = authentication.untilLogout(request, closing);
      const { quietMs } = feed;
      const headers = quietMs === null ? SSE_HEADERS : { ...SSE_HEADERS, [QUIET_HEADER]: String(Math.floor(quietMs)) };
      const shown = requests.isFromAdmin(request) ? feed : filteredFeed(feed, (event) => !event.isForAdmins);
      return new Response(streamBody(eventStream(shown, clock, since), ending, log), { headers });
    },
    {
      headers: ResumeHeaders,
      response: { 200: EventStream, ...failures() },
      detail: {
        operationId: "streamEvents",
        tags: ["scheduler"],
        summary: "Stream events",
        description:
          "Server-sent events. `Last-Event-ID` resumes after that event, without gaps or duplicates; without it the stream " +
          "begins with the next event. An idle stream gets a comment every 15 s.",
      },
    },
  );
