import { Elysia, status, t } from "elysia";
import type { WebhookResult } from "../../../engine/deliveries/result.ts";
import { assertNever } from "../../../lib/never.ts";
import type { ApiContext } from "../../context.ts";
import { ApiError } from "../../errors.ts";
import { readJson } from "../../guard/body.ts";
import { HookLimits } from "../../guard/hook-limits.ts";
import { DeliveryOutcomeWord, DeliveryReasonOrNull, deliveryMessage } from "../../shapes/delivery.ts";
import { failures } from "../../shapes/failure.ts";
import { exactly, JobIdText, nullable, RunIdText } from "../../shapes/schemas.ts";

/** The answer for a webhook that petit has accepted, or had accepted before. */
const AcceptedHook = exactly(
  {
    delivery_id: t.String({ description: "The id of the delivery in petit" }),
    outcome: DeliveryOutcomeWord,
    run_id: nullable(RunIdText, "Its run; null if it has none yet, or gets none"),
  },
  {
    title: "AcceptedHook",
    description: "A webhook that petit has stored",
    examples: [
      {
        delivery_id: "019b76da-a800-7c3e-8f2b-5d1c9a7e4f60",
        outcome: "fired",
        run_id: "019b76da-a800-7c3e-8f2b-5d1c9a7e4f61",
      },
    ],
  },
);

const TestedHook = exactly(
  {
    message: t.String({ description: "What became of it, as a sentence" }),
    delivery_id: t.String({ description: "The id of the delivery in petit" }),
    outcome: DeliveryOutcomeWord,
    reason: DeliveryReasonOrNull,
    problem: nullable(t.String(), "What is wrong with its params or the condition; null if nothing is"),
    run_id: nullable(RunIdText, "Its run; null if it has none yet, or gets none"),
  },
  { title: "TestedHook", description: "A webhook that petit has signed and stored" },
);

const Handshake = exactly(
  {
    message: t.String({ description: "What petit did, as a sentence" }),
    challenge: t.Optional(t.String({ description: "What Slack has sent and expects back" })),
  },
  {
    title: "HookHandshake",
    description: "The provider tests the address; no run is started",
    examples: [{ message: "the webhook is set up" }],
  },
);

const JobsHookAccepted = exactly(
  { message: t.String({ description: "What petit does, as a sentence" }) },
  { title: "AcceptedJobsHook" },
);

const HookTestBody = exactly(
  {
    name: t.Optional(nullable(t.String(), "The name of the webhook; null for the one without a name")),
    event_type: t.Optional(
      nullable(
        t.String({ pattern: "^[ -~]{1,128}$" }),
        "The provider's type of the event, where a header has it; null for the usual one",
      ),
    ),
    body: t.String({ description: "The body of the event, such as JSON" }),
  },
  { title: "HookTest", examples: [{ event_type: "push", body: '{"ref": "refs/heads/main"}' }] },
);

/** The path begins with this. Requests below it need no token: the signature authenticates them. */
export const HOOKS_PATH = "/api/hooks/";

export const hookRoutes = ({ engine, repository, clock, requests, closing }: ApiContext) => {
  const limits = new HookLimits(clock);
  const receive = async (request: Request, jobId: string, name: string | null) => {
    if (!engine.hasWebhook(jobId, name)) throw noHook();
    const sender = { address: requests.addressOf(request), hook: `${jobId}/${name ?? ""}`, signal: closing };
    const result = await limits.receive(request, sender, (body) =>
      engine.receiveWebhook(jobId, name, { headers: request.headers, body }),
    );
    return answerOf(result);
  };
  const receiveForJobs = async (request: Request) => {
    if (repository === null) throw noHook();
    const sender = { address: requests.addressOf(request), hook: "_jobs", signal: closing };
    const result = await limits.receive(request, sender, (body) =>
      repository.receiveHook({ headers: request.headers, body }),
    );
    switch (result) {
      case "unknown":
        throw noHook();
      case "refused":
        throw refusedHook();
      case "handshake":
        return { message: "the webhook is set up" };
      case "accepted":
        return status(202, { message: "petit fetches the repository" });
      default:
        return assertNever(result);
    }
  };
  const answers = {
    parse: "none",
    response: {
      200: t.Union([AcceptedHook, Handshake], {
        description: "petit has accepted this delivery before, or the provider only tests the address",
      }),
      202: AcceptedHook,
      ...failures("INVALID_REQUEST", "NOT_FOUND", "REQUEST_TIMEOUT", "PAYLOAD_TOO_LARGE"),
    },
  } as const;
  const detail = {
    tags: ["hooks"],
    description:
      "For the sender that the `webhook` trigger of the job names: it needs no token of petit, but its own signature. 202 for a new delivery, 200 for one that was accepted before and for a test of the address.",
  };
  return new Elysia()
    .post("/api/hooks/_jobs", ({ request }) => receiveForJobs(request), {
      parse: "none",
      response: {
        200: Handshake,
        202: JobsHookAccepted,
        ...failures("INVALID_REQUEST", "NOT_FOUND", "REQUEST_TIMEOUT", "PAYLOAD_TOO_LARGE"),
      },
      detail: {
        tags: ["hooks"],
        operationId: "receiveJobsWebhook",
        summary: "Say that the repository of the job files has something new",
        description:
          "For the sender that `jobs.git.webhook` of the configuration names: it needs no token of petit, but its own signature. 202: petit fetches the " +
          "repository. 200 for a test of the address. `GET /api/job-repository` says what became of it.",
      },
    })
    .post("/api/hooks/:job_id", ({ request, params }) => receive(request, params.job_id, null), {
      ...answers,
      params: exactly({ job_id: JobIdText }),
      detail: { ...detail, operationId: "receiveWebhook", summary: "Send a webhook to a job" },
    })
    .post("/api/hooks/:job_id/:name", ({ request, params }) => receive(request, params.job_id, params.name), {
      ...answers,
      params: exactly({ job_id: JobIdText, name: t.String({ description: "The name of the trigger" }) }),
      detail: { ...detail, operationId: "receiveNamedWebhook", summary: "Send a webhook to a trigger of a job" },
    })
    .post(
      "/api/jobs/:job_id/hooks/test",
      async ({ params, request, body: { name = null, event_type: eventType = null, body } }) => {
        const test = { name, eventType, body: new TextEncoder().encode(body), by: requests.actorOf(request) };
        const result = await engine.testWebhook(params.job_id, test);
        if (result.kind !== "accepted") return handshakeOf(result);
        const { id, outcome, reason, problem, runId } = result.delivery;
        return { message: deliveryMessage(result.delivery), delivery_id: id, outcome, reason, problem, run_id: runId };
      },
      {
        parse: readJson,
        params: exactly({ job_id: JobIdText }),
        body: HookTestBody,
        response: {
          200: t.Union([TestedHook, Handshake], { description: "What became of the webhook" }),
          ...failures("INVALID_REQUEST", "NOT_FOUND", "CONFLICT", "PAYLOAD_TOO_LARGE"),
        },
        detail: {
          operationId: "testWebhook",
          tags: ["hooks"],
          summary: "Send a webhook to a job as a test",
          description:
            "petit signs the body with the secret of the webhook, and receives it as it would receive one of the provider.",
        },
      },
    );
};

/** Returns the answer to a webhook. Throws `NOT_FOUND` and `UNAUTHORIZED`. */
const answerOf = (result: WebhookResult) => {
  if (result.kind !== "accepted") return handshakeOf(result);
  const { id, outcome, runId } = result.delivery;
  const answer = { delivery_id: id, outcome, run_id: runId };
  return result.isNew ? status(202, answer) : answer;
};

const handshakeOf = (result: Exclude<WebhookResult, { readonly kind: "accepted" }>): typeof Handshake.static => {
  switch (result.kind) {
    case "unknown":
      throw noHook();
    case "refused":
      throw refusedHook();
    case "handshake":
      return {
        message: "the webhook is set up",
        ...(result.challenge !== null && { challenge: result.challenge }),
      };
    default:
      return assertNever(result);
  }
};

const refusedHook = (): ApiError => new ApiError("UNAUTHORIZED", "the signature or the token is missing or wrong");

/** The same for a job that is unknown, gone, or without such a webhook. */
const noHook = (): ApiError => new ApiError("NOT_FOUND", "there is no such webhook");
