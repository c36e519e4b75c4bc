import { Elysia, t } from "elysia";
import { DELIVERY_OUTCOMES, type Delivery } from "../../../domain/deliveries/delivery.ts";
import { deliveryNotFound } from "../../../domain/refusal.ts";
import { parseExactly } from "../../../lib/json.ts";
import type { ApiContext } from "../../context.ts";
import { readJson } from "../../guard/body.ts";
import {
  DeliveryDetail,
  DeliveryIdText,
  DeliveryList,
  deliveryBody,
  deliveryList,
  deliveryMessage,
  ReplayedDelivery,
} from "../../shapes/delivery.ts";
import { failures } from "../../shapes/failure.ts";
import { exactly, flag, isOn, JobIdText, wholeNumber, word } from "../../shapes/schemas.ts";
import { requireJob } from "../require.ts";

const ListQuery = exactly({
  limit: t.Optional(wholeNumber({ minimum: 1, maximum: 1000, default: 20 }, "Maximum of deliveries")),
  before: t.Optional(t.String({ description: "Only deliveries older than the one with this id" })),
  outcome: t.Optional(word(DELIVERY_OUTCOMES, "Only deliveries with this outcome")),
  unreplayed: t.Optional(flag("True for deliveries that are no replays, and that no replay has run")),
  since: t.Optional(
    wholeNumber(
      { minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
      "Only deliveries received at this time or later, in ms since the Unix epoch",
    ),
  ),
});

type ListQueryValues = typeof ListQuery.static;

export const deliveryRoutes = ({ engine, store, requests }: ApiContext) => {
  const list = (
    { limit, before, outcome, since, unreplayed }: ListQueryValues,
    jobId?: ReturnType<typeof requireJob>,
  ) => {
    if (before !== undefined && store.deliveries.find(before) === null) throw deliveryNotFound(before);
    const deliveries = store.deliveries.list({
      limit: Number(limit ?? 20),
      ...(before !== undefined && { before }),
      ...(outcome !== undefined && { outcome }),
      unreplayed: isOn(unreplayed),
      ...(since !== undefined && { since: Number(since) }),
      ...(jobId !== undefined && { jobId: jobId.job.id }),
    });
    return deliveryList(deliveries, store.deliveries.listFiles(deliveries));
  };
  const bodyOf = (delivery: Delivery) =>
    deliveryBody(delivery, store.deliveries.listFiles([delivery]).get(delivery.id) ?? null);
  return new Elysia()
    .get("/api/deliveries", ({ query }) => list(query), {
      query: ListQuery,
      response: { 200: DeliveryList, ...failures("INVALID_REQUEST", "NOT_FOUND") },
      detail: { operationId: "listDeliveries", tags: ["hooks"], summary: "List deliveries of all jobs" },
    })
    .get("/api/jobs/:job_id/deliveries", ({ params, query }) => list(query, requireJob(engine, params.job_id)), {
      params: exactly({ job_id: JobIdText }),
      query: ListQuery,
      response: { 200: DeliveryList, ...failures("INVALID_REQUEST", "NOT_FOUND") },
      detail: { operationId: "listJobDeliveries", tags: ["hooks"], summary: "List the deliveries to a job" },
    })
    .get(
      "/api/deliveries/:delivery_id",
      ({ params }) => {
        const delivery = store.deliveries.find(params.delivery_id);
        if (delivery === null) throw deliveryNotFound(params.delivery_id);
        const event = store.deliveries.findEvent(delivery.id);
        return { ...bodyOf(delivery), event: event === null ? null : parseExactly(event) };
      },
      {
        params: exactly({ delivery_id: DeliveryIdText }),
        response: { 200: DeliveryDetail, ...failures("NOT_FOUND") },
        detail: { operationId: "getDelivery", tags: ["hooks"], summary: "Show a delivery with its event" },
      },
    )
    .post(
      "/api/deliveries/:delivery_id/replay",
      async ({ params, request }) => {
        const delivery = await engine.replayDelivery(params.delivery_id, requests.actorOf(request));
        return { message: deliveryMessage(delivery), ...bodyOf(delivery) };
      },
      {
        parse: readJson,
        params: exactly({ delivery_id: DeliveryIdText }),
        response: {
          200: ReplayedDelivery,
          ...failures("INVALID_REQUEST", "NOT_FOUND", "CONFLICT", "PAYLOAD_TOO_LARGE"),
        },
        detail: {
          operationId: "replayDelivery",
          tags: ["hooks"],
          summary: "Start a run of a delivery again",
          description:
            "The new delivery has the event of the first one. `events`, `if`, `debounce` and a pause do not hold it back.",
        },
      },
    );
};
