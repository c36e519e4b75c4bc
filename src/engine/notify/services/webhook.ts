import { createHmac } from "node:crypto";
import type { WebhookTarget } from "../../../domain/notification.ts";
import { HEADER_VALUE } from "../../../jobfile/schema/header.ts";
import { type HttpSending, httpService } from "./http-service.ts";
import { EVENT_HEADER, SENDING_HEADER } from "./notify-service.ts";

/**
 * Header of a webhook's signature: `t=<seconds since the epoch>,v1=<hex>`, the HMAC-SHA256 of `<t>.<body>` with the target's
 * secret. The receiver computes it from the unchanged bytes of the body, compares in constant time, and rejects an old `t`.
 */
export const SIGNATURE_HEADER = "Petit-Signature";

/** Posts the body of the notification as JSON. */
export const webhook = httpService<"webhook">((sending) => {
  const { notice, url, values, now } = sending;
  const own = headersOf(sending);
  if ("problem" in own) return own;
  const secret = values.get("secret");
  const headers = {
    ...own.headers,
    "Content-Type": "application/json",
    [EVENT_HEADER]: notice.event,
    ...(secret !== undefined && { [SIGNATURE_HEADER]: signBody(notice.notice, { secret, now }) }),
  };
  return { url, method: "POST", headers, body: notice.notice, readAnswer: null, secrets: [] };
});

type OwnHeaders = { readonly headers: Readonly<Record<string, string>> } | { readonly problem: string };

/** Returns the headers that the target names, and those of all requests to programs. */
export const headersOf = ({
  notice,
  target,
  values,
}: Pick<HttpSending<WebhookTarget["type"]>, "notice" | "target" | "values">): OwnHeaders => {
  const own: Record<string, string> = {};
  for (const name of Object.keys(target.headers)) {
    const value = values.get(`headers.${name}`) ?? "";
    if (!HEADER_VALUE.test(value)) return { problem: `the value of header ${name} has invalid characters` };
    own[name] = value;
  }
  return { headers: { "User-Agent": "petit", ...own, [SENDING_HEADER]: notice.id } };
};

/** Returns the value of the signature header. `now` is in ms since the epoch. */
const signBody = (body: string, { secret, now }: { readonly secret: string; readonly now: number }): string => {
  const seconds = Math.floor(now / 1000);
  const digest = createHmac("sha256", secret).update(`${seconds}.${body}`).digest("hex");
  return `t=${seconds},v1=${digest}`;
};
