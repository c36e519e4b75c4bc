import {
  EMAIL_TLS,
  type EmailTarget,
  homeserverOf,
  NOTIFY_EVENTS,
  NOTIFY_TYPES,
  type NotifyEvent,
  type NotifyType,
  PING_EVENTS,
  type TargetFields,
  topicOf,
} from "../../domain/notification.ts";
import type { SecretSource, TextOrSecret } from "../../domain/secret.ts";
import type { FieldType, ObjectType, Value } from "./field.ts";
import { header, headerName } from "./header.ts";
import { SECRET } from "./secret.ts";
import { path } from "./text.ts";

export const url = { kind: "text", form: "a URL", maxLength: 2048, characters: "name" } as const;

const userName = { kind: "text", form: "a user name", maxLength: 320, characters: "name" } as const;

const MAILBOX = '[^\\s<>@,;:"\\\\]{1,64}@[^\\s<>@,;:"\\\\]{1,255}';

/** One address, with or without a name: no list, no quotes, and no line break that could add a header. */
const address = {
  kind: "text",
  form: "an email address such as ops@example.com or Name <ops@example.com>",
  pattern: `^(?:[^<>@,;:"\\\\]{1,100} <${MAILBOX}>|${MAILBOX})$`,
  characters: "name",
} as const;

const isStatus = (status: string, event: NotifyEvent): string =>
  `'${status}' is what a run is, not what happens to it; did you mean '${event}'? expected one of ${NOTIFY_EVENTS.join(", ")}`;

/** Suggestions for run statuses that users write instead of an event. */
const STATUSES = {
  failed: isStatus("failed", "failure"),
  interrupted: isStatus("interrupted", "failure"),
  completed: isStatus("completed", "success"),
  running: isStatus("running", "started"),
};

/** The default timeout of a notification, in ms. */
const DEFAULT_NOTIFY_TIMEOUT_MS = 10_000;

/** An entry of a job's `notify` list. */
export const NOTIFY = {
  kind: "object",
  fields: {
    type: {
      type: { kind: "choice", values: NOTIFY_TYPES },
      doc: "`webhook` posts JSON; `healthchecks` pings a check of Healthchecks: `/start`, the bare URL, `/<exit status>` or `/fail`; the others send a message to people.",
      default: "webhook",
      example: "slack",
    },
    url: {
      type: { kind: "shape", scalar: url, map: SECRET },
      doc: "Where it goes, over http or https (an `email` has none): for `slack`, `discord` and `teams` the URL of an incoming webhook, for `ntfy` that of the topic, for `matrix` that of the homeserver; where the URL is a secret, `{env: NAME}`, `{file: PATH}` or `{credential: NAME}`, read when it is needed and shown nowhere.",
      absent: "https://api.telegram.org for `telegram`; the others require it",
      example: "https://example.com/hook",
    },
    on: {
      type: {
        kind: "list",
        of: { kind: "choice", values: NOTIFY_EVENTS, refused: STATUSES },
        minItems: 1,
        unique: true,
      },
      doc: "The events to send: `failure`, a run failed or was interrupted; `recovery`, a run completed after a failure, or while the job was stale; `success`; `cancelled`; `missed`, occurrences were missed; `started`; `late`, an unfinished run exceeded `warn_after`; `stale`, no run completed within `expect`; `approval`, a task began to wait for a person; `output`, a run ended and had printed something, which an email contains, as cron's mail does.",
      absent:
        "failure, recovery and stale for a `webhook`; started, success, failure and cancelled for `healthchecks`; failure, recovery, late, stale and approval for the others",
      example: ["failure", "recovery"],
    },
    headers: {
      type: { kind: "map", keys: headerName, of: { kind: "shape", scalar: header, map: SECRET } },
      doc: "Additional request headers. A value can also be `{env: NAME}`, `{file: PATH}` or `{credential: NAME}`.",
      default: {},
      example: { Authorization: { env: "PETIT_HOOK_TOKEN" } },
    },
    secret: {
      type: SECRET,
      doc: "What a webhook is signed with (HMAC-SHA256, header `Petit-Signature`).",
      absent: "not signed",
      example: { env: "PETIT_HOOK_SECRET" },
    },
    token: {
      type: SECRET,
      doc: "The token of the bot (`telegram`), or of an account (`ntfy`, `matrix`).",
      absent: "none; `telegram` and `matrix` require it",
      example: { env: "PETIT_TELEGRAM_TOKEN" },
    },
    chat: {
      type: { kind: "text", form: "a chat", pattern: "^(-?\\d{1,20}|@[A-Za-z0-9_]{1,64})$", scalars: true },
      doc: "The chat of `telegram`: its number, or the name of a channel with `@`.",
      example: -1001234567890,
    },
    room: {
      type: {
        kind: "text",
        form: 'the id of a room, such as "!abc:example.com"',
        pattern: "^![!-~]{1,254}$",
      },
      doc: "The room of `matrix`: its id, which begins with `!`, not its address.",
      example: "!abc:example.com",
    },
    host: {
      type: { kind: "text", form: "a host", pattern: "^[A-Za-z0-9.:_-]{1,253}$" },
      doc: "The SMTP server of an `email`.",
      example: "smtp.example.com",
    },
    port: {
      type: { kind: "integer", min: 1, max: 65_535 },
      doc: "Its port.",
      absent: "587 with `starttls`, 465 with `tls`, 25 with `none`",
      example: 587,
    },
    tls: {
      type: { kind: "choice", values: EMAIL_TLS },
      doc: "How the connection to it is encrypted: `starttls` upgrades it and fails if the server can't, `tls` encrypts it from the start.",
      absent: "starttls",
      example: "starttls",
    },
    ca_file: {
      type: path,
      doc: "A file with certificate authorities (PEM) to trust beside the system's, relative to the job file's folder.",
      example: "/etc/ssl/own-ca.pem",
    },
    user: {
      type: { kind: "shape", scalar: userName, map: SECRET },
      doc: "The account at the SMTP server.",
      absent: "no login",
      example: "petit",
    },
    password: { type: SECRET, doc: "Its password.", example: { env: "PETIT_SMTP_PASSWORD" } },
    from: { type: address, doc: "The sender of an `email`.", example: "petit@example.com" },
    to: {
      type: { kind: "shape", scalar: address, list: { kind: "list", of: address, minItems: 1, unique: true } },
      doc: "The recipients of an `email`: an address or a list.",
      example: ["ops@example.com"],
    },
    timeout: {
      type: { kind: "duration", minMs: 1 },
      doc: "How long the receiver may take to answer, at most 1m; then it is tried again later.",
      default: DEFAULT_NOTIFY_TIMEOUT_MS,
    },
  },
} as const satisfies ObjectType;

export const notify = { kind: "list", of: NOTIFY, minItems: 0 } as const satisfies FieldType;

export const NOTIFY_FIELD_NAMES = [
  "url",
  "headers",
  "secret",
  "token",
  "chat",
  "room",
  "host",
  "port",
  "tls",
  "ca_file",
  "user",
  "password",
  "from",
  "to",
] as const;
type NotifyField = (typeof NOTIFY_FIELD_NAMES)[number];

export type NotifyFields = Value<typeof NOTIFY>;
type SecretFields = Value<typeof SECRET>;

/** Turns the values of fields into parts of a target. */
export type FieldReader = {
  readonly text: (value: string | SecretFields) => TextOrSecret;
  readonly source: (value: SecretFields) => SecretSource;
  readonly path: (value: string) => string;
};

/** The entries of one type. */
type EntryType<Type extends NotifyType> = {
  /** Its fields, beside `type`, `on` and `timeout`. */
  readonly required: readonly NotifyField[];
  readonly optional: readonly NotifyField[];
  /** The events that it has a ping for. Without it, it can send all events. */
  readonly pings?: readonly NotifyEvent[];
  /** Returns why a URL can't be that of a receiver, or null. */
  readonly whyNotUrl?: (url: URL) => string | null;
  /** Builds what its targets have beside the fields of all targets. */
  readonly build: (fields: NotifyFields, read: FieldReader) => TargetFields[Type];
};

const CHANNEL = {
  required: ["url"],
  optional: [],
  build: ({ url }: NotifyFields, read: FieldReader) => ({ url: read.text(given(url)) }),
} as const;

const buildHook = ({ url, headers, secret }: NotifyFields, read: FieldReader) => ({
  url: read.text(given(url)),
  headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, read.text(value)])),
  secret: orNull(secret, read.source),
});

const DEFAULT_PORTS = { starttls: 587, tls: 465, none: 25 } as const satisfies Record<EmailTarget["tls"], number>;

/** The public server of Telegram's Bot API. */
const TELEGRAM_URL = "https://api.telegram.org";

export const NOTIFY_ENTRIES: { readonly [Type in NotifyType]: EntryType<Type> } = {
  webhook: { required: ["url"], optional: ["headers", "secret"], build: buildHook },
  healthchecks: { required: ["url"], optional: ["headers"], pings: PING_EVENTS, build: buildHook },
  email: {
    required: ["host", "from", "to"],
    optional: ["port", "tls", "ca_file", "user", "password"],
    build: ({ host, port, tls = "starttls", user, password, from, to, ca_file: caFile }, read) => ({
      host: given(host),
      port: port ?? DEFAULT_PORTS[tls],
      tls,
      user: orNull(user, read.text),
      password: orNull(password, read.source),
      from: given(from),
      to: typeof to === "string" ? [to] : given(to),
      caFile: orNull(caFile, read.path),
    }),
  },
  slack: CHANNEL,
  discord: CHANNEL,
  teams: CHANNEL,
  ntfy: {
    required: ["url"],
    optional: ["token"],
    whyNotUrl: (url) => {
      const topic = topicOf(url);
      return "problem" in topic ? topic.problem : null;
    },
    build: ({ url, token }, read) => ({ url: read.text(given(url)), token: orNull(token, read.source) }),
  },
  telegram: {
    required: ["token", "chat"],
    optional: ["url"],
    build: ({ url = TELEGRAM_URL, token, chat }, read) => ({
      url: read.text(url),
      token: read.source(given(token)),
      chat: given(chat),
    }),
  },
  matrix: {
    required: ["url", "token", "room"],
    optional: [],
    whyNotUrl: (url) => {
      const server = homeserverOf(url);
      return "problem" in server ? server.problem : null;
    },
    build: ({ url, token, room }, read) => ({
      url: read.text(given(url)),
      token: read.source(given(token)),
      room: given(room),
    }),
  },
};

/** Returns the value of a required field. Entries are built only after their fields have been checked. */
const given = <T>(value: T | undefined): T => {
  if (value === undefined) throw new Error("a required field of notify is missing");
  return value;
};

const orNull = <T, R>(value: T | undefined, read: (value: T) => R): R | null =>
  value === undefined ? null : read(value);
