import { t } from "elysia";
import {
  DELIVERY_EVENTS,
  DELIVERY_STATUSES,
  NOTIFY_TYPES,
  type NotifyTarget,
  receiverText,
} from "../../domain/notification.ts";
import { jobOfDelivery } from "../../domain/review/digest.ts";
import type { NotifyTest } from "../../engine/notify/send-tests.ts";
import type { DeliveryRecord } from "../../store/notifications.ts";
import { Count, exactly, instant, instantOrNull, integer, JobIdText, nullable, RunIdText, word } from "./schemas.ts";

export const DeliveryStatusWord = word(
  DELIVERY_STATUSES,
  "`waiting`: not delivered yet, and tried for a day; `delivered`: the receiver accepted it; `given_up`: the receiver refused it, or it could not be delivered in time",
);

const NotificationBody = exactly(
  {
    id: t.String({ description: "Id of the notification; the receiver gets it too" }),
    job_id: nullable(JobIdText, "The job that it is about; null for a digest"),
    run_id: nullable(RunIdText, "The run that it is about; null for missed occurrences and digests"),
    event: word(DELIVERY_EVENTS, "What it is about"),
    place: integer({
      minimum: 0,
      description: "Index in the `notify` list of the job, or in the receivers of the digest, from 0",
    }),
    type: word(NOTIFY_TYPES, "Protocol of the receiver"),
    target: t.String({ description: "Receiver, with secrets hidden, as in `notify` of the job" }),
    status: DeliveryStatusWord,
    attempts: integer({ minimum: 0, description: "Number of delivery attempts" }),
    error: nullable(t.String(), "Error of the last attempt; null if there was none"),
    created_at: instant("When it was queued"),
    next_try_at: instantOrNull("When the next attempt is due; null if there is none"),
    ended_at: instantOrNull("When it was delivered or given up"),
  },
  {
    title: "Notification",
    description: "A notification about a job",
    examples: [
      {
        id: "019b76da-b100-7f0e-8a11-3c5d7e9fa1b2",
        job_id: "data_pipeline",
        run_id: "019b76da-a800-7c3e-8f2b-5d1c9a7e4f60",
        event: "failure",
        place: 0,
        type: "webhook",
        target: "https://hooks.example.com/…",
        status: "waiting",
        attempts: 2,
        error: "answered 503",
        created_at: 1767225600042,
        next_try_at: 1767225603400,
        ended_at: null,
      },
    ],
  },
);

export const NotificationList = exactly(
  { notifications: t.Array(NotificationBody, { description: "Notifications, newest first" }), count: Count },
  { title: "NotificationList" },
);

/** Encodes deliveries. `targetOf` returns the entry of the `notify` list that a delivery goes to. */
export const notificationList = (
  deliveries: readonly DeliveryRecord[],
  targetOf: (delivery: DeliveryRecord) => NotifyTarget,
): typeof NotificationList.static => ({
  notifications: deliveries.map((delivery) => notificationBody(delivery, targetOf(delivery))),
  count: deliveries.length,
});

const notificationBody = (delivery: DeliveryRecord, target: NotifyTarget): typeof NotificationBody.static => ({
  id: delivery.id,
  job_id: jobOfDelivery(delivery.jobId),
  run_id: delivery.runId,
  event: delivery.event,
  place: delivery.target,
  type: target.type,
  target: receiverText(target),
  status: delivery.status,
  attempts: delivery.attempts,
  error: delivery.error,
  created_at: delivery.queuedAt,
  next_try_at: delivery.dueAt,
  ended_at: delivery.endedAt,
});

const NotifyTestBody = exactly(
  {
    place: integer({
      minimum: 0,
      description: "Index in the `notify` list of the job, or in the receivers of the digest, from 0",
    }),
    type: word(NOTIFY_TYPES, "Protocol of the receiver"),
    target: t.String({ description: "Receiver, with secrets hidden, as in `notify` of the job" }),
    delivered: t.Boolean({ description: "True if the receiver accepted the test" }),
    answer: t.String({ description: "What the receiver answered, or why it could not be reached" }),
  },
  { title: "NotifyTest", description: "How a receiver answered to a test" },
);

export const NotifyTestList = exactly(
  {
    message: t.String({ description: "The result, as a sentence" }),
    results: t.Array(NotifyTestBody, { description: "In the order of the `notify` list" }),
    count: Count,
  },
  {
    title: "NotifyTestList",
    examples: [
      {
        message: "1 of 2 receivers accepted the test",
        results: [
          { place: 0, type: "slack", target: "https://hooks.slack.com/…", delivered: true, answer: "answered 200" },
          {
            place: 1,
            type: "email",
            target: "ops@example.com (smtp.example.com:587)",
            delivered: false,
            answer: "answered 535 to the login: authentication failed",
          },
        ],
        count: 2,
      },
    ],
  },
);

export const notifyTestList = (tests: readonly NotifyTest[]): typeof NotifyTestList.static => ({
  message: `${tests.filter(({ isDelivered }) => isDelivered).length} of ${tests.length} receivers accepted the test`,
  results: tests.map(({ target, isDelivered, answer }, place) => ({
    place,
    type: target.type,
    target: receiverText(target),
    delivered: isDelivered,
    answer,
  })),
  count: tests.length,
});
