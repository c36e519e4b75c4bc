import { Elysia, status, t } from "elysia";
import { IDEMPOTENCY_KEY_PATTERN } from "../../domain/ids.ts";
import type { WaitsFor } from "../../domain/limits/waits-for.ts";
import { isFinal } from "../../domain/run.ts";
import { waitsForText } from "../../domain/words/waits-for.ts";
import type { TriggeredRun } from "../../engine/engine.ts";
import { parseTraceParent } from "../../lib/wire/trace-parent.ts";
import type { ApiContext } from "../context.ts";
import { readJson } from "../guard/body.ts";
import { waitOf } from "../runs/remote.ts";
import { failures } from "../shapes/failure.ts";
import { RunBody, runBody } from "../shapes/run.ts";
import { exactly, JobIdText, RunIdText, wholeNumber } from "../shapes/schemas.ts";

/** Maximum of `wait`, in seconds. */
const MAX_WAIT = 300;

const TriggerBody = exactly(
  {
    params: t.Optional(
      t.Record(t.String(), t.Union([t.String(), t.Number(), t.Boolean()]), {
        description: "Values of the job's params, by name; a number or a boolean is used as its JSON text",
      }),
    ),
  },
  { title: "TriggerRequest", description: "Optional", examples: [{ params: { day: "2026-01-01" } }] },
);

/** Answer of a request that started a run. */
export const StartedRun = exactly(
  {
    run_id: RunIdText,
    job_id: JobIdText,
    message: t.String({ description: "What petit did, as a sentence" }),
    run: t.Optional(RunBody),
  },
  {
    title: "StartedRun",
    description: "A run that was started; with `wait`, `run` is the run, unless it has been deleted",
    "x-headers": ["Location"],
    examples: [
      {
        run_id: "019b76da-a800-7c3e-8f2b-5d1c9a7e4f60",
        job_id: "hello_world",
        message: "job 'hello_world' was triggered",
      },
    ],
  },
);

export const triggerRoutes = ({ engine, requests, authentication, closing }: ApiContext) =>
  new Elysia().post(
    "/api/jobs/:job_id/trigger",
    async ({ params, query, headers, body, request, set }) => {
      const key = headers["idempotency-key"];
      const run = await engine.trigger(params.job_id, {
        params: paramTexts(body.params ?? {}),
        by: requests.actorOf(request),
        trace: parseTraceParent(headers.traceparent ?? null, headers.tracestate ?? null),
        ...(key === undefined ? {} : { idempotencyKey: key }),
      });
      set.headers.location = runPath(run);
      if (query.wait === undefined || !("status" in run)) return startedRun(run, engine.waitsFor(run.id));
      requests.keepOpen(request);
      const signal = AbortSignal.any([request.signal, authentication.untilLogout(request, closing)]);
      const waited = await engine.waitForRun(run.id, { timeoutMs: Number(query.wait) * 1000, signal });
      // The token may have been revoked meanwhile.
      authentication.identify(request);
      const answer = {
        ...startedRun(run, null),
        run: isFinal(waited.status) ? runBody(waited) : runBody(waited, waitOf(engine, waited)),
      };
      return isFinal(waited.status) ? answer : status(202, answer);
    },
    {
      parse: readJson,
      params: exactly({ job_id: JobIdText }),
      query: exactly({
        wait: t.Optional(
          wholeNumber(
            { minimum: 0, maximum: MAX_WAIT },
            "Seconds to wait for the end of the run; 202 if it has not ended by then",
          ),
        ),
      }),
      headers: t.Object({
        "idempotency-key": t.Optional(
          t.String({
            pattern: IDEMPOTENCY_KEY_PATTERN,
            description: "Makes the request safe to repeat: for 24 h, the same key returns the same run",
            examples: ["deploy-2026-01-01"],
            "x-expected": "1 to 255 visible ASCII characters",
          }),
        ),
        traceparent: t.Optional(
          t.String({
            description:
              "The span that the trace of the run continues (W3C Trace Context), if petit sends traces; ignored if it is not of that form",
            examples: ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
          }),
        ),
        tracestate: t.Optional(t.String({ description: "What tracing systems add to `traceparent`" })),
      }),
      body: TriggerBody,
      response: {
        200: StartedRun,
        202: StartedRun,
        ...failures("INVALID_REQUEST", "NOT_FOUND", "CONFLICT", "PAYLOAD_TOO_LARGE", "TOO_MANY_REQUESTS"),
      },
      detail: {
        operationId: "triggerJob",
        tags: ["jobs"],
        summary: "Run a job now",
        description:
          "`Location` is the path of the run. Works for a disabled or paused job and while the scheduler is paused.",
      },
    },
  );

export const runPath = (run: TriggeredRun): string => `/api/runs/${run.id}`;

const startedRun = (run: TriggeredRun, waitsFor: WaitsFor | null): typeof StartedRun.static => ({
  run_id: run.id,
  job_id: run.jobId,
  message: `job '${run.jobId}' was triggered${waitingText(waitsFor)}`,
});

/** Returns what a started run waits for, to continue a sentence. */
export const waitingText = (waitsFor: WaitsFor | null): string =>
  waitsFor === null ? "" : `; its run waits for ${waitsForText(waitsFor)}`;

/** Returns the params of a request as texts. */
export const paramTexts = (params: Readonly<Record<string, string | number | boolean>>): Record<string, string> =>
  Object.fromEntries(Object.entries(params).map(([name, value]) => [name, String(value)]));
