import type { NotifyTarget } from "../../domain/notification.ts";
import type { Delivery } from "../../store/notifications.ts";
import type { SecretPlaces } from "../secrets/read-secret.ts";
import type { NotificationBody } from "./notification-body.ts";
import { type ResolvedText, resolveSecret } from "./secret.ts";
import { SIGNATURE_HEADER, signBody } from "./signature.ts";

/**
 * Header with the id of the delivery. It is the same in every attempt, so that a receiver can recognize repetitions.
 */
export const DELIVERY_HEADER = "Petit-Delivery";

/** Header with the event of the notification. */
export const EVENT_HEADER = "Petit-Event";

/** A complete POST request, including secrets. */
export type NotifyRequest = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

export type DeliveryRequestOptions = SecretPlaces & { readonly now: number };

/** Builds the request of a delivery with its secrets. If that fails, returns the problem, which contains no secret. */
export const makeRequest = (
  delivery: Delivery,
  target: NotifyTarget,
  options: DeliveryRequestOptions,
): NotifyRequest | { readonly problem: string } => {
  const url = readUrl(target, options);
  if ("problem" in url) return url;
  const headers = readHeaders(target, options);
  if ("problem" in headers) return headers;
  const base = { "User-Agent": "petit", ...headers.values, [DELIVERY_HEADER]: delivery.id };
  if (target.type === "healthchecks") return pingOf(delivery, new URL(url.value), base);
  const common = { ...base, "Content-Type": "application/json", [EVENT_HEADER]: delivery.event };
  if (target.secret === null) return { url: url.value, headers: common, body: delivery.notice };
  const secret = resolveSecret(target.secret, options);
  if ("problem" in secret) return secret;
  const signature = signBody(delivery.notice, { secret: secret.value, now: options.now });
  return { url: url.value, headers: { ...common, [SIGNATURE_HEADER]: signature }, body: delivery.notice };
};

const readUrl = (target: NotifyTarget, options: DeliveryRequestOptions): ResolvedText => {
  const found = resolveSecret(target.url, options);
  if ("problem" in found) return found;
  const isUsable = URL.canParse(found.value) && isPlain(new URL(found.value));
  return isUsable ? found : { problem: "its URL is invalid; expected a URL such as https://example.com/hook" };
};

const isPlain = ({ protocol, username, password }: URL): boolean =>
  (protocol === "http:" || protocol === "https:") && username + password === "";

type ResolvedHeaders = { readonly values: Readonly<Record<string, string>> } | { readonly problem: string };

const readHeaders = ({ headers }: NotifyTarget, options: DeliveryRequestOptions): ResolvedHeaders => {
  const values: Record<string, string> = {};
  for (const [name, text] of Object.entries(headers)) {
    const found = resolveSecret(text, options);
    if ("problem" in found) return found;
    if (!/^[\x20-\x7e\xa0-\xff]*$/.test(found.value))
      return { problem: `the value of header ${name} has invalid characters` };
    values[name] = found.value;
  }
  return { values };
};

/**
 * Builds a ping: `URL/start`, `URL`, `URL/<exit status>`, `URL/fail` or `URL/log`, with the id of the run. A failure
 * includes the log tail.
 */
const pingOf = (delivery: Delivery, url: URL, headers: NotifyRequest["headers"]): NotifyRequest => {
  const notice: NotificationBody = JSON.parse(delivery.notice);
  const suffix = suffixOf(notice);
  url.pathname = url.pathname.replace(/\/+$/, "") + (suffix === "" ? "" : `/${suffix}`);
  if (delivery.runId !== null) url.searchParams.set("rid", delivery.runId);
  const type = { "Content-Type": "text/plain; charset=utf-8" };
  return { url: url.href, headers: { ...headers, ...type }, body: bodyOfPing(notice) };
};

const suffixOf = (notice: NotificationBody): string => {
  if (notice.event === "started") return "start";
  if (notice.event === "failure") return exitStatusOf(notice) ?? "fail";
  // A cancelled run was ended on request, which does not change the state of the check.
  return notice.event === "cancelled" ? "log" : "";
};

/** Returns the exit status of the first failed task in the order of the definition, or null. */
const exitStatusOf = ({ run, failed_tasks: [first] }: NotificationBody): string | null => {
  const status = run?.status === "failed" && first?.reason === "exit_code" ? first.exit_code : null;
  return status !== null && status >= 1 && status <= 255 ? String(status) : null;
};

const bodyOfPing = (notice: NotificationBody): string => {
  if (notice.event === "cancelled") return "cancelled";
  return notice.event === "failure" ? (notice.log_tail ?? notice.run?.error ?? "") : "";
};
