import { describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import type { WebhookVerification } from "../../../src/domain/deliveries/trigger.ts";
import { credentialHeaders, identify, isVerified, secretProblem } from "../../../src/engine/deliveries/schemes.ts";
import type { Json } from "../../../src/lib/json.ts";

type Request = { readonly headers: Readonly<Record<string, string>>; readonly body: string | Uint8Array };

const bytes = (body: Request["body"]): Uint8Array => (typeof body === "string" ? new TextEncoder().encode(body) : body);

const scheme = (of: WebhookVerification["scheme"]): WebhookVerification => ({
  scheme: of,
  header: null,
  idHeader: null,
  algorithm: "sha256",
  encoding: "hex",
  prefix: "",
});

type Given = Request & { readonly verification: WebhookVerification; readonly secret: string; readonly now?: number };

const verify = ({ headers, body, verification, secret, now = 0 }: Given): boolean =>
  isVerified({ headers: new Headers(headers), body: bytes(body) }, verification, { secret, now });

const sha256 = (secret: string | Buffer, text: string): Buffer => createHmac("sha256", secret).update(text).digest();

const GITHUB = {
  verification: scheme("github"),
  secret: "It's a Secret to Everybody",
  headers: {
    "x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
    "x-github-event": "push",
    "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
  },
  body: "Hello, World!",
} as const satisfies Given;

const SLACK_AT = 1_531_420_618_000;
const SLACK = {
  verification: scheme("slack"),
  secret: "8f742231b10e8888abcd99yyyzzz85a5",
  headers: {
    "x-slack-request-timestamp": "1531420618",
    "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
  },
  body: "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
  now: SLACK_AT,
} as const satisfies Given;

const STANDARD_AT = 1_614_265_330_000;
const STANDARD = {
  verification: scheme("standard"),
  secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
  headers: {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  },
  body: '{"test": 2432232314}',
  now: STANDARD_AT,
} as const satisfies Given;

const STRIPE_AT = 1_700_000_000_000;
const STRIPE_BODY = '{"id":"evt_1","type":"invoice.paid"}';
const STRIPE = {
  verification: scheme("stripe"),
  secret: "whsec_test_secret",
  headers: {
    "stripe-signature": `t=1700000000,v1=${"0".repeat(64)},v1=${sha256("whsec_test_secret", `1700000000.${STRIPE_BODY}`).toString("hex")},v0=ff`,
  },
  body: STRIPE_BODY,
  now: STRIPE_AT,
} as const satisfies Given;

const GITLAB = {
  verification: scheme("gitlab"),
  secret: "a-gitlab-token",
  headers: { "x-gitlab-token": "a-gitlab-token", "x-gitlab-event": "Push Hook", "x-gitlab-event-uuid": "u-1" },
  body: '{"object_kind":"push"}',
} as const satisfies Given;

const HMAC = {
  verification: {
    scheme: "hmac",
    header: "x-signature",
    algorithm: "sha512",
    encoding: "base64",
    prefix: "sha512:",
    idHeader: "x-id",
  },
  secret: "s3cret-key",
  headers: {
    "x-signature": `sha512:${createHmac("sha512", "s3cret-key").update("a body").digest("base64")}`,
    "x-id": "17",
  },
  body: "a body",
} as const satisfies Given;

const TOKEN = {
  verification: scheme("token"),
  secret: "a-long-token",
  headers: { authorization: "Bearer a-long-token" },
  body: "",
} as const satisfies Given;

const GITEA = {
  ...GITHUB,
  verification: scheme("gitea"),
  headers: {
    "x-hub-signature-256": GITHUB.headers["x-hub-signature-256"],
    "x-gitea-event": "push",
    "x-gitea-delivery": "d-1",
  },
} as const satisfies Given;

const ALL: Readonly<Record<WebhookVerification["scheme"], Given>> = {
  github: GITHUB,
  gitea: GITEA,
  gitlab: GITLAB,
  stripe: STRIPE,
  slack: SLACK,
  standard: STANDARD,
  hmac: HMAC,
  token: TOKEN,
};

describe.each(Object.entries(ALL))("scheme %s", (name, given) => {
  test("accepts what its provider documents", () => {
    expect(verify(given)).toBe(true);
  });

  test("refuses another secret, an empty one, and a request without headers", () => {
    expect(verify({ ...given, secret: `x${given.secret}` })).toBe(false);
    expect(verify({ ...given, secret: "" })).toBe(false);
    expect(verify({ ...given, headers: {} })).toBe(false);
  });

  test("refuses each header that is cut, longer, or empty", () => {
    const signed = Object.keys(given.headers).filter((each) => /signature|token|authorization/.test(each));
    for (const header of signed)
      for (const value of ["", given.headers[header]?.slice(0, -9) ?? "", "sha256=", "=,=,"])
        expect(verify({ ...given, headers: { ...given.headers, [header]: value } })).toBe(false);
  });

  test("signs the bytes of the body", () => {
    const isSigned = name !== "gitlab" && name !== "token";
    const changed = Uint8Array.from([...bytes(given.body), 32]);
    expect(verify({ ...given, body: changed })).toBe(!isSigned);
  });
});

describe.each([
  ["stripe", STRIPE, STRIPE_AT],
  ["slack", SLACK, SLACK_AT],
  ["standard", STANDARD, STANDARD_AT],
] as const)("signed time of %s", (_name, given, at) => {
  test.each([
    [-300_000, true],
    [300_000, true],
    [-300_001, false],
    [300_001, false],
  ])("%d ms from petit's", (offset, accepted) => {
    expect(verify({ ...given, now: at + offset })).toBe(accepted);
  });
});

test("a signature over invalid UTF-8 is over its bytes", () => {
  const body = Uint8Array.from([0xff, 0xfe, 0x00, 0x80]);
  const digest = createHmac("sha256", "secret").update(body).digest("hex");
  const headers = { "x-hub-signature-256": `sha256=${digest}` };
  expect(verify({ verification: scheme("github"), secret: "secret", headers, body })).toBe(true);
});

test("a Standard Webhooks request without an id is refused", () => {
  const signature = sha256(Buffer.from("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "base64"), ".1614265330.x").toString(
    "base64",
  );
  const headers = { "webhook-timestamp": "1614265330", "webhook-signature": `v1,${signature}` };
  expect(verify({ ...STANDARD, headers, body: "x" })).toBe(false);
});

describe("identity of a request", () => {
  const identityOf = ({ headers, verification }: Given, body: Json) =>
    identify(new Headers(headers), body, verification);

  test.each([
    ["GitHub", GITHUB, {}, ["push"], "72d3162e-cc78-11e3-81ab-4c9367dc0958"],
    ["Gitea", GITEA, {}, ["push"], "d-1"],
    ["GitLab", GITLAB, { object_kind: "push" }, ["Push Hook", "push"], "u-1"],
    ["Stripe", STRIPE, { id: "evt_1", type: "invoice.paid" }, ["invoice.paid"], "evt_1"],
    [
      "Slack",
      SLACK,
      { event_id: "Ev1", type: "event_callback", event: { type: "message" } },
      ["message", "event_callback"],
      "Ev1",
    ],
    ["Standard Webhooks", STANDARD, { type: "user.created" }, ["user.created"], "msg_p5jXN8AQM9LWM0D4loKWxJek"],
    ["hmac", HMAC, {}, [], "17"],
    ["token", TOKEN, {}, [], null],
  ] as const)("%s", (_name, given, body, eventTypes, deliveryId) => {
    expect(identityOf(given, body)).toEqual({ eventTypes: [...eventTypes], deliveryId });
  });

  test("GitLab's Idempotency-Key comes before the UUID of the event", () => {
    const headers = { ...GITLAB.headers, "idempotency-key": "k-1" };
    expect(identityOf({ ...GITLAB, headers }, {}).deliveryId).toBe("k-1");
  });

  test("a field with the name of a method is none", () => {
    expect(identityOf(STRIPE, JSON.parse('{"__proto__":{"type":"x","id":"y"}}') as Json)).toEqual({
      eventTypes: [],
      deliveryId: null,
    });
  });
});

test.each(["whsec_", "whsec_***", "é", "=", "whsec_====", "whsec_!!!notbase64", "whsec_a"])(
  "the secret %j of Standard Webhooks has no key, so nothing is verified with it",
  (secret) => {
    const verification = scheme("standard");
    const forged = createHmac("sha256", Buffer.from(secret.replace("whsec_", ""), "base64")).update("m1.0.{}");
    const headers = {
      "webhook-id": "m1",
      "webhook-timestamp": "0",
      "webhook-signature": `v1,${forged.digest("base64")}`,
    };
    expect(verify({ verification, secret, headers, body: "{}" })).toBe(false);
    expect(secretProblem(secret, verification)).toBe("is not base64 after 'whsec_'");
  },
);

test("headers that have a secret or a signature are known", () => {
  const hmac = { ...scheme("hmac"), header: "x-sig", idHeader: "x-id" };
  expect([...credentialHeaders(hmac)].sort()).toEqual(["authorization", "cookie", "proxy-authorization", "x-sig"]);
  expect(credentialHeaders({ ...scheme("token"), header: "x-tok" }).has("x-tok")).toBe(true);
  expect(credentialHeaders(scheme("gitlab")).has("x-gitlab-token")).toBe(true);
  expect(credentialHeaders(scheme("github")).has("x-github-event")).toBe(false);
});
