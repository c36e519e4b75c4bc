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
  "matrix",
] as const;
export type NotifyType = (typeof NOTIFY_TYPES)[number];

/**
 * The events of a notification. `failure`: a run failed or was interrupted. `recovery`: a run completed after the
 * previous one failed or was interrupted (cancelled runs do not count), or while the job was stale. `success`: a run completed. `cancelled`: a run
 * was cancelled. `missed`: occurrences were missed. `started`: a run started. `late`: an unfinished run exceeded `warn_after`.
 * `stale`: no run of the job completed within the time of its `expect`. `approval`: a task began to wait for a person. `output`: a run ended and had printed something.
 */
export const NOTIFY_EVENTS = [
  "failure",
  "recovery",
  "success",
  "cancelled",
  "missed",
  "started",
  "late",
  "stale",
  "approval",
  "output",
] as const;
export type NotifyEvent = (typeof NOTIFY_EVENTS)[number];

/** What a sending can be about: an event, or the digest of a period, which no job subscribes to. */
export const SENDING_EVENTS = [...NOTIFY_EVENTS, "digest"] as const;
export type SendingEvent = (typeof SENDING_EVENTS)[number];

/** The events that have a ping. `missed` has none, because a check notices a missing ping itself. */
export const PING_EVENTS = ["started", "success", "failure", "cancelled"] as const satisfies readonly NotifyEvent[];

/**
 * Statuses of a sending:
 * - `waiting`: not accepted yet. After a crash the next start continues and may send it a second time.
 * - `delivered`: the receiver accepted it. Final.
 * - `given_up`: the receiver rejected it, or it expired. Final.
 */
export const SENDING_STATUSES = ["waiting", "delivered", "given_up"] as const;
export type SendingStatus = (typeof SENDING_STATUSES)[number];

/** The fields of the targets of each type, beside those of all targets. */
export type TargetFields = {
  readonly webhook: HookFields;
  readonly healthchecks: HookFields;
  readonly email: {
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
  };
  readonly slack: ChannelFields;
  readonly discord: ChannelFields;
  readonly teams: ChannelFields;
  /** The last part of the path of `url` is the topic. */
  readonly ntfy: ChannelFields & { readonly token: SecretSource | null };
  readonly telegram: {
    /** URL of the Bot API server. */
    readonly url: TextOrSecret;
    readonly token: SecretSource;
    /** Number of a chat, or name of a channel with `@`. */
    readonly chat: string;
  };
  readonly matrix: {
    /** URL of the homeserver. */
    readonly url: TextOrSecret;
    readonly token: SecretSource;
    /** Id of a room. */
    readonly room: string;
  };
};

type HookFields = {
  readonly url: TextOrSecret;
  /** Keyed by header name. */
  readonly headers: { readonly [name: string]: TextOrSecret };
  /** The signing secret of a webhook; null if it is not signed. */
  readonly secret: SecretSource | null;
};

/** A channel that is addressed by a secret URL. */
type ChannelFields = { readonly url: TextOrSecret };

export const EMAIL_TLS = ["starttls", "tls", "none"] as const;
type EmailTls = (typeof EMAIL_TLS)[number];

/** A target of one type, or the union of those of several. */
export type TargetOf<Type extends NotifyType> = {
  [Each in Type]: {
    readonly type: Each;
    readonly on: readonly NotifyEvent[];
    /** Timeout of one attempt to send. */
    readonly timeoutMs: number;
  } & TargetFields[Each];
}[Type];

/** An entry of a job's `notify` list. */
export type NotifyTarget = TargetOf<NotifyType>;

export type WebhookTarget = TargetOf<"webhook" | "healthchecks">;
export type EmailTarget = TargetOf<"email">;

/** What petit knows about the receivers of one type, without sending anything. */
type ReceiverType<Type extends NotifyType> = {
  /** The events of an entry that names none. */
  readonly defaultEvents: readonly NotifyEvent[];
  /** The parts of a target that can be secret or the source of a secret, by the path of their field. Null if it has none. */
  readonly secrets: (target: TargetOf<Type>) => Readonly<Record<string, TextOrSecret | null>>;
  /** What identifies a receiver, beside its type. */
  readonly key: (target: TargetOf<Type>) => readonly unknown[];
  /** The host that is sent to, with its port; null if only the value of a secret says it. */
  readonly host: (target: TargetOf<Type>) => string | null;
  /** A receiver as it may be displayed, without secrets. */
  readonly text: (target: TargetOf<Type>) => string;
};

const hostOf = (url: TextOrSecret): string | null =>
  typeof url === "string" && URL.canParse(url) ? new URL(url).host : null;

/** Other systems learn what happened, and what did not; people also learn that a run is late, and that a task waits for them. */
const HOOK_EVENTS: readonly NotifyEvent[] = ["failure", "recovery", "stale"];
const PEOPLE_EVENTS: readonly NotifyEvent[] = ["failure", "recovery", "late", "stale", "approval"];

const CHANNEL = {
  defaultEvents: PEOPLE_EVENTS,
  secrets: ({ url }: ChannelFields) => ({ url }),
  key: ({ url }: ChannelFields) => [url],
  host: ({ url }: ChannelFields) => hostOf(url),
  text: ({ url }: ChannelFields) => maskedUrl(url),
};

const HOOK = {
  ...CHANNEL,
  secrets: ({ url, secret, headers }: HookFields) => ({
    url,
    secret,
    ...Object.fromEntries(Object.entries(headers).map(([name, text]) => [`headers.${name}`, text] as const)),
  }),
};

const RECEIVER_TYPES: { readonly [Type in NotifyType]: ReceiverType<Type> } = {
  webhook: { ...HOOK, defaultEvents: HOOK_EVENTS },
  healthchecks: { ...HOOK, defaultEvents: PING_EVENTS },
  email: {
    defaultEvents: PEOPLE_EVENTS,
    secrets: ({ user, password }) => ({ user, password }),
    key: ({ host, port, user, to }) => [host, port, user, to],
    host: ({ host, port }) => `${host}:${port}`,
    text: ({ to, host, port }) => `${to.join(", ")} (${host}:${port})`,
  },
  slack: CHANNEL,
  discord: CHANNEL,
  teams: CHANNEL,
  ntfy: { ...CHANNEL, secrets: ({ url, token }) => ({ url, token }) },
  telegram: {
    ...CHANNEL,
    secrets: ({ url, token }) => ({ url, token }),
    key: ({ url, token, chat }) => [url, token, chat],
    text: ({ chat }) => `chat ${chat}`,
  },
  matrix: {
    ...CHANNEL,
    secrets: ({ url, token }) => ({ url, token }),
    key: ({ url, token, room }) => [url, token, room],
    text: ({ room }) => `room ${room}`,
  },
};

const typeOf = <Type extends NotifyType>({ type }: TargetOf<Type>): ReceiverType<Type> => RECEIVER_TYPES[type];

/** Returns the events of an entry that names none. */
export const defaultEvents = (type: NotifyType): readonly NotifyEvent[] => RECEIVER_TYPES[type].defaultEvents;

/** Returns the parts of a target that can be secret or the source of a secret, by the path of their field. */
export const secretsOf = (target: NotifyTarget): readonly (readonly [path: string, text: TextOrSecret])[] =>
  Object.entries(typeOf(target).secrets(target)).flatMap(([path, text]) =>
    text === null ? [] : [[path, text] as const],
  );

/** Identifies a receiver: entries with the same key send to the same place. */
export const receiverKey = (target: NotifyTarget): string =>
  JSON.stringify([target.type, ...typeOf(target).key(target)]);

/** Returns the host that a notification is sent to, with its port; null if only the value of a secret says it. */
export const receiverHost = (target: NotifyTarget): string | null => typeOf(target).host(target);

/** Returns a receiver as it may be displayed, without secrets. */
export const receiverText = (target: NotifyTarget): string => typeOf(target).text(target);

/**
 * Returns the topic of a URL of ntfy and the URL of its server, or what is wrong with the URL. See "Publish as JSON" in ntfy's
 * documentation: a message with a topic goes to the root of the server.
 */
export const topicOf = (
  url: URL,
): { readonly server: string; readonly topic: string } | { readonly problem: string } => {
  const [, folder = "", topic] = /^(.*\/)([A-Za-z0-9_-]{1,64})\/?$/.exec(url.pathname) ?? [];
  if (topic === undefined) return { problem: "names no topic; expected one such as https://ntfy.sh/my-topic" };
  return { server: url.origin + folder, topic };
};

/** Returns the base of the requests to a homeserver of Matrix, or what is wrong with its URL. */
export const homeserverOf = ({
  origin,
  pathname,
  search,
  hash,
}: URL): { readonly base: string } | { readonly problem: string } =>
  search + hash === ""
    ? { base: origin + pathname.replace(/\/+$/, "") }
    : { problem: "is not that of a homeserver; expected one such as https://matrix.example.com" };

/** Returns a URL that is safe to display: only scheme and host, or the source of a secret. */
export const maskedUrl = (url: TextOrSecret): string => {
  if (typeof url !== "string") return `(${sourceName(url)})`;
  if (!URL.canParse(url)) return "…";
  const { origin, pathname, search, hash, username } = new URL(url);
  return `${origin}/${pathname + search + hash + username === "/" ? "" : "…"}`;
};

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

/** A sending that was not accepted after this time is given up. */
export const SENDING_EXPIRES_MS = 24 * 3_600_000;

/** Maximum delay between two attempts to send. */
export const MAX_SENDING_DELAY_MS = 15 * 60_000;

const FIRST_SENDING_DELAY_MS = 1_000;

/**
 * Returns the delay in ms after sending attempt number `attempt` (from 1): 1 s, doubled with each attempt, at most
 * 15 minutes; of that, a random part between a half and the whole. `random` is 0 ≤ x < 1.
 */
export const sendingDelayMs = (attempt: number, random: number): number => {
  const doubled = FIRST_SENDING_DELAY_MS * 2 ** Math.min(attempt - 1, 30);
  return Math.ceil(Math.min(doubled, MAX_SENDING_DELAY_MS) * (0.5 + random / 2));
};
