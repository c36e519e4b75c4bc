import { Elysia, t } from "elysia";
import { PetitError } from "../domain/errors.ts";
import type { TaskId } from "../domain/ids.ts";
import { STREAMS } from "../store/store.ts";
import type { ApiContext } from "./context.ts";
import { foundRun } from "./found.ts";
import { type LogFormat, LogText, logFormat } from "./log-shape.ts";
import { type LogFilter, logStream, tailStart } from "./log-stream.ts";
import type { ApiStore } from "./options.ts";
import { exactly, failures, flag, isOn, RunIdText, wholeNumber, word } from "./schemas.ts";
import { lastEventId, ResumeHeaders } from "./sse.ts";
import { streamBody } from "./stream.ts";

const LogQuery = exactly({
  task: t.Optional(t.String({ description: "Only of this task" })),
  attempt: t.Optional(wholeNumber({ minimum: 1, maximum: 1_000_000 }, "Only of attempts with this number")),
  stream: t.Optional(word(STREAMS, "Only of this stream")),
  tail: t.Optional(wholeNumber({ minimum: 0, maximum: 1_000_000 }, "Only so many of the last lines")),
  timestamps: t.Optional(flag("Whether text has the time before each line (records have it anyway)")),
  follow: t.Optional(flag("Whether to go on until the run ends")),
});

export const logRoutes = ({ engine, store, clock, log, closing, requests }: ApiContext) =>
  new Elysia().get(
    "/api/runs/:run_id/logs",
    ({ params, query, request }) => {
      const filter = logFilter(store, params.run_id, query);
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

/** Throws `not_found` where the run is not there, or has no such task. */
const logFilter = (store: ApiStore, runId: string, query: typeof LogQuery.static): LogFilter => {
  const run = foundRun(store, runId);
  return {
    runId: run.id,
    ...(query.task === undefined ? {} : { taskId: foundTask(store, run, query.task) }),
    ...(query.attempt === undefined ? {} : { attempt: Number(query.attempt) }),
    ...(query.stream === undefined ? {} : { stream: query.stream }),
  };
};

const foundTask = (store: ApiStore, run: ReturnType<typeof foundRun>, taskId: string): TaskId => {
  const task = store.listTaskRuns(run.id).find((each) => each.taskId === taskId);
  if (task === undefined) throw new PetitError("not_found", `run ${run.id} has no task '${taskId.slice(0, 130)}'`);
  return task.taskId;
};

type Start = {
  readonly filter: LogFilter;
  readonly format: LogFormat;
  readonly tail: string | number | undefined;
  readonly resumeAfter: number | null;
};

const firstSeq = (store: ApiStore, { filter, format, tail, resumeAfter }: Start): number => {
  if (format.resumable && resumeAfter !== null) return resumeAfter + 1;
  return tail === undefined ? 1 : tailStart(store, filter, Number(tail));
};
