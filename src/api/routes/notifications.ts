import { Elysia, t } from "elysia";
import type { Job } from "../../domain/job.ts";
import type { NotifyTarget } from "../../domain/notification.ts";
import type { DeliveryRecord } from "../../store/notifications.ts";
import type { ApiContext } from "../context.ts";
import type { ApiStore } from "../options.ts";
import { failures } from "../shapes/failure.ts";
import { DeliveryStatusWord, NotificationList, notificationList } from "../shapes/notification.ts";
import { exactly, wholeNumber } from "../shapes/schemas.ts";

export const notificationRoutes = ({ store }: ApiContext) =>
  new Elysia().get(
    "/api/notifications",
    ({ query }) => {
      const status = query.status === undefined ? {} : { status: query.status };
      const deliveries = store.notifications.list({ limit: Number(query.limit ?? 100), ...status });
      return notificationList(deliveries, targetReader(store));
    },
    {
      query: exactly({
        limit: t.Optional(wholeNumber({ minimum: 1, maximum: 1000, default: 100 }, "How many, at most")),
        status: t.Optional(DeliveryStatusWord),
      }),
      response: { 200: NotificationList, ...failures("INVALID_REQUEST") },
      detail: {
        operationId: "listNotifications",
        tags: ["scheduler"],
        summary: "What was, and is to be, told of jobs by their `notify`, newest first",
        description: "Those that ended are kept for a week.",
      },
    },
  );

/** Each definition is read once. */
const targetReader = (store: ApiStore): ((delivery: DeliveryRecord) => NotifyTarget) => {
  const definitions = new Map<number, Job>();
  return ({ versionId, target }) => {
    const job = definitions.get(versionId) ?? store.jobs.getDefinition(versionId);
    definitions.set(versionId, job);
    const found = job.notify?.[target];
    if (found === undefined) throw new Error(`job ${job.id} has no notify[${target}]`);
    return found;
  };
};
