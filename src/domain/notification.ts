import type { RunStatus } from "./run.ts";
import { type SecretSource, sourceName, type TextOrSecret } from "./secret.ts";

/**
 * How a notification is sent. `webhook` posts JSON. `healthchecks` pings a check of Healthchecks or of a service with
 * the same protocol. The others are messages to people.
 */
export const NOTIFY_TYPES = [
  "webhook",
  "healthchecks",
  "email",
  "slack",
  "discord",
  "teams",
  "ntfy",
  "telegram",
] as const;
export type NotifyType = (typeof NOTIFY_TYPES)[number];

/**
 * The events of a notification. `failure`: a run failed or was interrupted. `recovery`: a run completed after the
 * previous one failed or was interrupted (cancelled runs do not count). `success`: a run completed. `cancelled`: a run
 * was cancelled. `missed`: occurrences were missed. `started`: a run started. `late`: an unfinished run exceeded `warn_after`.
 * `approval`: a task began to wait for a person. `output`: a run ended and had printed something.
 */
export const NOTIFY_EVENTS = [
  "failure",
  "recovery",
  "success",
  "cancelled",
  "missed",
  "started",
  "late",
  "approval",
  "output",
] as const;
export type NotifyEvent = (typeof NOTIFY_EVENTS)[number];

/** The events that have a ping. `missed` has none, because a check notices a missing ping itself. */
export const PING_EVENTS = ["started", "success", "failure", "cancelled"] as const satisfies readonly NotifyEvent[];

/** The events of an entry that names none. People also learn that a run is late, and that a task waits for them. */
export const defaultEvents = (type: NotifyType): readonly NotifyEvent[] => {
  if (type === "healthchecks") return PING_EVENTS;
  return type === "webhook" ? ["failure", "recovery"] : ["failure", "recovery", "late", "approval"];
};

/**
 * Statuses of a delivery:
 * - `waiting`: not accepted yet. After a crash the next start continues and may send it a second time.
 * - `delivered`: the receiver accepted it. Final.
 * - `given_up`: the receiver rejected it, or it expired. Final.
 */
export const DELIVERY_STATUSES = ["waiting", "delivered", "given_up"] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

type TargetOf<Type extends NotifyType, Fields> = {
  readonly type: Type;
  readonly on: readonly NotifyEvent[];
  /** Timeout of one delivery attempt. */
  readonly timeoutMs: number;
} & Fields;

export type WebhookTarget = TargetOf<
  "webhook" | "healthchecks",
  {
    readonly url: TextOrSecret;
    /** Keyed by header name. */
    readonly headers: { readonly [name: string]: TextOrSecret };
    /** The signing secret of a webhook; null if it is not signed. */
    readonly secret: SecretSource | null;
  }
>;

/** A channel that is addressed by a secret URL. */
type ChannelTarget = TargetOf<"slack" | "discord" | "teams", { readonly url: TextOrSecret }>;

/** The last part of the path of `url` is the topic. */
type NtfyTarget = TargetOf<"ntfy", { readonly url: TextOrSecret; readonly token: SecretSource | null }>;

type TelegramTarget = TargetOf<
  "telegram",
  {
    /** URL of the Bot API server. */
    readonly url: TextOrSecret;
    readonly token: SecretSource;
    /** Number of a chat, or name of a channel with `@`. */
    readonly chat: string;
  }
>;

export type EmailTarget = TargetOf<
  "email",
  {
    readonly host: string;
    readonly port: number;
    /** `starttls` upgrades the connection, or fails. `tls` is encrypted from the start. */
    readonly tls: EmailTls;
    readonly user: TextOrSecret | null;
    readonly password: SecretSource | null;
    readonly from: string;
    readonly to: readonly string[];
    /** File with additional certificate authorities, relative to the job file's folder. */
    readonly caFile: string | null;
  }
>;

export const EMAIL_TLS = ["starttls", "tls", "none"] as const;
type EmailTls = (typeof EMAIL_TLS)[number];

/** An entry of a job's `notify` list. */
export type NotifyTarget = WebhookTarget | ChannelTarget | NtfyTarget | TelegramTarget | EmailTarget;

/** A target that is sent to over HTTP. */
export type HttpTarget = Exclude<NotifyTarget, EmailTarget>;

/**
 * Returns the event that the end of a run is for a target that subscribes to `on`, or null. A run is one event only. `output` comes
 * before `recovery` and `success`, and after `failure`. As under cron, it does not depend on the outcome; a cancelled run has none.
 */
export const eventOfEnd = (
  status: RunStatus,
  on: readonly NotifyEvent[],
  wasBroken: () => boolean,
  didPrint: () => boolean = () => false,
): NotifyEvent | null => {
  const wanted = (event: NotifyEvent): NotifyEvent | null => (on.includes(event) ? event : null);
  const output = (): NotifyEvent | null => (on.includes("output") && didPrint() ? "output" : null);
  if (status === "failed" || status === "interrupted") return wanted("failure") ?? output();
  if (status === "cancelled") return wanted("cancelled");
  if (status !== "completed") return null;
  const printed = output();
  if (printed !== null) return printed;
  return on.includes("recovery") && wasBroken() ? "recovery" : wanted("success");
};

/** A delivery that was not accepted after this time is given up. */
export const DELIVERY_EXPIRES_MS = 24 * 3_600_000;

/** Maximum delay between two delivery attempts. */
export const MAX_DELIVERY_DELAY_MS = 15 * 60_000;

const FIRST_DELIVERY_DELAY_MS = 1_000;

/**
 * Returns the delay in ms after delivery attempt number `attempt` (from 1): 1 s, doubled with each attempt, at most
 * 15 minutes; of that, a random part between a half and the whole. `random` is 0 ≤ x < 1.
 */
export const deliveryDelayMs = (attempt: number, random: number): number => {
  const doubled = FIRST_DELIVERY_DELAY_MS * 2 ** Math.min(attempt - 1, 30);
  return Math.ceil(Math.min(doubled, MAX_DELIVERY_DELAY_MS) * (0.5 + random / 2));
};

/** Returns the parts of a target that can be secret or the source of a secret, by the path of their field. */
export const secretsOf = (target: NotifyTarget): readonly (readonly [path: string, text: TextOrSecret])[] => {
  const fields: readonly (readonly [path: string, text: TextOrSecret | null])[] = [
    ["url", "url" in target ? target.url : null],
    ["secret", "secret" in target ? target.secret : null],
    ["token", "token" in target ? target.token : null],
    ["user", "user" in target ? target.user : null],
    ["password", "password" in target ? target.password : null],
    ...Object.entries("headers" in target ? target.headers : {}).map(
      ([name, text]) => [`headers.${name}`, text] as const,
    ),
  ];
  return fields.flatMap(([path, text]) => (text === null ? [] : [[path, text] as const]));
};

/** Identifies a receiver: entries with the same key send to the same place. */
export const receiverKey = (target: NotifyTarget): string => {
  switch (target.type) {
    case "email":
      return JSON.stringify([target.type, target.host, target.port, target.user, target.to]);
    case "telegram":
      return JSON.stringify([target.type, target.url, target.token, target.chat]);
    default:
      return JSON.stringify([target.type, target.url]);
  }
};

/** Returns the host that a notification is sent to, with its port; null if only the value of a secret says it. */
export const receiverHost = (target: NotifyTarget): string | null => {
  if (target.type === "email") return typeof target.host === "string" ? `${target.host}:${target.port}` : null;
  return typeof target.url === "string" && URL.canParse(target.url) ? new URL(target.url).host : null;
};

/** Returns a receiver as it may be displayed, without secrets. */
export const receiverText = (target: NotifyTarget): string => {
  switch (target.type) {
    case "email":
      return `${target.to.join(", ")} (${target.host}:${target.port})`;
    case "telegram":
      return `chat ${target.chat}`;
    default:
      return maskedUrl(target.url);
  }
};

/**
 * Returns the topic of a URL of ntfy and the URL of its server, or null if it names none. See "Publish as JSON" in ntfy's
 * documentation: a message with a topic goes to the root of the server.
 */
export const topicOf = (url: URL): { readonly server: string; readonly topic: string } | null => {
  const [, folder = "", topic] = /^(.*\/)([A-Za-z0-9_-]{1,64})\/?$/.exec(url.pathname) ?? [];
  return topic === undefined ? null : { server: url.origin + folder, topic };
};

/** Returns a URL that is safe to display: only scheme and host, or the source of a secret. */
export const maskedUrl = (url: TextOrSecret): string => {
  if (typeof url !== "string") return `(${sourceName(url)})`;
  if (!URL.canParse(url)) return "…";
  const { origin, pathname, search, hash, username } = new URL(url);
  return `${origin}/${pathname + search + hash + username === "/" ? "" : "…"}`;
};
