import { createHmac } from "node:crypto";
import type { NotifyTarget } from "../../domain/notification.ts";
import type { Delivery } from "../../store/notifications.ts";
import type { Notice } from "./message.ts";
import { type Found, readDiscreet, type SecretPlaces } from "./secret.ts";

/** The same for each attempt at one delivery: a receiver that has seen it already knows it by this. */
export const DELIVERY_HEADER = "Petit-Delivery";

export const EVENT_HEADER = "Petit-Event";

/**
 * `t=<seconds since the epoch>,v1=<hex>`: the HMAC-SHA256, under the target's secret, of `<t>.<body>`, the body byte for
 * byte. A receiver computes it again, compares in constant time, and refuses a `t` that is too old.
 */
export const SIGNATURE_HEADER = "Petit-Signature";

/** A POST that holds all that it needs, secrets included: it is sent and forgotten. */
export type NotifyRequest = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

export type RequestOptions = SecretPlaces & { readonly now: number };

/** Reads the secrets and puts a request together; where it can't, says why without any of them. */
export const makeRequest = (
  delivery: Delivery,
  target: NotifyTarget,
  options: RequestOptions,
): NotifyRequest | { readonly problem: string } => {
  const url = readUrl(target, options);
  if ("problem" in url) return url;
  const headers = readHeaders(target, options);
  if ("problem" in headers) return headers;
  const base = { "User-Agent": "petit", ...headers.values, [DELIVERY_HEADER]: delivery.id };
  if (target.type === "healthchecks") return pingOf(delivery, new URL(url.value), base);
  const signature = sign(delivery.notice, target, options);
  if ("problem" in signature) return signature;
  const own = { "Content-Type": "application/json", [EVENT_HEADER]: delivery.event, ...signature.headers };
  return { url: url.value, headers: { ...base, ...own }, body: delivery.notice };
};

const readUrl = (target: NotifyTarget, options: RequestOptions): Found => {
  const found = readDiscreet(target.url, options);
  if ("problem" in found) return found;
  const isUsable = URL.canParse(found.value) && isPlain(new URL(found.value));
  return isUsable ? found : { problem: "what is to be its URL is none; expected one such as https://example.com/hook" };
};

const isPlain = ({ protocol, username, password }: URL): boolean =>
  (protocol === "http:" || protocol === "https:") && username + password === "";

type Headers = { readonly values: Readonly<Record<string, string>> } | { readonly problem: string };

const readHeaders = ({ headers }: NotifyTarget, options: RequestOptions): Headers => {
  const values: Record<string, string> = {};
  for (const [name, text] of Object.entries(headers)) {
    const found = readDiscreet(text, options);
    if ("problem" in found) return found;
    if (!/^[\x20-\x7e\xa0-\xff]*$/.test(found.value)) return { problem: `the value of header ${name} can't be sent` };
    values[name] = found.value;
  }
  return { values };
};

type Signature = { readonly headers: Readonly<Record<string, string>> } | { readonly problem: string };

const sign = (body: string, { secret }: NotifyTarget, options: RequestOptions): Signature => {
  if (secret === null) return { headers: {} };
  const found = readDiscreet(secret, options);
  if ("problem" in found) return found;
  const seconds = Math.floor(options.now / 1000);
  const digest = createHmac("sha256", found.value).update(`${seconds}.${body}`).digest("hex");
  return { headers: { [SIGNATURE_HEADER]: `t=${seconds},v1=${digest}` } };
};

/** `URL/start`, `URL`, `URL/<exit status>`, `URL/fail` or `URL/log`, with the run's id; a failure brings its log along. */
const pingOf = (delivery: Delivery, url: URL, headers: NotifyRequest["headers"]): NotifyRequest => {
  const notice: Notice = JSON.parse(delivery.notice);
  const suffix = suffixOf(notice);
  url.pathname = url.pathname.replace(/\/+$/, "") + (suffix === "" ? "" : `/${suffix}`);
  if (delivery.runId !== null) url.searchParams.set("rid", delivery.runId);
  const type = { "Content-Type": "text/plain; charset=utf-8" };
  return { url: url.href, headers: { ...headers, ...type }, body: bodyOfPing(notice) };
};

const suffixOf = (notice: Notice): string => {
  if (notice.event === "started") return "start";
  if (notice.event === "failure") return exitStatusOf(notice) ?? "fail";
  // It changes nothing about the check: somebody asked for that end.
  return notice.event === "cancelled" ? "log" : "";
};

/** Of the task that failed first in the order of the definition; null where it has none that says so. */
const exitStatusOf = ({ run, failed_tasks: [first] }: Notice): string | null => {
  const status = run?.status === "failed" && first?.reason === "exit_code" ? first.exit_code : null;
  return status !== null && status >= 1 && status <= 255 ? String(status) : null;
};

const bodyOfPing = (notice: Notice): string => {
  if (notice.event === "cancelled") return "cancelled";
  return notice.event === "failure" ? (notice.log_tail ?? notice.run?.error ?? "") : "";
};
