import { t } from "elysia";
import {
  NOTIFY_TYPES,
  type NotifyTarget,
  receiverText,
  SENDING_EVENTS,
  SENDING_STATUSES,
} from "../../domain/notification.ts";
import { jobOfSending } from "../../domain/review/digest.ts";
import type { NotifyTest } from "../../engine/notify/send-tests.ts";
import type { SendingRecord } from "../../store/notifications.ts";
import { Count, exactly, instant, instantOrNull, integer, JobIdText, nullable, RunIdText, word } from "./schemas.ts";

export const SendingStatusWord = word(
  SENDING_STATUSES,
  "`waiting`: not delivered yet, and tried for a day; `delivered`: the receiver accepted it; `given_up`: the receiver refused it, or it could not be delivered in time",
);

const NotificationBody = exactly(
  {
    id: t.String({ description: "Id of the notification; the receiver gets it too" }),
    job_id: nullable(JobIdText, "The job that it is about; null for a digest"),
    run_id: nullable(RunIdText, "The run that it is about; null for missed occurrences and digests"),
    event: word(SENDING_EVENTS, "What it is about"),
    place: integer({
      minimum: 0,
      description: "Index in the `notify` list of the job, or in the receivers of the digest, from 0",
    }),
    type: word(NOTIFY_TYPES, "Protocol of the receiver"),
    target: t.String({ description: "Receiver, with secrets hidden, as in `notify` of the job" }),
    status: SendingStatusWord,
    attempts: integer({ minimum: 0, description: "Number of attempts to send it" }),
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

/** Encodes sendings. `targetOf` returns the entry of the `notify` list that a sending goes to. */
export const notificationList = (
  sendings: readonly SendingRecord[],
  targetOf: (sending: SendingRecord) => NotifyTarget,
): typeof NotificationList.static => ({
  notifications: sendings.map((sending) => notificationBody(sending, targetOf(sending))),
  count: sendings.length,
});

const notificationBody = (sending: SendingRecord, target: NotifyTarget): typeof NotificationBody.static => ({
  id: sending.id,
  job_id: jobOfSending(sending.jobId),
  run_id: sending.runId,
  event: sending.event,
  place: sending.target,
  type: target.type,
  target: receiverText(target),
  status: sending.status,
  attempts: sending.attempts,
  error: sending.error,
  created_at: sending.queuedAt,
  next_try_at: sending.dueAt,
  ended_at: sending.endedAt,
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
