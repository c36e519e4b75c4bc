import { Elysia, t } from "elysia";
import type { LineFilter } from "../../store/output.ts";
import type { ApiContext } from "../context.ts";
import { streamBody } from "../events/response-stream.ts";
import { lastEventId, ResumeHeaders } from "../events/sse.ts";
import { lineFilter, lineFilterFields } from "../logs/filter.ts";
import { logStream, tailStart } from "../logs/stream.ts";
import type { ApiStore } from "../options.ts";
import { failures } from "../shapes/failure.ts";
import { type LogFormat, LogText, logFormat } from "../shapes/log.ts";
import { exactly, flag, isOn, RunIdText, wholeNumber } from "../shapes/schemas.ts";

const LogQuery = exactly({
  ...lineFilterFields,
  tail: t.Optional(wholeNumber({ minimum: 0, maximum: 1_000_000 }, "Only so many of the last lines")),
  timestamps: t.Optional(flag("Whether text has the time before each line (records have it anyway)")),
  follow: t.Optional(flag("Whether to go on until the run ends")),
});

export const logRoutes = ({ engine, store, clock, log, closing, requests }: ApiContext) =>
  new Elysia().get(
    "/api/runs/:run_id/logs",
    ({ params, query, request }) => {
      const filter = lineFilter(store, params.run_id, query);
      const format = logFormat(request.headers.get("accept"), isOn(query.timestamps));
      const fromSeq = firstSeq(store, { filter, format, tail: query.tail, resumeAfter: lastEventId(request) });
      requests.keepOpen(request);
      const source = logStream({ engine, store, clock, format, filter, follow: isOn(query.follow), fromSeq });
      return new Response(streamBody(source, closing, log), { headers: format.headers });
    },
    {
      params: exactly({ run_id: RunIdText }),
      query: LogQuery,
      headers: ResumeHeaders,
      response: { 200: LogText, ...failures("INVALID_REQUEST", "NOT_FOUND") },
      detail: {
        operationId: "getRunLogs",
        tags: ["runs"],
        summary: "The output of a run",
        description:
          "As text, its bytes as they were written, in the order they were seen, and nothing added. `Accept: application/x-ndjson` " +
          "or `text/event-stream` give a LogRecord a line; those can be resumed after the line whose `seq` `Last-Event-ID` gives. `text/event-stream;chunks=base64` gives the bytes " +
          "of several lines an event, as `base64` in the place of `text`.",
      },
    },
  );

type Start = {
  readonly filter: LineFilter;
  readonly format: LogFormat;
  readonly tail: string | number | undefined;
  readonly resumeAfter: number | null;
};

const firstSeq = (store: ApiStore, { filter, format, tail, resumeAfter }: Start): number => {
  if (format.resumable && resumeAfter !== null) return resumeAfter + 1;
  return tail === undefined ? 1 : tailStart(store, filter, Number(tail));
};
