import { t } from "elysia";
import {
  DELIVERY_STATUSES,
  maskedUrl,
  NOTIFY_EVENTS,
  NOTIFY_TYPES,
  type NotifyTarget,
} from "../../domain/notification.ts";
import type { DeliveryRecord } from "../../store/notifications.ts";
import { Count, exactly, instant, instantOrNull, integer, JobIdText, nullable, RunIdText, word } from "./schemas.ts";

export const DeliveryStatusWord = word(
  DELIVERY_STATUSES,
  "`waiting`: nobody took it yet, it is tried for a day; `given_up`: it was refused, or nobody took it in time",
);

const NotificationBody = exactly(
  {
    id: t.String({ description: "Its id, which the receiver is told, too" }),
    job_id: JobIdText,
    run_id: nullable(RunIdText, "The run that it tells of; null for occurrences that were missed"),
    event: word(NOTIFY_EVENTS, "What it tells"),
    place: integer({ minimum: 0, description: "Which entry of the job's `notify` list it goes to, from 0" }),
    type: word(NOTIFY_TYPES, "How it is told"),
    target: t.String({ description: "Where it goes, as `notify` of the job shows it: nothing of it is secret" }),
    status: DeliveryStatusWord,
    attempts: integer({ minimum: 0, description: "How often it was tried" }),
    error: nullable(t.String(), "What went wrong last, in words"),
    created_at: instant("When it was queued"),
    next_try_at: instantOrNull("When it is to be tried; null when it is not any more"),
    ended_at: instantOrNull("When it was delivered or given up"),
  },
  {
    title: "Notification",
    description: "Something that is, or was, to be told of a job",
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
  { notifications: t.Array(NotificationBody, { description: "Newest first" }), count: Count },
  { title: "NotificationList" },
);

/** `targetOf`: the entry of a definition's `notify` list that a delivery goes to. */
export const notificationList = (
  deliveries: readonly DeliveryRecord[],
  targetOf: (delivery: DeliveryRecord) => NotifyTarget,
): typeof NotificationList.static => ({
  notifications: deliveries.map((delivery) => notificationBody(delivery, targetOf(delivery))),
  count: deliveries.length,
});

const notificationBody = (delivery: DeliveryRecord, { type, url }: NotifyTarget): typeof NotificationBody.static => ({
  id: delivery.id,
  job_id: delivery.jobId,
  run_id: delivery.runId,
  event: delivery.event,
  place: delivery.target,
  type,
  target: maskedUrl(url),
  status: delivery.status,
  attempts: delivery.attempts,
  error: delivery.error,
  created_at: delivery.queuedAt,
  next_try_at: delivery.dueAt,
  ended_at: delivery.endedAt,
});
