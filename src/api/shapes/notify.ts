import { t } from "elysia";
import { maskedUrl, NOTIFY_EVENTS, NOTIFY_TYPES, type NotifyTarget } from "../../domain/notification.ts";
import { exactly, integer, word } from "./schemas.ts";

/** An entry of `notify`, without anything that could be a secret. */
export const NotifyBody = exactly(
  {
    type: word(NOTIFY_TYPES, "How it is told"),
    url: t.String({
      description: "Where it goes: scheme and host of the URL, the rest of it hidden; or where the whole URL is read",
    }),
    on: t.Array(word(NOTIFY_EVENTS, "An event"), { description: "What is told" }),
    headers: t.Array(t.String(), { description: "Names of the further headers" }),
    signed: t.Boolean({ description: "Whether it is signed with a secret" }),
    timeout_ms: integer({ minimum: 1, description: "How long the receiver may take, in ms" }),
  },
  { title: "Notify", description: "Who is told what became of a job" },
);

export const notifyBody = (target: NotifyTarget): typeof NotifyBody.static => ({
  type: target.type,
  url: maskedUrl(target.url),
  on: [...target.on],
  headers: Object.keys(target.headers),
  signed: target.secret !== null,
  timeout_ms: target.timeoutMs,
});
