import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { WebhookScheme, WebhookVerification } from "../../domain/deliveries/trigger.ts";
import { ExactNumber, type Json } from "../../lib/json.ts";

/** A request as it came. The signature is over its bytes: a body that was parsed and written again has another one. */
export type SignedRequest = { readonly headers: Headers; readonly body: Uint8Array };

/** What a verified request says about itself. */
export type WebhookIdentity = {
  /** The provider's names for the type of the event, the usual one first. Empty if the request has none. */
  readonly eventTypes: readonly string[];
  /** The provider's id of the delivery, which is the same if it sends the delivery again. */
  readonly deliveryId: string | null;
};

type SchemeRules = {
  /** Returns whether the request has a signature that only the owner of the secret can have made, in time. `now` is in ms since the epoch. */
  readonly verify: (request: SignedRequest, secret: string, now: number, verification: WebhookVerification) => boolean;
  /** `body` is null if it is not JSON. */
  readonly identify: (headers: Headers, body: Json, verification: WebhookVerification) => WebhookIdentity;
  /** Names of the request headers that are stored, in lower case. */
  readonly headers: (verification: WebhookVerification) => readonly string[];
  /** True if the id of a delivery is not signed but its body is: whoever has seen a request could send it again with another id. */
  readonly hasUnsignedId: boolean;
  /** Returns the headers with which the provider would send a request. */
  readonly sign: (body: Uint8Array, draft: WebhookDraft, verification: WebhookVerification) => HeaderValues;
  /** Returns whether the provider only tests the address. Such a request starts nothing. */
  readonly isHandshake: (identity: WebhookIdentity) => boolean;
};

/** What a request is signed with, and what it says about itself. `now` is in ms since the Unix epoch. */
type WebhookDraft = {
  readonly secret: string;
  readonly now: number;
  readonly eventType: string | null;
  readonly deliveryId: string;
};

type HeaderValues = Readonly<Record<string, string>>;

/** How far the signed time of a request may be from petit's, in ms. */
const TOLERANCE_MS = 300_000;

const never = (): boolean => false;

/** The rules of each scheme, as its provider documents them. */
const SCHEMES: Readonly<Record<WebhookScheme, SchemeRules>> = {
  // https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
  github: {
    verify: ({ headers, body }, secret) => isSame(headers.get("x-hub-signature-256"), hubSignature(secret, body)),
    identify: (headers) => ({
      eventTypes: listOf(headers.get("x-github-event")),
      deliveryId: headers.get("x-github-delivery"),
    }),
    sign: (body, { secret, eventType, deliveryId }) => ({
      "x-hub-signature-256": hubSignature(secret, body),
      "x-github-event": eventType ?? "push",
      "x-github-delivery": deliveryId,
    }),
    headers: () => ["x-github-event", "x-github-delivery", "x-github-hook-id"],
    hasUnsignedId: true,
    isHandshake: ({ eventTypes }) => eventTypes.includes("ping"),
  },
  // https://docs.gitea.com/usage/webhooks
  gitea: {
    verify: ({ headers, body }, secret) => isSame(headers.get("x-hub-signature-256"), hubSignature(secret, body)),
    identify: (headers) => ({
      eventTypes: listOf(headers.get("x-gitea-event")),
      deliveryId: headers.get("x-gitea-delivery"),
    }),
    sign: (body, { secret, eventType, deliveryId }) => ({
      "x-hub-signature-256": hubSignature(secret, body),
      "x-gitea-event": eventType ?? "push",
      "x-gitea-delivery": deliveryId,
    }),
    headers: () => ["x-gitea-event", "x-gitea-event-type", "x-gitea-delivery"],
    hasUnsignedId: true,
    isHandshake: never,
  },
  // https://docs.gitlab.com/user/project/integrations/webhooks/
  gitlab: {
    verify: ({ headers }, secret) => isSame(headers.get("x-gitlab-token"), secret),
    identify: (headers, body) => ({
      eventTypes: listOf(headers.get("x-gitlab-event"), textField(body, "object_kind")),
      deliveryId: headers.get("idempotency-key") ?? headers.get("x-gitlab-event-uuid"),
    }),
    sign: (_body, { secret, eventType, deliveryId }) => ({
      "x-gitlab-token": secret,
      "x-gitlab-event": eventType ?? "Push Hook",
      "x-gitlab-event-uuid": deliveryId,
    }),
    headers: () => ["x-gitlab-event", "x-gitlab-event-uuid", "x-gitlab-instance", "idempotency-key"],
    hasUnsignedId: false,
    isHandshake: never,
  },
  // https://docs.stripe.com/webhooks/signature
  stripe: {
    verify: ({ headers, body }, secret, now) => {
      const parts = (headers.get("stripe-signature") ?? "").split(",").map((part) => part.trim());
      const valuesOf = (name: string): readonly string[] =>
        parts.filter((part) => part.startsWith(`${name}=`)).map((part) => part.slice(name.length + 1));
      const [time = ""] = valuesOf("t");
      if (!isInTime(time, now)) return false;
      const expected = hmac("sha256", secret, `${time}.`, body).toString("hex");
      return isOneOf(valuesOf("v1"), expected);
    },
    identify: (_headers, body) => ({
      eventTypes: listOf(textField(body, "type")),
      deliveryId: textField(body, "id"),
    }),
    sign: (body, { secret, now }) => {
      const time = secondsOf(now);
      return { "stripe-signature": `t=${time},v1=${hmac("sha256", secret, `${time}.`, body).toString("hex")}` };
    },
    headers: () => [],
    hasUnsignedId: false,
    isHandshake: never,
  },
  // https://docs.slack.dev/authentication/verifying-requests-from-slack
  slack: {
    verify: ({ headers, body }, secret, now) => {
      const time = headers.get("x-slack-request-timestamp") ?? "";
      const expected = `v0=${hmac("sha256", secret, `v0:${time}:`, body).toString("hex")}`;
      return isInTime(time, now) && isSame(headers.get("x-slack-signature"), expected);
    },
    identify: (_headers, body) => {
      const event = isObject(body) ? (body.event ?? null) : null;
      return {
        eventTypes: listOf(textField(event, "type"), textField(body, "type")),
        deliveryId: textField(body, "event_id"),
      };
    },
    sign: (body, { secret, now }) => {
      const time = secondsOf(now);
      return {
        "x-slack-request-timestamp": time,
        "x-slack-signature": `v0=${hmac("sha256", secret, `v0:${time}:`, body).toString("hex")}`,
      };
    },
    headers: () => ["x-slack-retry-num", "x-slack-retry-reason"],
    hasUnsignedId: false,
    isHandshake: ({ eventTypes }) => eventTypes.includes("url_verification"),
  },
  // https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
  standard: {
    verify: ({ headers, body }, secret, now) => {
      const time = headers.get("webhook-timestamp") ?? "";
      const id = headers.get("webhook-id") ?? "";
      if (!isInTime(time, now) || id === "") return false;
      const expected = hmac("sha256", standardKey(secret), `${id}.${time}.`, body).toString("base64");
      const given = (headers.get("webhook-signature") ?? "").split(" ");
      return isOneOf(given, `v1,${expected}`);
    },
    identify: (headers, body) => ({
      eventTypes: listOf(textField(body, "type")),
      deliveryId: headers.get("webhook-id"),
    }),
    sign: (body, { secret, now, deliveryId }) => {
      const time = secondsOf(now);
      const signature = hmac("sha256", standardKey(secret), `${deliveryId}.${time}.`, body).toString("base64");
      return { "webhook-id": deliveryId, "webhook-timestamp": time, "webhook-signature": `v1,${signature}` };
    },
    headers: () => ["webhook-id", "webhook-timestamp"],
    hasUnsignedId: false,
    isHandshake: never,
  },
  hmac: {
    verify: ({ headers, body }, secret, _now, { header, algorithm, encoding, prefix }) => {
      const given = ownHeader(headers, header);
      if (given === null || !given.startsWith(prefix)) return false;
      const digest = hmac(algorithm, secret, body);
      const signature = given.slice(prefix.length).trim();
      return encoding === "hex"
        ? isSame(signature.toLowerCase(), digest.toString("hex"))
        : isSame(signature.replace(/=+$/, ""), digest.toString("base64").replace(/=+$/, ""));
    },
    identify: (headers, _body, { idHeader }) => ({ eventTypes: [], deliveryId: ownHeader(headers, idHeader) }),
    sign: (body, { secret, deliveryId }, { header, idHeader, algorithm, encoding, prefix }) => ({
      [header ?? ""]: `${prefix}${hmac(algorithm, secret, body).toString(encoding)}`,
      ...(idHeader !== null && { [idHeader]: deliveryId }),
    }),
    headers: ({ idHeader }) => listOf(idHeader),
    hasUnsignedId: false,
    isHandshake: never,
  },
  token: {
    verify: ({ headers }, secret, _now, { header }) =>
      isSame(header === null ? bearerOf(headers) : headers.get(header), secret),
    identify: (headers, _body, { idHeader }) => ({ eventTypes: [], deliveryId: ownHeader(headers, idHeader) }),
    sign: (_body, { secret, deliveryId }, { header, idHeader }) => ({
      ...(header === null ? { authorization: `Bearer ${secret}` } : { [header]: secret }),
      ...(idHeader !== null && { [idHeader]: deliveryId }),
    }),
    headers: ({ idHeader }) => listOf(idHeader),
    hasUnsignedId: false,
    isHandshake: never,
  },
};

const hmac = (algorithm: string, secret: string | Buffer, ...parts: readonly (string | Uint8Array)[]): Buffer => {
  const made = createHmac(algorithm, secret);
  for (const part of parts) made.update(part);
  return made.digest();
};

const hubSignature = (secret: string, body: Uint8Array): string =>
  `sha256=${hmac("sha256", secret, body).toString("hex")}`;

/** The key of a secret of Standard Webhooks, which is base64 after "whsec_"; null if it is something else. */
const standardKeyOf = (secret: string): Buffer | null => {
  const text = secret.replace(/^whsec_/, "");
  return /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/.test(text) && text.length >= 2
    ? Buffer.from(text, "base64")
    : null;
};

const standardKey = (secret: string): Buffer => {
  const key = standardKeyOf(secret);
  if (key === null) throw new Error("the secret is not base64");
  return key;
};

/** Returns what is wrong with a secret that was read; null if nothing is. */
export const secretProblem = (secret: string, { scheme }: Pick<WebhookVerification, "scheme">): string | null => {
  if (secret === "") return "is empty";
  if (scheme === "standard" && standardKeyOf(secret) === null) return "is not base64 after 'whsec_'";
  return null;
};

/** Names of the request headers that prove who has sent it, in lower case. They are never stored: some are the secret itself. */
export const credentialHeaders = (verification: WebhookVerification): ReadonlySet<string> => {
  const rules = SCHEMES[verification.scheme];
  const draft = { secret: "AAAA", now: 0, eventType: null, deliveryId: "" };
  const signed = Object.keys(rules.sign(new Uint8Array(), draft, verification));
  const stored = new Set(rules.headers(verification));
  const own = signed.filter((name) => !stored.has(name.toLowerCase())).map((name) => name.toLowerCase());
  return new Set([...own, "authorization", "proxy-authorization", "cookie"]);
};

const secondsOf = (now: number): string => String(Math.floor(now / 1000));

/** Takes the same time wherever two texts differ, and whatever their lengths are. */
const isSame = (given: string | null, expected: string): boolean =>
  given !== null && timingSafeEqual(digest(given), digest(expected));

/** Providers send one signature for each secret while a secret is changed. */
const isOneOf = (given: readonly string[], expected: string): boolean =>
  given.slice(0, MAX_SIGNATURES).some((each) => isSame(each, expected));

const MAX_SIGNATURES = 10;

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

/** `time` is in seconds since the Unix epoch. */
const isInTime = (time: string, now: number): boolean =>
  /^\d{1,12}$/.test(time) && Math.abs(now - Number(time) * 1000) <= TOLERANCE_MS;

const bearerOf = (headers: Headers): string | null =>
  /^Bearer +(.+)$/i.exec(headers.get("authorization") ?? "")?.[1] ?? null;

const ownHeader = (headers: Headers, name: string | null): string | null => (name === null ? null : headers.get(name));

const isObject = (value: Json): value is { readonly [key: string]: Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber);

const textField = (value: Json, name: string): string | null => {
  if (!isObject(value) || !Object.hasOwn(value, name)) return null;
  const field = value[name];
  return typeof field === "string" ? field : null;
};

const listOf = (...values: readonly (string | null)[]): readonly string[] =>
  values.flatMap((value) => (value === null || value === "" ? [] : [value]));

type Proof = { readonly secret: string /** In ms since the Unix epoch. */; readonly now: number };

/** Returns whether a request proves that its sender has the secret. Takes time in proportion to the body, and starts nothing. */
export const isVerified = (
  request: SignedRequest,
  verification: WebhookVerification,
  { secret, now }: Proof,
): boolean =>
  secretProblem(secret, verification) === null && rulesOf(verification).verify(request, secret, now, verification);

/** Returns what a verified request says about itself. `body` is a string if it is not JSON. */
export const identify = (headers: Headers, body: Json, verification: WebhookVerification): WebhookIdentity => {
  const { eventTypes, deliveryId } = rulesOf(verification).identify(headers, body, verification);
  return {
    eventTypes: eventTypes.map((type) => type.slice(0, MAX_EVENT_TYPE)),
    deliveryId: deliveryId === null || deliveryId === "" ? null : shortId(deliveryId),
  };
};

const MAX_EVENT_TYPE = 128;
const MAX_DELIVERY_ID = 200;

/** A longer id, of which the body of a request can have one, is known by its digest. */
const shortId = (id: string): string => (id.length <= MAX_DELIVERY_ID ? id : `sha256:${digest(id).toString("hex")}`);

/** Returns the rules of a scheme. */
export const rulesOf = ({ scheme }: WebhookVerification): SchemeRules => SCHEMES[scheme];
