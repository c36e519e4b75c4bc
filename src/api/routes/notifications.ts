import { Elysia, t } from "elysia";
import type { Job } from "../../domain/job.ts";
import type { NotifyTarget } from "../../domain/notification.ts";
import type { SendingRecord } from "../../store/notifications.ts";
import type { ApiContext } from "../context.ts";
import type { ApiStore } from "../options.ts";
import { failures } from "../shapes/failure.ts";
import {
  NotificationList,
  NotifyTestList,
  notificationList,
  notifyTestList,
  SendingStatusWord,
} from "../shapes/notification.ts";
import { exactly, JobIdText, wholeNumber } from "../shapes/schemas.ts";

export const notificationRoutes = ({ engine, store, requests, closing }: ApiContext) =>
  new Elysia()
    .get(
      "/api/notifications",
      ({ query }) => {
        const status = query.status === undefined ? {} : { status: query.status };
        const sendings = store.notifications.list({ limit: Number(query.limit ?? 100), ...status });
        return notificationList(sendings, createTargetReader(store));
      },
      {
        query: exactly({
          limit: t.Optional(wholeNumber({ minimum: 1, maximum: 1000, default: 100 }, "Maximum of notifications")),
          status: t.Optional(SendingStatusWord),
        }),
        response: { 200: NotificationList, ...failures("INVALID_REQUEST") },
        detail: {
          operationId: "listNotifications",
          tags: ["scheduler"],
          summary: "List notifications, newest first",
          description: "A notification is deleted a week after it was delivered or given up.",
        },
      },
    )
    .post(
      "/api/jobs/:job_id/notify/test",
      async ({ params, request }) => {
        requests.keepOpen(request);
        return notifyTestList(await engine.testNotifications(params.job_id, closing));
      },
      {
        params: exactly({ job_id: JobIdText }),
        response: { 200: NotifyTestList, ...failures("NOT_FOUND", "PAYLOAD_TOO_LARGE") },
        detail: {
          operationId: "testNotifications",
          tags: ["jobs"],
          summary: "Send a test to each receiver of a job's notifications",
          description:
            "Answers when all receivers have answered, or their timeouts have passed. A receiver that accepts the test counts as " +
            "working: what waits for it is sent now, and what was given up no longer makes health `degraded`.",
        },
      },
    )
    .post(
      "/api/digest/test",
      async ({ request }) => {
        requests.keepOpen(request);
        return notifyTestList(await engine.testDigest(closing));
      },
      {
        response: { 200: NotifyTestList, ...failures("CONFLICT", "PAYLOAD_TOO_LARGE") },
        detail: {
          operationId: "testDigest",
          tags: ["scheduler"],
          summary: "Send the digest now to its receivers, marked as a test",
          description:
            "It is about as much time before now as lies between two digests, and changes nothing about the next one. Otherwise the same " +
            "as the test of a job's notifications. Without `digest` in the configuration file, 409 with `no_digest`.",
        },
      },
    );

/** Returns a function that finds the target of a sending. It reads each definition once. */
const createTargetReader = (store: ApiStore): ((sending: SendingRecord) => NotifyTarget) => {
  const definitions = new Map<number, Job>();
  return ({ versionId, target }) => {
    const job = definitions.get(versionId) ?? store.jobs.getDefinition(versionId);
    definitions.set(versionId, job);
    const entry = job.notify?.[target];
    if (entry === undefined) throw new Error(`job ${job.id} has no notify[${target}]`);
    return entry;
  };
};
