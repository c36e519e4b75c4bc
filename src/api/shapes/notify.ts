import { type Static, type TSchema, t } from "elysia";
import {
  EMAIL_TLS,
  maskedUrl,
  NOTIFY_EVENTS,
  NOTIFY_TYPES,
  type NotifyTarget,
  receiverText,
} from "../../domain/notification.ts";
import type { TextOrSecret } from "../../domain/secret.ts";
import { MASK } from "../../jobfile/possible-secrets.ts";
import { NOTIFY, type NOTIFY_FIELD_NAMES } from "../../jobfile/schema/notify.ts";
import { assertNever } from "../../lib/never.ts";
import { exactly, integer, nullable, word } from "./schemas.ts";

const Source = t.Union([
  exactly({ env: t.String() }),
  exactly({ file: t.String() }),
  exactly({ credential: t.String() }),
]);

/** Returns the schema of a field that only some types have, with the description of the job file. */
const some = <Schema extends TSchema>(field: keyof typeof NOTIFY.fields, schema: Schema) =>
  t.Optional({ ...schema, description: NOTIFY.fields[field].doc });

/** The fields of the job file that only some types have, with the same names and values. */
const ownFields = {
  secret: some("secret", t.Union([Source, t.Null()])),
  token: some("token", t.Union([Source, t.Null()])),
  chat: some("chat", t.String()),
  room: some("room", t.String()),
  host: some("host", t.String()),
  port: some("port", t.Integer()),
  tls: some("tls", word(EMAIL_TLS)),
  ca_file: some("ca_file", t.Union([t.String(), t.Null()])),
  user: some("user", t.Union([t.String(), Source, t.Null()])),
  password: some("password", t.Union([Source, t.Null()])),
  from: some("from", t.String()),
  to: some("to", t.Array(t.String())),
} satisfies Record<Exclude<(typeof NOTIFY_FIELD_NAMES)[number], "url" | "headers">, TSchema>;

/** An entry of a `notify` list, without secrets. */
export const NotifyBody = exactly(
  {
    type: word(NOTIFY_TYPES, "Protocol of the receiver"),
    target: t.String({
      description: "Receiver, with secrets hidden, such as a URL, a chat, or the addresses of an email",
    }),
    url: nullable(
      t.String(),
      "Scheme and host of the URL, with the rest hidden; or the variable, file or credential that contains it. Null for an email",
    ),
    on: t.Array(word(NOTIFY_EVENTS, "An event"), { description: "Events that are sent" }),
    headers: t.Array(t.String(), { description: "Names of additional headers" }),
    header_values: t.Record(t.String(), t.Union([t.String(), Source]), {
      description: "The additional headers by name: where each value is read, or `…` for one in the job file",
    }),
    signed: t.Boolean({ description: "True if messages are signed" }),
    timeout_ms: integer({ minimum: 1, description: "Timeout of an attempt to send, in ms" }),
    ...ownFields,
  },
  {
    title: "Notify",
    description:
      "A receiver of notifications about a job. Of a secret it has only where it is read. A field that its type does not have is missing",
  },
);

export const notifyBody = (target: NotifyTarget): typeof NotifyBody.static => ({
  type: target.type,
  target: receiverText(target),
  url: "url" in target ? maskedUrl(target.url) : null,
  on: [...target.on],
  headers: "headers" in target ? Object.keys(target.headers) : [],
  header_values: "headers" in target ? headerValues(target.headers) : {},
  signed: "secret" in target && target.secret !== null,
  timeout_ms: target.timeoutMs,
  ...ownBody(target),
});

const headerValues = (headers: Readonly<Record<string, TextOrSecret>>): (typeof NotifyBody.static)["header_values"] =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, typeof value === "string" ? MASK : { ...value }]),
  );

type OwnBody = { readonly [Field in keyof typeof ownFields]?: Static<(typeof ownFields)[Field]> };

const ownBody = (target: NotifyTarget): OwnBody => {
  switch (target.type) {
    case "webhook":
      return { secret: target.secret };
    case "email": {
      const { host, port, tls, user, password, from, to, caFile } = target;
      return { host, port, tls, ca_file: caFile, user, password, from, to: [...to] };
    }
    case "ntfy":
      return { token: target.token };
    case "telegram":
      return { token: target.token, chat: target.chat };
    case "matrix":
      return { token: target.token, room: target.room };
    case "healthchecks":
    case "slack":
    case "discord":
    case "teams":
      return {};
    default:
      return assertNever(target);
  }
};
