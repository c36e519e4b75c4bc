import { t } from "elysia";
import { maskedUrl, NOTIFY_EVENTS, NOTIFY_TYPES, type NotifyTarget, receiverText } from "../../domain/notification.ts";
import { exactly, integer, nullable, word } from "./schemas.ts";

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
    signed: t.Boolean({ description: "True if messages are signed" }),
    timeout_ms: integer({ minimum: 1, description: "Timeout of a delivery attempt, in ms" }),
  },
  { title: "Notify", description: "A receiver of notifications about a job" },
);

export const notifyBody = (target: NotifyTarget): typeof NotifyBody.static => ({
  type: target.type,
  target: receiverText(target),
  url: "url" in target ? maskedUrl(target.url) : null,
  on: [...target.on],
  headers: "headers" in target ? Object.keys(target.headers) : [],
  signed: "secret" in target && target.secret !== null,
  timeout_ms: target.timeoutMs,
});
