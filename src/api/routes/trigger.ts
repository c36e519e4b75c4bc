import { Elysia, status, t } from "elysia";
import { IDEMPOTENCY_KEY_PATTERN } from "../../domain/ids.ts";
import { isFinal } from "../../domain/run.ts";
import type { TriggeredRun } from "../../engine/engine.ts";
import type { ApiContext } from "../context.ts";
import { readJson } from "../guard/body.ts";
import { failures } from "../shapes/failure.ts";
import { RunBody, runBody } from "../shapes/run.ts";
import { exactly, JobIdText, RunIdText, wholeNumber } from "../shapes/schemas.ts";

/** Seconds. */
const MAX_WAIT = 300;

const TriggerBody = exactly(
  {
    params: t.Optional(
      t.Record(t.String(), t.Union([t.String(), t.Number(), t.Boolean()]), {
        description: "Values of the job's params, by name; numbers and booleans count as their JSON text",
      }),
    ),
  },
  { title: "TriggerRequest", description: "May be left out", examples: [{ params: { day: "2026-01-01" } }] },
);

/** What a request that made a run is told. */
export const MadeRun = exactly(
  {
    run_id: RunIdText,
    job_id: JobIdText,
    message: t.String({ description: "What was done, in a sentence" }),
    run: t.Optional(RunBody),
  },
  {
    title: "MadeRun",
    description: "A run that was made; `run` is given with `wait`, unless it was deleted since",
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

export const triggerRoutes = ({ engine, requests, closing }: ApiContext) =>
  new Elysia().post(
    "/api/jobs/:job_id/trigger",
    async ({ params, query, headers, body, request, set }) => {
      const key = headers["idempotency-key"];
      const run = await engine.trigger(params.job_id, {
        params: asText(body.params ?? {}),
        ...(key === undefined ? {} : { idempotencyKey: key }),
      });
      set.headers.location = runPath(run);
      if (query.wait === undefined || !("status" in run)) return madeRun(run);
      requests.keepOpen(request);
      const signal = AbortSignal.any([request.signal, closing]);
      const waited = await engine.waitForRun(run.id, { timeoutMs: Number(query.wait) * 1000, signal });
      const answer = { ...madeRun(run), run: runBody(waited) };
      return isFinal(waited.status) ? answer : status(202, answer);
    },
    {
      parse: readJson,
      params: exactly({ job_id: JobIdText }),
      query: exactly({
        wait: t.Optional(
          wholeNumber({ minimum: 0, maximum: MAX_WAIT }, "Seconds to wait for the run's end: 200 with it, else 202"),
        ),
      }),
      headers: t.Object({
        "idempotency-key": t.Optional(
          t.String({
            pattern: IDEMPOTENCY_KEY_PATTERN,
            description: "Names the request for 24 h: the same one again is answered with the same run",
            examples: ["deploy-2026-01-01"],
            "x-expected": "1 to 255 visible ASCII characters",
          }),
        ),
      }),
      body: TriggerBody,
      response: {
        200: MadeRun,
        202: MadeRun,
        ...failures(
          "INVALID_REQUEST",
          "NOT_FOUND",
          "CONFLICT",
          "PAYLOAD_TOO_LARGE",
          "TOO_MANY_REQUESTS",
          "SERVICE_UNAVAILABLE",
        ),
      },
      detail: {
        operationId: "triggerJob",
        tags: ["jobs"],
        summary: "Run a job now",
        description: "`Location` names the run. A job that is not enabled, and a paused petit, run it all the same.",
      },
    },
  );

export const runPath = (run: TriggeredRun): string => `/api/runs/${run.id}`;

const madeRun = (run: TriggeredRun): typeof MadeRun.static => ({
  run_id: run.id,
  job_id: run.jobId,
  message: `job '${run.jobId}' was triggered`,
});

const asText = (params: Readonly<Record<string, string | number | boolean>>): Record<string, string> =>
  Object.fromEntries(Object.entries(params).map(([name, value]) => [name, String(value)]));
