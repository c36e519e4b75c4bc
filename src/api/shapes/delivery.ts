import { t } from "elysia";
import {
  DELIVERY_OUTCOMES,
  DELIVERY_SKIPS,
  DELIVERY_WAITS,
  type Delivery,
  type DeliveryFiles,
} from "../../domain/deliveries/delivery.ts";
import { EVENT_TRIGGER_TYPES } from "../../domain/deliveries/trigger.ts";
import { DELIVERY_OUTCOME_TEXT, DELIVERY_REASON_TEXT, deliveryText } from "../../domain/words/deliveries/delivery.ts";
import { Count, exactly, instant, instantOrNull, JobIdText, meanings, nullable, RunIdText, word } from "./schemas.ts";

export const DeliveryIdText = t.String({ description: "Id of a delivery" });

export const DeliveryOutcomeWord = word(DELIVERY_OUTCOMES, `What became of it. ${meanings(DELIVERY_OUTCOME_TEXT)}`);

export const DeliveryReasonOrNull = nullable(
  word([...DELIVERY_WAITS, ...DELIVERY_SKIPS]),
  `What it waits for, or why it was skipped; null otherwise. ${meanings(DELIVERY_REASON_TEXT)}`,
);

const fields = {
  id: DeliveryIdText,
  job_id: JobIdText,
  type: word(EVENT_TRIGGER_TYPES, "The type of the trigger"),
  trigger: nullable(t.String(), "The name of the trigger; null if it has none"),
  event_type: t.String({ description: "The provider's type of the event, or else that of the trigger" }),
  files: nullable(
    exactly(
      { count: Count, path: t.String({ description: "Absolute path of the first one" }) },
      { title: "DeliveryFiles", description: "Its files" },
    ),
    "The new files (`type: files`); null for other types, and without the event",
  ),
  provider_id: nullable(t.String(), "The provider's id of the delivery; null if it has none"),
  outcome: DeliveryOutcomeWord,
  reason: DeliveryReasonOrNull,
  problem: nullable(t.String(), "What is wrong with its params or the condition, as a sentence; null if nothing is"),
  run_id: nullable(RunIdText, "Its run, or that of the delivery that it was merged into; null if there is none"),
  merged_into: nullable(DeliveryIdText, "The newer delivery that it was merged into"),
  replay_of: nullable(DeliveryIdText, "The delivery that it repeats"),
  received_at: instant("When petit received it"),
  decided_at: instantOrNull("When its outcome was decided; null while it waits"),
};

const EXAMPLE = {
  id: "019b76da-a800-7c3e-8f2b-5d1c9a7e4f60",
  job_id: "deploy",
  type: "webhook",
  trigger: null,
  event_type: "push",
  files: null,
  provider_id: "72d3162e-cc78-11e3-81ab-4c9367dc0958",
  outcome: "fired",
  reason: null,
  problem: null,
  run_id: "019b76da-a800-7c3e-8f2b-5d1c9a7e4f61",
  merged_into: null,
  replay_of: null,
  received_at: 1767225600000,
  decided_at: 1767225600000,
} as const;

const DeliveryBody = exactly(fields, {
  title: "Delivery",
  description: "An event from outside that petit has accepted",
  examples: [EXAMPLE],
});

export const DeliveryDetail = exactly(
  {
    ...fields,
    event: t.Unknown({ description: "The event as a run gets it; null if it was deleted because of its age" }),
  },
  {
    title: "DeliveryDetail",
    description: "An event from outside that petit has accepted, with its body",
    examples: [{ ...EXAMPLE, event: { type: "push", body: { ref: "refs/heads/main" } } }],
  },
);

export const ReplayedDelivery = exactly(
  { message: t.String({ description: "What became of it, as a sentence" }), ...fields },
  {
    title: "ReplayedDelivery",
    description: "The new delivery",
    examples: [
      {
        message: `delivery ${EXAMPLE.id}: it has a run`,
        ...EXAMPLE,
        replay_of: "019b76da-a800-7c3e-8f2b-5d1c9a7e4f50",
      },
    ],
  },
);

/** Returns what became of a delivery, as a sentence. */
export const deliveryMessage = (delivery: Delivery): string => `delivery ${delivery.id}: ${deliveryText(delivery)}`;

export const DeliveryList = exactly(
  { deliveries: t.Array(DeliveryBody, { description: "Deliveries, newest first" }), count: Count },
  { title: "DeliveryList", description: "Deliveries" },
);

export const deliveryBody = (delivery: Delivery, files: DeliveryFiles | null): typeof DeliveryBody.static => ({
  id: delivery.id,
  job_id: delivery.jobId,
  type: delivery.type,
  trigger: delivery.trigger,
  event_type: delivery.eventType,
  files,
  provider_id: delivery.providerId,
  outcome: delivery.outcome,
  reason: delivery.reason,
  problem: delivery.problem,
  run_id: delivery.runId,
  merged_into: delivery.mergedInto,
  replay_of: delivery.replayOf,
  received_at: delivery.receivedAt,
  decided_at: delivery.decidedAt,
});

/** Returns a list of deliveries, given the files of some by id. */
export const deliveryList = (
  deliveries: readonly Delivery[],
  files: ReadonlyMap<string, DeliveryFiles>,
): typeof DeliveryList.static => ({
  deliveries: deliveries.map((each) => deliveryBody(each, files.get(each.id) ?? null)),
  count: deliveries.length,
});
