import { Elysia, t } from "elysia";
import type { LineFilter } from "../../../store/output.ts";
import type { ApiContext } from "../../context.ts";
import { streamBody } from "../../events/response-body.ts";
import { ResumeHeaders, readLastEventId } from "../../events/sse.ts";
import { lineFilter, lineFilterFields } from "../../logs/filter.ts";
import { logStream, tailStart } from "../../logs/stream.ts";
import type { ApiStore } from "../../options.ts";
import { failures } from "../../shapes/failure.ts";
import { type LogFormat, LogText, selectLogFormat } from "../../shapes/log.ts";
import { exactly, flag, isOn, RunIdText, wholeNumber } from "../../shapes/schemas.ts";

const LogQuery = exactly({
  ...lineFilterFields,
  tail: t.Optional(wholeNumber({ minimum: 0, maximum: 1_000_000 }, "Only the last lines, this many")),
  timestamps: t.Optional(flag("True to put the time before each line of text; records always have it")),
  follow: t.Optional(flag("True to continue until the run ends")),
});

export const logRoutes = ({ engine, store, clock, log, closing, requests, authentication }: ApiContext) =>
  new Elysia().get(
    "/api/runs/:run_id/logs",
    ({ params, query, request }) => {
      const filter = lineFilter(store, params.run_id, query);
      const format = selectLogFormat(request.headers.get("accept"), isOn(query.timestamps));
      const fromSeq = firstSeq(store, { filter, format, tail: query.tail, resumeAfter: readLastEventId(request) });
      requests.keepOpen(request);
      const source = logStream({ engine, store, clock, format, filter, follow: isOn(query.follow), fromSeq });
      const ending = authentication.untilLogout(request, closing);
      return new Response(streamBody(source, ending, log), { headers: format.headers });
    },
    {
      params: exactly({ run_id: RunIdText }),
      query: LogQuery,
      headers: ResumeHeaders,
      response: { 200: LogText, ...failures("INVALID_REQUEST", "NOT_FOUND") },
      detail: {
        operationId: "getRunLogs",
        tags: ["runs"],
        summary: "Get or follow the output of a run",
        description:
          "Text has exactly the bytes that were written, in the order in which petit read them. With `Accept: application/x-ndjson` or " +
          "`text/event-stream`, each line is a LogRecord, and `Last-Event-ID` resumes after the line with that `seq`. With " +
          "`text/event-stream;chunks=base64`, each event has the bytes of several lines, as `base64` instead of `text`.",
      },
    },
  );

type StreamStart = {
  readonly filter: LineFilter;
  readonly format: LogFormat;
  readonly tail: string | number | undefined;
  readonly resumeAfter: number | null;
};

const firstSeq = (store: ApiStore, { filter, format, tail, resumeAfter }: StreamStart): number => {
  if (format.resumable && resumeAfter !== null) return resumeAfter + 1;
  return tail === undefined ? 1 : tailStart(store, filter, Number(tail));
};
