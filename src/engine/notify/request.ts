import {
  type HttpTarget,
  type NotifyTarget,
  secretsOf,
  topicOf,
  type WebhookTarget,
} from "../../domain/notification.ts";
import { HEADER_VALUE } from "../../jobfile/schema/header.ts";
import { assertNever } from "../../lib/never.ts";
import type { Delivery } from "../../store/notifications.ts";
import type { SecretPlaces } from "../secrets/read-secret.ts";
import { discordPayload } from "./message/discord.ts";
import { type Message, messageOf } from "./message/message.ts";
import { ntfyPayload } from "./message/ntfy.ts";
import { slackPayload } from "./message/slack.ts";
import { teamsPayload } from "./message/teams.ts";
import { telegramPayload } from "./message/telegram.ts";
import type { NotificationBody } from "./notification-body.ts";
import { resolveSecret } from "./secret.ts";
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
  /** True if the answer may explain an error to a person. It is shown without `secrets`. */
  readonly readsAnswer: boolean;
  readonly secrets: readonly string[];
};

export type DeliveryRequestOptions = SecretPlaces & { readonly now: number };

/** What is sent: the event, and its message as JSON. */
export type Notice = Pick<Delivery, "runId" | "notice"> & {
  readonly id: string;
  readonly event: NotificationBody["event"];
};

/** The values of the secrets of a target, by the path of their field. */
type Resolved = { readonly values: ReadonlyMap<string, string> } | { readonly problem: string };

/** Builds the request of a delivery with its secrets. If that fails, returns the problem, which contains no secret. */
export const makeRequest = (
  delivery: Notice,
  target: HttpTarget,
  options: DeliveryRequestOptions,
): NotifyRequest | { readonly problem: string } => {
  const resolved = resolveAll(target, options);
  if ("problem" in resolved) return resolved;
  const { values } = resolved;
  const text = values.get("url") ?? "";
  if (!URL.canParse(text) || !isPlain(new URL(text)))
    return { problem: "its URL is invalid; expected a URL such as https://example.com/hook" };
  const url = new URL(text);
  const token = values.get("token");
  switch (target.type) {
    case "webhook":
    case "healthchecks":
      return webhookOf(delivery, target, { url: text, values, now: options.now });
    case "slack":
      return chatOf({ url: text, payload: slackPayload(messageIn(delivery)) });
    case "discord":
      // Without `wait`, Discord reports no error for a message that it does not store. See "Execute Webhook" in its documentation.
      url.searchParams.set("wait", "true");
      return chatOf({ url: url.href, payload: discordPayload(messageIn(delivery)) });
    case "teams":
      return chatOf({ url: text, payload: teamsPayload(messageIn(delivery)) });
    case "ntfy": {
      const topic = topicOf(url);
      if (topic === null) return { problem: "its URL names no topic; expected one such as https://ntfy.sh/my-topic" };
      const secrets = [topic.topic, ...(token === undefined ? [] : [token])];
      const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
      return chatOf({ url: topic.server, payload: ntfyPayload(messageIn(delivery), topic.topic), headers, secrets });
    }
    case "telegram": {
      if (token === undefined || !/^[\w:-]+$/.test(token)) return { problem: "its token is not one of Telegram" };
      const method = `${text.replace(/\/+$/, "")}/bot${token}/sendMessage`;
      return chatOf({ url: method, payload: telegramPayload(messageIn(delivery), target.chat), secrets: [token] });
    }
    default:
      return assertNever(target);
  }
};

/** Reads the secrets of a target. */
export const resolveAll = (target: NotifyTarget, sources: SecretPlaces): Resolved => {
  const values = new Map<string, string>();
  for (const [path, text] of secretsOf(target)) {
    const found = resolveSecret(text, sources);
    if ("problem" in found) return found;
    values.set(path, found.value);
  }
  return { values };
};

const isPlain = ({ protocol, username, password }: URL): boolean =>
  (protocol === "http:" || protocol === "https:") && username + password === "";

export const messageIn = ({ notice }: Notice): Message => messageOf(JSON.parse(notice));

type ChatParts = {
  readonly url: string;
  readonly payload: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly secrets?: readonly string[];
};

const chatOf = ({ url, payload, headers = {}, secrets = [] }: ChatParts): NotifyRequest => ({
  url,
  headers: { "User-Agent": "petit", "Content-Type": "application/json", ...headers },
  body: JSON.stringify(payload),
  readsAnswer: true,
  secrets: [url, ...new URL(url).pathname.split("/").filter((part) => part.length >= MIN_SECRET), ...secrets],
});

/** Shorter parts of a path, such as `hooks`, are words and not secrets. */
const MIN_SECRET = 8;

type WebhookParts = {
  readonly url: string;
  readonly values: ReadonlyMap<string, string>;
  readonly now: number;
};

const webhookOf = (
  delivery: Notice,
  target: WebhookTarget,
  { url, values, now }: WebhookParts,
): NotifyRequest | { readonly problem: string } => {
  const own: Record<string, string> = {};
  for (const name of Object.keys(target.headers)) {
    const value = values.get(`headers.${name}`) ?? "";
    if (!HEADER_VALUE.test(value)) return { problem: `the value of header ${name} has invalid characters` };
    own[name] = value;
  }
  const base = { "User-Agent": "petit", ...own, [DELIVERY_HEADER]: delivery.id };
  if (target.type === "healthchecks") return pingOf(delivery, new URL(url), base);
  const common = { ...base, "Content-Type": "application/json", [EVENT_HEADER]: delivery.event };
  const secret = values.get("secret");
  const headers =
    secret === undefined ? common : { ...common, [SIGNATURE_HEADER]: signBody(delivery.notice, { secret, now }) };
  return { url, headers, body: delivery.notice, readsAnswer: false, secrets: [] };
};

/**
 * Builds a ping: `URL/start`, `URL`, `URL/<exit status>`, `URL/fail` or `URL/log`, with the id of the run. A failure
 * includes the log tail.
 */
const pingOf = (delivery: Notice, url: URL, headers: NotifyRequest["headers"]): NotifyRequest => {
  const notice: NotificationBody = JSON.parse(delivery.notice);
  const suffix = suffixOf(notice);
  url.pathname = url.pathname.replace(/\/+$/, "") + (suffix === "" ? "" : `/${suffix}`);
  if (delivery.runId !== null) url.searchParams.set("rid", delivery.runId);
  const type = { "Content-Type": "text/plain; charset=utf-8" };
  return { url: url.href, headers: { ...headers, ...type }, body: bodyOfPing(notice), readsAnswer: false, secrets: [] };
};

const suffixOf = (notice: NotificationBody): string => {
  if (notice.event === "started") return "start";
  if (notice.event === "failure") return exitStatusOf(notice) ?? "fail";
  // A cancelled run was ended on request, which does not change the state of the check, and neither does a test.
  return notice.event === "cancelled" || notice.event === "test" ? "log" : "";
};

/** Returns the exit status of the first failed task in the order of the definition, or null. */
const exitStatusOf = ({ run, failed_tasks: [first] }: NotificationBody): string | null => {
  const status = run?.status === "failed" && first?.reason === "exit_code" ? first.exit_code : null;
  return status !== null && status >= 1 && status <= 255 ? String(status) : null;
};

const bodyOfPing = (notice: NotificationBody): string => {
  if (notice.event === "cancelled" || notice.event === "test") return notice.event;
  return notice.event === "failure" ? (notice.log_tail ?? notice.run?.error ?? "") : "";
};
