import type { Job } from "../../domain/job.ts";
import type { NotifyTarget } from "../../domain/notification.ts";
import { uuidv7 } from "../../lib/uuid.ts";
import type { SecretPlaces } from "../secrets/read-secret.ts";
import { bodyOfTest, encodeBody, type NotificationDraft } from "./notification-body.ts";
import type { SendTools } from "./services/notify-service.ts";
import { sendTo } from "./services.ts";

/** How a receiver answered a test. */
export type NotifyTest = { readonly target: NotifyTarget; readonly isDelivered: boolean; readonly answer: string };

type SendTestsOptions = SendTools & Pick<SecretPlaces, "environment"> & { readonly publicUrl: string | null };

/** Sends a test to each target of a job. Returns the answers in the order of `notify`. Never throws. */
export const sendTests = (job: Job, options: SendTestsOptions): Promise<readonly NotifyTest[]> =>
  sendTestsOf(job, bodyOfTest(job, options.clock.now()), options);

/** Sends `body` to each target of a job, as a test. Returns the answers in the order of `notify`. Never throws. */
export const sendTestsOf = async (
  job: Job,
  body: NotificationDraft,
  { clock, runtime, environment, publicUrl, signal }: SendTestsOptions,
): Promise<readonly NotifyTest[]> => {
  const now = clock.now();
  const notice = encodeBody(body, publicUrl);
  const { folder } = job.source;
  return await Promise.all(
    (job.notify ?? []).map(async (target) => {
      const sending = { id: uuidv7(now), event: "test", runId: null, notice } as const;
      const result = await sendTo(target, sending, { environment, folder, clock, runtime, signal });
      const isDelivered = result.kind === "delivered";
      return { target, isDelivered, answer: isDelivered ? result.answer : result.why };
    }),
  );
};
