import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { openRuntime } from "#runtime";
import { ROUTE_ROLES } from "../../../src/api/routes/roles.ts";
import type { SignInOptions } from "../../../src/auth/auth.ts";
import type { ProviderSettings } from "../../../src/domain/people/sign-in.ts";
import { FakeClock } from "../../support/engine/fake-clock.ts";
import { type Behaviour, type HostileProvider, startHostileProvider } from "../../support/oidc/hostile-provider.ts";
import { fakeApi } from "../../support/petit/api-fake.ts";

const SECRET = "secret";
const HOUR = 3_600_000;
const [ROOT, EVE] = ["root@example.com", "eve@example.com"];
const BY_EMAIL = {
  admin: [ROOT, EVE].map((group) => ({ group, limit: null })),
  operator: [],
  viewer: [],
};
type Fields = Readonly<Record<string, unknown>>;
const OWN = { origin: "http://127.0.0.1:8565" };

let provider: HostileProvider;
let api: ReturnType<typeof fakeApi>;
const made: ReturnType<typeof fakeApi>[] = [];

const settingsOf = (more: Partial<ProviderSettings> = {}): ProviderSettings => ({
  issuer: provider.issuer,
  clientId: "petit",
  clientSecret: { file: "/client.secret" },
  scopes: ["openid", "email"],
  user: "email",
  groups: "groups",
  roles: {
    admin: [{ group: "ops", limit: null }],
    operator: [{ group: "finance", limit: { jobs: ["etl_*"], tags: null } }],
    viewer: [{ group: "staff", limit: null }],
  },
  allow: null,
  ...more,
});

const signIn = (more: Partial<ProviderSettings> = {}): SignInOptions => ({
  proxy: null,
  provider: { settings: settingsOf(more), clientSecret: () => SECRET, request: openRuntime().request },
  contact: "ops@example.com",
});

const start = (more: Partial<ProviderSettings> = {}, options: Parameters<typeof fakeApi>[0] = {}) => {
  const started = fakeApi({ signIn: signIn(more), ...options });
  made.push(started);
  return started;
};

beforeAll(async () => {
  provider = await startHostileProvider();
  api = start();
});
afterEach(() => {
  provider.behaviour = {};
});
afterAll(async () => {
  for (const each of made) each.api.close();
  await provider[Symbol.asyncDispose]();
});

type From = { readonly from?: typeof api; readonly returnTo?: string; readonly cookie?: string };

const cookiesOf = (response: Response): readonly string[] => response.headers.getSetCookie();
const pairOf = (cookie: string): string => cookie.split(";", 1)[0] ?? "";

/** Begins a login. Returns what the provider is told, and the cookie of the browser. */
const begin = async ({ from = api, returnTo = "/jobs?q=a#b", cookie }: From = {}) => {
  const response = await from.ask(`/api/session/login?return=${encodeURIComponent(returnTo)}`, {
    headers: cookie === undefined ? {} : { cookie },
  });
  const location = response.headers.get("location") ?? "";
  return {
    response,
    location,
    url: new URL(location, "http://127.0.0.1:8565"),
    cookie: pairOf(cookiesOf(response)[0] ?? ""),
  };
};

type Answer = {
  readonly code?: string;
  readonly state?: string;
  readonly cookie?: string;
  readonly from?: typeof api;
  readonly more?: Readonly<Record<string, string>>;
};

/** Sends the answer of the provider. The hostile provider makes the code the nonce of the token. */
const answer = ({ code = "", state = "", cookie, from = api, more = {} }: Answer) =>
  from.ask(`/api/session/callback?${new URLSearchParams({ ...(code !== "" && { code }), state, ...more })}`, {
    headers: { ...(cookie !== undefined && { cookie }), ...FROM_PROVIDER },
  });

const FROM_PROVIDER = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" };

const logIn = async (from = api, returnTo?: string) => {
  const { url, cookie } = await begin({ from, ...(returnTo !== undefined && { returnTo }) });
  const state = url.searchParams.get("state") ?? "";
  const code = url.searchParams.get("nonce") ?? "";
  const response = await answer({ code, state, cookie, from });
  const session = pairOf(cookiesOf(response).findLast((each) => each.startsWith("petit_session")) ?? "");
  return { response, location: response.headers.get("location"), session, state, code, cookie };
};

const whoIs = async (cookie: string, from = api) => {
  const response = await from.ask("/api/session", { headers: { cookie } });
  return { status: response.status, body: await response.json() };
};

describe("a login", () => {
  test("begins with PKCE, state and nonce, and a cookie that only this browser has for a short time", async () => {
    const { response, url } = await begin();
    expect(response.status).toBe(303);
    expect(`${url.origin}${url.pathname}`).toBe(`${provider.issuer}/authorize`);
    expect(Object.fromEntries(url.searchParams)).toEqual({
      client_id: "petit",
      response_type: "code",
      redirect_uri: "http://127.0.0.1:8565/api/session/callback",
      scope: "openid email",
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: "S256",
      state: expect.stringMatching(/^[\w-]{43}$/),
      nonce: expect.stringMatching(/^[\w-]{43}$/),
    });
    const [cookie = "", ...others] = cookiesOf(response);
    expect(others).toEqual([]);
    expect(cookie).toMatch(/^petit_login_8565=[\w-]+; Path=\/; Max-Age=600; HttpOnly; SameSite=Lax$/);
    for (const name of ["state", "nonce"]) expect(cookie).not.toContain(url.searchParams.get(name) ?? "");
  });

  test("ends with a session for 12 hours, and the page where it began", async () => {
    const { response, location, session } = await logIn();
    expect([response.status, location]).toEqual([303, "/jobs?q=a#b"]);
    expect(cookiesOf(response)).toEqual([
      "petit_login_8565=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict",
      expect.stringMatching(/^petit_session_8565=3\.[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/),
    ]);
    const { body } = await whoIs(session);
    expect(body).toMatchObject({
      name: "ada@example.com",
      role: "admin",
      scope: null,
      via: "provider",
      needs_token: true,
    });
    expect(body.expires_at - Date.now()).toBeWithin(11.9 * HOUR, 12 * HOUR + 1);
    const { body: sent, authorization } = provider.tokenRequests.at(-1) ?? {
      body: new URLSearchParams(),
      authorization: "",
    };
    expect(sent.get("code_verifier")).toMatch(/^[\w-]{43,128}$/);
    expect(authorization).toBe(`Basic ${Buffer.from(`petit:${SECRET}`).toString("base64")}`);
  });

  test("has another session each time", async () => {
    const [first, second] = [await logIn(), await logIn()];
    expect(first.session).not.toBe(second.session);
    expect((await whoIs(second.session)).status).toBe(200);
  });

  test("does not take over a session that the browser had before", async () => {
    const planted = `petit_session_8565=3.${"A".repeat(43)}`;
    const { url, cookie } = await begin({ cookie: planted });
    const response = await answer({
      code: url.searchParams.get("nonce") ?? "",
      state: url.searchParams.get("state") ?? "",
      cookie: `${cookie}; ${planted}`,
    });
    expect(cookiesOf(response).at(-1)).not.toStartWith(planted);
    expect((await whoIs(planted)).status).toBe(401);
  });

  test("ends the session that the browser had before", async () => {
    const { session } = await logIn();
    const { url, cookie } = await begin();
    const [code, state] = [url.searchParams.get("nonce") ?? "", url.searchParams.get("state") ?? ""];
    await answer({ code, state, cookie: `${cookie}; ${session}` });
    expect((await whoIs(session)).status).toBe(401);
  });

  test("asks the provider what its token does not say", async () => {
    provider.behaviour = {
      claims: { email: undefined, groups: undefined },
      userInfo: { sub: "subject-1", email: "eve@example.com", email_verified: true, groups: ["finance"] },
    };
    expect((await whoIs((await logIn()).session)).body).toMatchObject({
      name: "eve@example.com",
      role: "operator",
      scope: [{ jobs: ["etl_*"], tags: null }],
    });
    provider.behaviour = { claims: { groups: undefined }, userInfo: { sub: "somebody-else", groups: ["ops"] } };
    expect((await logIn()).location).toBe("/jobs?q=a&sign_in=invalid#b");
  });

  test("counts all of 10,000 groups, and is refused for more", async () => {
    const groups = (count: number) => [...Array.from({ length: count - 1 }, (_, index) => `group-${index}`), "ops"];
    provider.behaviour = { claims: { groups: groups(10_000) } };
    expect((await whoIs((await logIn()).session)).body).toMatchObject({ role: "admin" });
    provider.behaviour = { claims: { groups: groups(10_001) } };
    expect((await logIn(api, "/jobs")).location).toBe("/jobs?sign_in=invalid");
  });

  test.each<readonly [string, Fields, Fields, string | null]>([
    ["an address and another one that is verified", { email: ROOT }, { email: EVE, email_verified: true }, null],
    ["an address, and nothing of whether it is verified", { email: ROOT }, { email_verified: true }, null],
    ["that no address is verified", { email_verified: true }, { email: ROOT }, null],
    [
      "that an address is not verified",
      { email: ROOT, email_verified: false },
      { email: ROOT, email_verified: true },
      null,
    ],
    ["that an address is verified", { email: EVE, email_verified: true }, { email: ROOT, email_verified: false }, EVE],
    ["the same address", { email: EVE }, { email: EVE, email_verified: true }, EVE],
    ["no address", { email_verified: false }, { email: EVE, email_verified: true }, EVE],
  ])("takes the address from one document, if the token has %s", async (_, claims, userInfo, name) => {
    provider.behaviour = {
      claims: { email: undefined, email_verified: undefined, groups: undefined, ...claims },
      userInfo: { sub: "subject-1", groups: ["ops"], ...userInfo },
    };
    const settings = [
      {},
      { user: "sub", allow: { email: [ROOT, EVE] } },
      { user: "sub", groups: "email", roles: BY_EMAIL },
    ];
    for (const each of settings) {
      const from = start(each);
      const { session } = await logIn(from);
      const by = "user" in each ? "subject-1" : name;
      expect(session === "" ? null : (await whoIs(session, from)).body.name).toBe(name === null ? null : by);
    }
  });

  test("by https has cookies of this host only", async () => {
    const secure = start({}, { publicUrl: "https://petit.example.com/", allowedHosts: ["petit.example.com"] });
    const host = "petit.example.com";
    const begun = await secure.ask("/api/session/login?return=/jobs", { host });
    const [cookie = ""] = cookiesOf(begun);
    expect(cookie).toMatch(/^__Host-petit_login=[\w-]+; Path=\/; Max-Age=600; HttpOnly; SameSite=Lax; Secure$/);
    const url = new URL(begun.headers.get("location") ?? "");
    expect(url.searchParams.get("redirect_uri")).toBe("https://petit.example.com/api/session/callback");
    const query = new URLSearchParams({
      code: url.searchParams.get("nonce") ?? "",
      state: url.searchParams.get("state") ?? "",
    });
    const ended = await secure.ask(`/api/session/callback?${query}`, { host, headers: { cookie: pairOf(cookie) } });
    const session = cookiesOf(ended).at(-1) ?? "";
    expect(session).toMatch(/^__Host-petit_session=3\.[\w-]{43}; .*; Secure$/);
    const headers = { cookie: pairOf(session), origin: "https://petit.example.com" };
    expect((await secure.ask("/api/session", { host, headers })).status).toBe(200);
    const out = await secure.ask("/api/session", { host, headers, method: "DELETE" });
    expect(cookiesOf(out).map(pairOf)).toEqual(["petit_session=", "__Host-petit_session="]);
    expect((await secure.ask("/api/session", { host, headers })).status).toBe(401);
  });

  test("begins at the public address", async () => {
    const secure = start({}, { publicUrl: "https://petit.example.com" });
    const response = await secure.ask("/api/session/login?return=/jobs");
    expect(response.headers.get("location")).toBe(
      "https://petit.example.com/api/session/login?return=%2Fjobs&moved=true",
    );
    const moved = await secure.ask("/api/session/login?return=/jobs&moved=true");
    expect(moved.headers.get("location")).toStartWith(`${provider.issuer}/authorize?`);
  });
});

describe("a login fails", () => {
  const NOW = Math.floor(Date.now() / 1000);
  test.each<readonly [string, Behaviour, string]>([
    ["of another issuer", { claims: { iss: "https://id.example.com" } }, "invalid"],
    ["without an issuer", { claims: { iss: undefined } }, "invalid"],
    ["for another client", { claims: { aud: "other" } }, "invalid"],
    ["for several clients, and issued to another", { claims: { aud: ["petit", "other"], azp: "other" } }, "invalid"],
    ["with another nonce", { claims: { nonce: "another" } }, "invalid"],
    ["without a nonce", { claims: { nonce: undefined } }, "invalid"],
    ["without a subject", { claims: { sub: undefined } }, "invalid"],
    ["with an empty subject", { claims: { sub: "" } }, "invalid"],
    ["with a number as its subject", { claims: { sub: 1 } }, "invalid"],
    ["that is expired", { claims: { iat: NOW - 900, exp: NOW - 600 } }, "invalid"],
    ["without an end", { claims: { exp: undefined } }, "invalid"],
    ["that is not valid yet", { claims: { nbf: NOW + 600 } }, "invalid"],
    ["from the future", { claims: { iat: NOW + 600, exp: NOW + 900 } }, "invalid"],
    ["without a signature", { key: "none" }, "invalid"],
    ["without a signature, in other letters", { key: "none", header: { alg: "NONE" } }, "invalid"],
    ["signed with the public key", { key: "hmac" }, "invalid"],
    ["signed with the public key, as HS256 of a client", { key: "hmac", header: { kid: undefined } }, "invalid"],
    ["signed with another key", { key: "other" }, "invalid"],
    [
      "signed with another key, and that in its header",
      { key: "other", header: { jku: "http://127.0.0.1:1/jwks", jwk: {} } },
      "invalid",
    ],
    ["signed with an unknown key", { header: { kid: "unknown" } }, "invalid"],
    ["with a broken signature", { isSignatureBroken: true }, "invalid"],
    ["with an unknown critical header", { header: { crit: ["x"], x: 1 } }, "invalid"],
    ["without a token", { tokens: { id_token: undefined } }, "invalid"],
    ["with a token that is no token", { tokens: { id_token: "a.b.c" } }, "invalid"],
    ["with an answer that is an error", { status: 400, tokens: { error: "invalid_grant" } }, "provider_error"],
    ["with an answer that never ends", { huge: "token" }, "invalid"],
    ["with an address that is not verified", { claims: { email_verified: false } }, "no_name"],
    ["with an address of which nothing is said", { claims: { email_verified: undefined } }, "no_name"],
    ["with an address that is verified by a text", { claims: { email_verified: "true" } }, "no_name"],
    ["without a name", { claims: { email: undefined } }, "no_name"],
    ["with a name that is no text", { claims: { email: ["ada@example.com"] } }, "no_name"],
    ["with a line break in the name", { claims: { email: "ada\n@example.com" } }, "no_name"],
    ["with a space after the name", { claims: { email: "ada@example.com " } }, "no_name"],
    ["with a character in the name that can't be seen", { claims: { email: "ada@example.com\u200b" } }, "no_name"],
    ["without a group", { claims: { groups: [] } }, "no_role"],
    ["with the group '*'", { claims: { groups: ["*"] } }, "no_role"],
    ["with groups that are no texts", { claims: { groups: { ops: true } } }, "no_role"],
    ["with a group that only begins like one", { claims: { groups: ["ops2", "OPS"] } }, "no_role"],
  ])("for a token %s", async (_, behaviour, reason) => {
    provider.behaviour = behaviour;
    const { response, location, session } = await logIn(api, "/jobs");
    expect([response.status, location, session]).toEqual([303, `/jobs?sign_in=${reason}`, ""]);
  });

  test("with another state, without one, and with a state of another browser", async () => {
    const [mine, other] = [await begin(), await begin()];
    const code = mine.url.searchParams.get("nonce") ?? "";
    const state = mine.url.searchParams.get("state") ?? "";
    const attempts: readonly Answer[] = [
      { code, state: "wrong", cookie: mine.cookie },
      { code, state, cookie: other.cookie },
    ];
    for (const each of attempts)
      expect((await answer(each)).headers.get("location")).toBe("/jobs?q=a&sign_in=invalid#b");
    const lost: readonly Answer[] = [
      { code, state },
      { code, state, cookie: "petit_login_8565=AAAA" },
    ];
    for (const each of lost) expect((await answer(each)).headers.get("location")).toBe("/?sign_in=expired");
  });

  test("the second time", async () => {
    const { code, state, cookie } = await logIn();
    expect((await answer({ code, state, cookie })).headers.get("location")).toBe("/?sign_in=expired");
  });

  test("after ten minutes", async () => {
    const clock = new FakeClock();
    const slow = start({}, { clock });
    const { url, cookie } = await begin({ from: slow });
    await clock.pass(10 * 60_000);
    const [code, state] = [url.searchParams.get("nonce") ?? "", url.searchParams.get("state") ?? ""];
    expect((await answer({ code, state, cookie, from: slow })).headers.get("location")).toBe("/?sign_in=expired");
  });

  test("if the person or the provider refuses", async () => {
    for (const [error, reason] of [
      ["access_denied", "denied"],
      ["server_error", "provider_error"],
    ] as const) {
      const { url, cookie } = await begin({ returnTo: "/jobs" });
      const state = url.searchParams.get("state") ?? "";
      const response = await answer({ state, cookie, more: { error, error_description: "<script>" } });
      expect(response.headers.get("location")).toBe(`/jobs?sign_in=${reason}`);
    }
  });

  test("without one of the claims that are required", async () => {
    const strict = start({
      roles: { admin: [], operator: [], viewer: [{ group: "*", limit: null }] },
      allow: { hd: ["example.com"] },
    });
    expect((await logIn(strict, "/")).location).toBe("/?sign_in=not_allowed");
    provider.behaviour = { claims: { hd: "example.org" } };
    expect((await logIn(strict, "/")).location).toBe("/?sign_in=not_allowed");
    provider.behaviour = { claims: { hd: "example.com", groups: undefined } };
    const { session } = await logIn(strict, "/");
    expect((await whoIs(session, strict)).body).toMatchObject({ role: "viewer", via: "provider" });
  });

  test.each<readonly [string, Behaviour]>([
    ["of another issuer", { metadata: { issuer: "https://id.example.com" } }],
    ["with an answer that never ends", { huge: "discovery" }],
  ])("at a provider %s, and says so", async (_, behaviour) => {
    provider.behaviour = behaviour;
    const flooded = provider.flooded;
    const fresh = start();
    const { location } = await begin({ from: fresh, returnTo: "/jobs" });
    expect(location).toBe("/jobs?sign_in=unreachable");
    // The bound is 1 MiB, and buffers of the connection hold some more.
    expect(provider.flooded - flooded).toBeLessThan(16 * 1024 * 1024);
    const { body } = await whoIs("", fresh);
    expect(body.details.provider.problem).toBeString();
    provider.behaviour = {};
    expect((await begin({ from: fresh })).location).toStartWith(provider.issuer);
    expect((await whoIs("", fresh)).body.details.provider.problem).toBeNull();
  });

  test("while the provider is away, and not any more when it is back", async () => {
    const away = start({ issuer: "http://127.0.0.1:1" });
    expect((await begin({ from: away, returnTo: "/jobs" })).location).toBe("/jobs?sign_in=unreachable");
    expect((await whoIs("", away)).body).toEqual({
      code: "UNAUTHORIZED",
      error: "nobody is logged in: log in on the page of petit, or send a token as 'Authorization: Bearer TOKEN'",
      details: {
        reason: "not_logged_in",
        provider: { host: "127.0.0.1:1", problem: expect.any(String) },
        proxy: false,
        token: false,
        contact: "ops@example.com",
        ended: null,
      },
    });
  });
});

describe("a session", () => {
  test("ends at the logout, also for a copy of its cookie, with its streams", async () => {
    const { session } = await logIn();
    const stream = await api.ask("/api/events", { headers: { cookie: session } });
    expect(stream.status).toBe(200);
    const out = await api.ask("/api/session", { method: "DELETE", headers: { cookie: session, ...OWN } });
    expect([out.status, cookiesOf(out)[0]]).toEqual([200, expect.stringContaining("Max-Age=0")]);
    await stream.text();
    expect(await whoIs(session)).toMatchObject({ status: 401, body: { details: { ended: "unknown" } } });
  });

  test("ends after 12 hours, with its streams", async () => {
    const clock = new FakeClock();
    const timed = start({}, { clock });
    const { session } = await logIn(timed);
    await clock.pass(12 * HOUR - 1_000);
    expect((await whoIs(session, timed)).status).toBe(200);
    const stream = await timed.ask("/api/events", { headers: { cookie: session } });
    await clock.pass(1_500);
    await stream.text();
    const { status, body } = await whoIs(session, timed);
    expect([status, body.details.ended, body.error]).toEqual([
      401,
      "expired",
      expect.stringContaining("your login has expired"),
    ]);
  });

  test("outlives a restart, and has the role of the present settings", async () => {
    const { session } = await logIn();
    const restarted = (more: Partial<ProviderSettings>) => start(more, { store: api.store });
    expect((await whoIs(session, restarted({}))).body).toMatchObject({ role: "admin" });
    const roles = { admin: [], operator: [], viewer: [{ group: "ops", limit: null }] };
    expect((await whoIs(session, restarted({ roles }))).body).toMatchObject({ role: "viewer" });
    const none = { ...roles, viewer: [] };
    expect(await whoIs(session, restarted({ roles: none }))).toMatchObject({
      status: 401,
      body: { details: { ended: "no_role" } },
    });
    for (const more of [{ allow: { hd: ["example.com"] } }, { clientId: "other" }, { user: "sub" }]) {
      const { session: other } = await logIn();
      expect(await whoIs(other, restarted(more))).toMatchObject({
        status: 401,
        body: { details: { ended: "unknown" } },
      });
    }
  });

  test.each<readonly [string, Partial<ProviderSettings>, string]>([
    ["without a role for the person", { roles: { admin: [], operator: [], viewer: [] } }, "no_role"],
    ["with other claims that are required", { allow: { hd: ["example.com"] } }, "unknown"],
  ])("that ended at a start %s does not come back", async (_, more, ended) => {
    const first = start();
    const { session } = await logIn(first);
    const { session: unused } = await logIn(first);
    const restarted = start(more, { store: first.store });
    expect((await whoIs(session, restarted)).body.details.ended).toBe(ended);
    const back = start({}, { store: first.store });
    for (const each of [session, unused])
      expect(await whoIs(each, back)).toMatchObject({ status: 401, body: { details: { ended } } });
    expect((await whoIs((await logIn(back)).session, back)).status).toBe(200);
  });

  test("is not in the database", async () => {
    const { session } = await logIn();
    const value = session.split("=")[1] ?? "";
    const rows = api.store.providerSessions;
    expect(rows.find(value)).toBeNull();
  });

  test("changes something only from a page of petit, on every route", async () => {
    const { session } = await logIn();
    const changing = Object.keys(ROUTE_ROLES).filter(
      (route) => !route.startsWith("GET ") && !route.includes("/api/hooks"),
    );
    expect(changing.length).toBeGreaterThan(30);
    for (const route of changing) {
      const [method = "", path = ""] = route.split(" ");
      for (const headers of [
        {},
        { origin: "https://example.com" },
        { origin: "http://127.0.0.1:3000" },
        { ...OWN, "sec-fetch-site": "same-site" },
      ]) {
        // Without an Origin, logging in and out needs no person.
        if (path === "/api/session" && (!("origin" in headers) || "sec-fetch-site" in headers)) continue;
        const response = await api.ask(path.replaceAll(/:\w+|\*/g, "unknown"), {
          method,
          headers: { cookie: session, ...headers } as Record<string, string>,
        });
        expect([route, headers, response.status]).toEqual([route, headers, 403]);
      }
    }
    expect((await whoIs(session)).status).toBe(200);
  });
});

describe("the path to return to", () => {
  test.each(["/", "/jobs", "/runs?status=failed&q=%2F%2F", "/job/a#versions", "/a/../jobs"])(
    "can be %s",
    async (returnTo) => {
      const { pathname, search, hash } = new URL(returnTo, "http://petit.invalid");
      expect((await logIn(api, returnTo)).location).toBe(`${pathname}${search}${hash}`);
    },
  );

  test.each([
    "",
    "jobs",
    "//example.com",
    "///example.com",
    "/\\example.com",
    "\\\\example.com",
    "/jobs\\..",
    "https://example.com/",
    "javascript:alert(1)",
    "/.//example.com",
    "/a/..//example.com",
    "/\t/example.com",
    "/\n/example.com",
    " //example.com",
    "/%2e//example.com",
    `/${"a".repeat(1_000)}`,
  ])("can't be '%s'", async (returnTo) => {
    const { response, location } = await begin({ returnTo });
    expect([response.status, location]).toEqual([400, ""]);
  });
});

test("the addresses of a login are visited by people only, and need a provider", async () => {
  const image = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image" };
  for (const path of ["/api/session/login", "/api/session/callback?code=a&state=b"]) {
    expect((await api.ask(path, { headers: image })).status).toBe(403);
    expect((await api.ask(path, { method: "POST", headers: OWN })).status).toBe(401);
    const without = fakeApi();
    expect((await without.ask(path)).status).toBe(404);
    without.api.close();
  }
});
