import { afterAll, describe, expect, test } from "bun:test";
import type { SignInOptions } from "../../../src/auth/auth.ts";
import type { RoleRules } from "../../../src/domain/people/sign-in.ts";
import { fakeApi } from "../../support/petit/api-fake.ts";

const SECRET = "the-secret-of-the-proxy";
const TOKEN = "a-token-of-the-file";
const PROXY = "10.0.0.5";
const OTHER = "192.0.2.7";

const ROLES: RoleRules = {
  admin: [{ group: "ops", limit: null }],
  operator: [
    { group: "dev", limit: null },
    { group: "finance", limit: { jobs: ["etl_*"], tags: null } },
  ],
  viewer: [{ group: "staff", limit: null }],
};

let secret = SECRET;
const signIn = (roles: RoleRules = ROLES): SignInOptions => ({
  proxy: {
    settings: {
      from: [PROXY, "fd00::/8"],
      secret: { file: "/proxy.secret" },
      user: "remote-user",
      groups: "remote-groups",
      roles,
    },
    secret: () => secret,
  },
  provider: null,
  contact: "ops@example.com",
});

const tokens = [{ name: "ci", role: "admin", token: TOKEN }] as const;
const api = fakeApi({ tokens, signIn: signIn() });
const everybody = fakeApi({ signIn: signIn({ ...ROLES, viewer: [{ group: "*", limit: null }] }) });
afterAll(() => {
  for (const each of [api, everybody]) each.api.close();
});

const S = { "x-petit-proxy-secret": SECRET };
const ADA = { "remote-user": "ada" };
const OPS = { "remote-groups": "ops" };
const BEARER = { authorization: `Bearer ${TOKEN}` };

type Headers = Readonly<Record<string, string>>;
type Asked = {
  readonly headers?: Headers;
  readonly peer?: string;
  readonly method?: string;
  readonly from?: typeof api;
};

const ask = ({ headers = {}, peer = PROXY, method = "GET", from = api }: Asked, path = "/api/session") =>
  from.ask(path, { method, peer, headers: { ...headers } });

/** Returns who petit takes the sender for, or the status of its refusal. */
const whoIs = async (asked: Asked): Promise<unknown> => {
  const response = await ask(asked);
  const body = await response.json();
  return response.status === 200 ? [body.via, body.name, body.role] : response.status;
};

describe("a request from the proxy", () => {
  test.each<readonly [string, Headers, unknown]>([
    ["with a person of a group", { ...S, ...ADA, ...OPS }, ["proxy", "ada", "admin"]],
    [
      "with header names in capitals",
      { "X-PETIT-PROXY-SECRET": SECRET, "REMOTE-USER": "ada", "Remote-Groups": "dev" },
      ["proxy", "ada", "operator"],
    ],
    ["with several groups", { ...S, ...ADA, "remote-groups": "others, dev ,staff" }, ["proxy", "ada", "operator"]],
    [
      "with a name in UTF-8",
      { ...S, "remote-user": Buffer.from("Zoë").toString("latin1"), ...OPS },
      ["proxy", "Zoë", "admin"],
    ],
    ["with spaces around", { ...S, "remote-user": " ada ", ...OPS }, ["proxy", "ada", "admin"]],
    ["with a group that no role has", { ...S, ...ADA, "remote-groups": "others" }, 403],
    ["with a group in another case", { ...S, ...ADA, "remote-groups": "OPS" }, 403],
    ["with the group '*'", { ...S, ...ADA, "remote-groups": "*" }, 403],
    ["with empty groups", { ...S, ...ADA, "remote-groups": "" }, 403],
    ["with groups of commas only", { ...S, ...ADA, "remote-groups": " , ," }, 403],
    ["without groups", { ...S, ...ADA }, 403],
    ["with the secret alone", S, 401],
    ["with the secret and a token", { ...S, ...BEARER }, ["token", "ci", "admin"]],
    ["with groups and without a person", { ...S, ...OPS }, 401],
    ["with an empty person", { ...S, "remote-user": "", ...OPS }, 401],
    ["with a person of spaces", { ...S, "remote-user": "  ", ...OPS }, 401],
    ["with an empty person and a token", { ...S, "remote-user": "", ...BEARER }, ["token", "ci", "admin"]],
    ["with two persons", { ...S, "remote-user": "ada, mallory", ...OPS }, 403],
    ["with the same person twice", { ...S, "remote-user": "ada, ada", ...OPS }, 403],
    ["with a person that is too long", { ...S, "remote-user": "a".repeat(257), ...OPS }, 403],
    ["with a control character in the person", { ...S, "remote-user": "a\u007fb", ...OPS }, 403],
    ["with a person and a token", { ...S, ...ADA, "remote-groups": "staff", ...BEARER }, ["token", "ci", "admin"]],
    ["with a person and a wrong token", { ...S, ...ADA, ...OPS, authorization: "Bearer wrong" }, 401],
    ["without the secret", { ...ADA, ...OPS }, 403],
    ["with an empty secret", { ...ADA, ...OPS, "x-petit-proxy-secret": "" }, 403],
    ["with a wrong secret", { ...ADA, ...OPS, "x-petit-proxy-secret": `${SECRET}x` }, 403],
    ["with a prefix of the secret", { ...ADA, ...OPS, "x-petit-proxy-secret": SECRET.slice(0, -1) }, 403],
    ["with the secret twice", { ...ADA, ...OPS, "x-petit-proxy-secret": `${SECRET}, ${SECRET}` }, 403],
    ["with a wrong secret and a token", { "x-petit-proxy-secret": "wrong", ...BEARER }, 403],
    ["with Remote_User", { ...S, remote_user: "ada", ...OPS }, 403],
    ["with Remote-User and Remote_User", { ...S, ...ADA, ...OPS, remote_user: "root" }, 403],
    ["with REMOTE_GROUPS", { ...S, ...ADA, REMOTE_GROUPS: "ops" }, 403],
    ["with X_Petit_Proxy_Secret", { x_petit_proxy_secret: SECRET, ...ADA, ...OPS }, 403],
    ["with none of the headers", {}, 401],
    ["with none of the headers and a token", BEARER, ["token", "ci", "admin"]],
  ])("%s", async (_, headers, expected) => expect(await whoIs({ headers })).toEqual(expected));

  test("from an address of the network, or one that is mapped to IPv6", async () => {
    const headers = { ...S, ...ADA, ...OPS };
    for (const peer of ["fd12::1", "::ffff:10.0.0.5"])
      expect(await whoIs({ headers, peer })).toEqual(["proxy", "ada", "admin"]);
  });

  const utf8 = (text: string): string => Buffer.from(text).toString("latin1");

  test.each([
    ["a control character", "ada\u0085"],
    ["a mark that turns the direction", "ada\u202e"],
    ["a zero-width space", "a\u200bda"],
    ["a soft hyphen", "a\u00adda"],
    ["a line separator", "ada\u2028x"],
    ["a paragraph separator", "ada\u2029x"],
    ["a tag character", "ada\u{e0041}"],
    ["a private character", "ada\ue000"],
    ["a byte order mark before it", "\ufeffada"],
    ["a byte order mark after it", "ada\ufeff"],
    ["a no-break space before it", "\u00a0ada"],
    ["a no-break space after it", "ada\u00a0"],
    ["an ideographic space after it", "ada\u3000"],
    ["nothing but a no-break space", "\u00a0"],
  ])("with %s in the name is refused", async (_, name) => {
    const response = await ask({ headers: { ...S, ...OPS, "remote-user": utf8(name) } });
    expect([response.status, (await response.json()).error]).toEqual([
      403,
      "the header remote-user is not the name of one person: it is too long, or has a comma or characters that can't be seen",
    ]);
  });

  test("keeps a name with a space inside, and takes no group for another one", async () => {
    const headers = { ...S, "remote-user": utf8("山田\u3000Ada Zoë") };
    expect(await whoIs({ headers: { ...headers, ...OPS } })).toEqual(["proxy", "山田\u3000Ada Zoë", "admin"]);
    for (const group of ["\u00a0ops", "ops\u00a0", "\ufeffops"])
      expect(await whoIs({ headers: { ...headers, "remote-groups": utf8(group) } })).toBe(403);
  });

  test("gets the limits of its role", async () => {
    const headers = { ...S, ...ADA, "remote-groups": "finance,staff" };
    expect(await (await ask({ headers })).json()).toMatchObject({
      role: "operator",
      scope: [{ jobs: ["etl_*"], tags: null }],
      expires_at: null,
    });
  });

  test("gives everybody the role of '*'", async () => {
    expect(await whoIs({ headers: { ...S, ...ADA }, from: everybody })).toEqual(["proxy", "ada", "viewer"]);
    expect(await whoIs({ headers: S, from: everybody })).toBe(401);
  });

  test("counts only with the secret that is in use", async () => {
    secret = "another-secret";
    expect(await whoIs({ headers: { ...S, ...ADA, ...OPS } })).toBe(403);
    expect(await whoIs({ headers: { ...ADA, ...OPS, "x-petit-proxy-secret": secret } })).toEqual([
      "proxy",
      "ada",
      "admin",
    ]);
    secret = SECRET;
  });

  test("must come from a page of petit, if it changes something", async () => {
    const pause = async (more: Headers, headers: Headers = { ...S, ...ADA, ...OPS }) =>
      (await ask({ method: "POST", headers: { ...headers, ...more } }, "/api/scheduler/pause")).status;
    expect(await pause({ origin: "http://127.0.0.1:8565" })).toBe(200);
    expect(await pause({})).toBe(403);
    expect(await pause({ origin: "https://example.com" })).toBe(403);
    expect(await pause({ origin: "http://127.0.0.1:8565", "sec-fetch-site": "same-site" })).toBe(403);
    expect(await pause({}, { ...S, ...BEARER })).toBe(200);
    expect(await pause({ origin: "http://127.0.0.1:8565" }, { ...S, ...ADA, "remote-groups": "dev" })).toBe(403);
  });

  test("is known by the address of the client", async () => {
    const addressOf = async (forwarded: string | null, headers: Headers = { ...S, ...ADA, ...OPS }) =>
      (
        await (
          await ask({ headers: { ...headers, ...(forwarded !== null && { "x-forwarded-for": forwarded }) } })
        ).json()
      ).address;
    expect(await addressOf(null)).toBe(PROXY);
    expect(await addressOf("198.51.100.1")).toBe("198.51.100.1");
    expect(await addressOf("203.0.113.9, 198.51.100.1")).toBe("198.51.100.1");
    expect(await addressOf("203.0.113.9, 198.51.100.1:4711, fd00::1")).toBe("198.51.100.1");
    expect(await addressOf("198.51.100.1, 10.0.0.5")).toBe("198.51.100.1");
    expect(await addressOf("10.0.0.5, fd00::1")).toBe("10.0.0.5");
    expect(await addressOf("198.51.100.1, unknown")).toBe(PROXY);
    expect(await addressOf("198.51.100.1", BEARER)).toBe(PROXY);
    expect(await addressOf("198.51.100.1", { ...S, ...BEARER })).toBe("198.51.100.1");
  });
});

describe("a request from another address", () => {
  test.each<readonly [string, Headers]>([
    ["a person, groups and the secret", { ...S, ...ADA, ...OPS }],
    ["a person", ADA],
    ["groups", OPS],
    ["the secret", S],
    ["an empty person", { "remote-user": "" }],
    ["an empty secret", { "x-petit-proxy-secret": "" }],
    ["a person in capitals", { "REMOTE-USER": "ada" }],
    ["a person with an underscore", { remote_user: "ada" }],
    ["a person and a token", { ...ADA, ...BEARER }],
  ])("with %s is refused", async (_, headers) => {
    expect(await whoIs({ headers, peer: OTHER })).toBe(403);
    expect(await whoIs({ headers, peer: "127.0.0.1" })).toBe(403);
  });

  test("is refused on every path but the check whether petit answers", async () => {
    for (const [method, path] of [
      ["GET", "/"],
      ["GET", "/api/health"],
      ["GET", "/metrics"],
      ["GET", "/api/nothing"],
      ["HEAD", "/api/jobs"],
      ["POST", "/api/hooks/hello"],
      ["POST", "/api/session"],
      ["DELETE", "/api/session"],
    ] as const)
      expect([path, (await ask({ headers: ADA, peer: OTHER, method }, path)).status]).toEqual([path, 403]);
    expect((await ask({ headers: ADA, peer: OTHER }, "/api/health/live")).status).toBe(200);
  });

  test("is told why, without the secret", async () => {
    const errorOf = async (asked: Asked): Promise<string> => (await (await ask(asked)).json()).error;
    expect(await errorOf({ headers: { ...S, ...ADA }, peer: OTHER })).toBe(
      "the header x-petit-proxy-secret counts only from the proxy, and 192.0.2.7 is not one of 'auth.proxy.from'",
    );
    expect(await errorOf({ headers: ADA })).toBe(
      "the header remote-user counts only with the secret of the proxy in x-petit-proxy-secret, which is missing",
    );
    expect(await errorOf({ headers: { ...ADA, "x-petit-proxy-secret": "hunter2" } })).toBe(
      "the secret of the proxy in x-petit-proxy-secret is wrong",
    );
    expect(await errorOf({ headers: { remote_user: "ada" } })).toBe(
      "the header remote_user is not allowed: petit knows it with '-' in place of '_'",
    );
  });
});

describe("somebody without a role", () => {
  const page = fakeApi({
    signIn: signIn(),
    page: (path) => (path === "/" ? new Response("dashboard", { headers: { "content-type": "text/html" } }) : null),
  });
  afterAll(() => page.api.close());
  const headers = { ...S, "remote-user": "<b>eve</b>", "remote-groups": "others" };

  test("is told whom to ask, in a browser by a page", async () => {
    const text = "'<b>eve</b>' is logged in, but has no role here; ask ops@example.com for one";
    const answer = await ask({ headers });
    expect([answer.status, await answer.json()]).toEqual([403, { code: "FORBIDDEN", error: text }]);
    const visit = await ask({ headers: { ...headers, accept: "text/html" }, from: page }, "/");
    expect([visit.status, visit.headers.get("content-type")]).toEqual([403, "text/html; charset=utf-8"]);
    const html = await visit.text();
    expect(html).toContain(
      "&#60;b&#62;eve&#60;/b&#62;&#39; is logged in, but has no role here; ask ops@example.com for one",
    );
    expect(html).not.toContain("<b>");
  });

  test("does not keep others from the page", async () => {
    const visit = await ask({ headers: { ...S, ...ADA, ...OPS, accept: "text/html" }, from: page }, "/");
    expect([visit.status, await visit.text()]).toEqual([200, "dashboard"]);
  });
});

describe("health", () => {
  const sick = fakeApi({ tokens, signIn: signIn() });
  afterAll(() => sick.api.close());
  sick.engine.currentHealth = {
    status: "degraded",
    reasons: [
      { code: "reload_failed", error: "the folder is gone" },
      { code: "job_file_broken", file: "a.yaml", line: 1, column: 1, path: "", problem: "is empty", problems: 1 },
      { code: "job_file_broken", file: "b.yaml", line: 1, column: 1, path: "", problem: "is empty", problems: 1 },
    ],
  };

  test("is only codes for nobody", async () => {
    const nobody = { status: "degraded", version: "0.0.0", codes: ["reload_failed", "job_file_broken"] };
    expect(await (await ask({ from: sick }, "/api/health")).json()).toEqual(nobody);
    expect(await (await ask({ from: sick, headers: { authorization: "Bearer wrong" } }, "/api/health")).json()).toEqual(
      nobody,
    );
  });

  test("has its reasons for people", async () => {
    for (const headers of [BEARER, { ...S, ...ADA, ...OPS }]) {
      const body = await (await ask({ from: sick, headers }, "/api/health")).json();
      expect([body.codes, body.reasons.length]).toEqual([undefined, 3]);
    }
  });
});
