import { Elysia, status, t } from "elysia";
import { PARALLEL } from "../../domain/backfill/backfill.ts";
import { backfillNotFound } from "../../domain/refusal.ts";
import type { BackfillChange, BackfillRequest } from "../../engine/backfill/request.ts";
import { noteNoAction } from "../../store/people/audit-scope.ts";
import type { ApiContext } from "../context.ts";
import { readJson } from "../guard/body.ts";
import {
  BackfillBody,
  BackfillIdText,
  BackfillList,
  BackfillPlanBody,
  BackfillRequestBody,
  backfillBody,
  backfillPlanBody,
} from "../shapes/backfill.ts";
import { failures } from "../shapes/failure.ts";
import { exactly, JobIdText, wholeNumber } from "../shapes/schemas.ts";
import { requireJob } from "./require.ts";
import { paramTexts } from "./trigger.ts";

const DEFAULT_LIMIT = 20;

const BackfillParams = exactly({ backfill_id: BackfillIdText });

export const backfillRoutes = ({ engine, store, requests }: ApiContext) => {
  const change = async (how: BackfillChange, backfillId: string, request: Request) =>
    backfillBody(await engine.changeBackfill(backfillId, how, requests.actorOf(request)));
  return new Elysia()
    .get(
      "/api/backfills",
      ({ query: { job_id: jobId, limit, before } }) => {
        if (before !== undefined && store.backfills.find(before) === null) throw backfillNotFound(before);
        const backfills = store.backfills
          .list({
            limit: Number(limit ?? DEFAULT_LIMIT),
            ...(before !== undefined && { before }),
            ...(jobId !== undefined && { jobId: requireJob(engine, jobId).job.id }),
          })
          .map(backfillBody);
        return { backfills, count: backfills.length };
      },
      {
        query: exactly({
          job_id: t.Optional(JobIdText),
          limit: t.Optional(wholeNumber({ minimum: 1, maximum: 1000, default: DEFAULT_LIMIT }, "Maximum of backfills")),
          before: t.Optional(t.String({ description: "Only backfills older than the one with this id" })),
        }),
        response: { 200: BackfillList, ...failures("INVALID_REQUEST", "NOT_FOUND") },
        detail: { operationId: "listBackfills", tags: ["backfills"], summary: "List backfills" },
      },
    )
    .post(
      "/api/backfills",
      async ({ body, request, set }) => {
        const asked = requestOf(body, requests.actorOf(request));
        if (body.dry_run === true) {
          noteNoAction();
          return backfillPlanBody(await engine.planBackfill(asked));
        }
        const backfill = await engine.createBackfill(asked);
        set.headers.location = `/api/backfills/${backfill.id}`;
        return status(201, backfillBody(backfill));
      },
      {
        parse: readJson,
        body: BackfillRequestBody,
        response: {
          200: BackfillPlanBody,
          201: BackfillBody,
          ...failures("INVALID_REQUEST", "NOT_FOUND", "CONFLICT", "PAYLOAD_TOO_LARGE"),
        },
        detail: {
          operationId: "createBackfill",
          tags: ["backfills"],
          summary: "Run a job for occurrences of the past",
          description:
            "Makes a run for each occurrence of the job's schedule in the range, a few at once, after all other runs. `GET /api/runs` lists " +
            "them with `backfill_id`. With `dry_run`, the answer is 200 with what would run.",
        },
      },
    )
    .get(
      "/api/backfills/:backfill_id",
      ({ params }) => {
        const backfill = store.backfills.find(params.backfill_id);
        if (backfill === null) throw backfillNotFound(params.backfill_id);
        return backfillBody(backfill);
      },
      {
        params: BackfillParams,
        response: { 200: BackfillBody, ...failures("NOT_FOUND") },
        detail: { operationId: "getBackfill", tags: ["backfills"], summary: "Show a backfill with its progress" },
      },
    )
    .post(
      "/api/backfills/:backfill_id/pause",
      ({ params, request }) => change("pause", params.backfill_id, request),
      changeOptions("pause", {
        summary: "Pause a backfill",
        description: "It makes no more runs until it is resumed. Runs that it has made go on.",
      }),
    )
    .post(
      "/api/backfills/:backfill_id/resume",
      ({ params, request }) => change("resume", params.backfill_id, request),
      changeOptions("resume", { summary: "Resume a backfill", description: "It goes on to make runs." }),
    )
    .post(
      "/api/backfills/:backfill_id/cancel",
      ({ params, request }) => change("cancel", params.backfill_id, request),
      changeOptions("cancel", {
        summary: "Cancel a backfill",
        description: "It makes no more runs, and those that have not ended are cancelled.",
      }),
    );
};

type Texts = { readonly summary: string; readonly description: string };

const changeOptions = (how: BackfillChange, texts: Texts) => ({
  parse: readJson,
  params: BackfillParams,
  response: { 200: BackfillBody, ...failures("INVALID_REQUEST", "NOT_FOUND", "CONFLICT", "PAYLOAD_TOO_LARGE") },
  detail: { operationId: `${how}Backfill`, tags: ["backfills"], ...texts },
});

const requestOf = (body: typeof BackfillRequestBody.static, by: string | null): BackfillRequest => ({
  jobId: body.job_id,
  from: String(body.from),
  to: String(body.to),
  existing: body.existing ?? "skip",
  parallel: Number(body.parallel ?? PARALLEL.default),
  params: paramTexts(body.params ?? {}),
  newestFirst: body.newest_first ?? false,
  by,
});
