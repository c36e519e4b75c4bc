import type { NotifyTarget } from "../../domain/notification.ts";
import type { SecretPlaces } from "../secrets/read-secret.ts";
import { makeRequest, type Notice } from "./request.ts";
import { type SendOptions, type SendResult, send } from "./send.ts";
import { sendEmail } from "./send-email.ts";

export type SendToOptions = Omit<SendOptions, "timeoutMs"> & SecretPlaces;

/** Sends a notification to a target, once. Never throws. */
export const sendTo = async (target: NotifyTarget, notice: Notice, options: SendToOptions): Promise<SendResult> => {
  const { timeoutMs } = target;
  if (target.type === "email") return await sendEmail(notice, target, { ...options, timeoutMs });
  const request = makeRequest(notice, target, { ...options, now: options.clock.now() });
  if ("problem" in request) return { kind: "failed", why: request.problem, retryAfterMs: null };
  return await send(request, { ...options, timeoutMs });
};
