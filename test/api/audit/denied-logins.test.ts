import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { openRuntime } from "#runtime";
import type { AuditRow } from "../../../src/domain/people/audit.ts";
import type { RoleRules } from "../../../src/domain/people/sign-in.ts";
import { FakeClock } from "../../support/engine/fake-clock.ts";
import { type Behaviour, type HostileProvider, startHostileProvider } from "../../support/oidc/hostile-provider.ts";
import { fakeApi } from "../../support/petit/api-fake.ts";

const PROXY = "10.0.0.5";
const BROWSER = "192.0.2.7";
const ROLES: RoleRules = { admin: [{ group: "ops", limit: null }], operator: [], viewer: [] };
const ALL = { who: null, actions: null, target: null, jobId: null, runId: null, since: null, until: null };

let provider: HostileProvider;
beforeAll(async () => {
  provider = await startHostileProvider();
});
afterAll(() => provider[Symbol.asyncDispose]());

const start = (roles: RoleRules = ROLES) => {
  const clock = new FakeClock(Date.now());
  const fake = fakeApi({
    clock,
    tokens: [{ name: "root", role: "admin", token: "of-the-file" }],
    page: (path) => (path === "/" ? new Response("dashboard") : null),
    signIn: {
      proxy: {
        settings: { from: [PROXY], secret: { file: "/secret" }, user: "remote-user", groups: "remote-groups", roles },
        secret: () => "secret",
      },
      provider: {
        settings: {
          issuer: provider.issuer,
          clientId: "petit",
          clientSecret: { file: "/client.secret" },
          scopes: ["openid"],
          user: "email",
          groups: "groups",
          roles,
          allow: null,
        },
        clientSecret: () => "secret",
        request: openRuntime().request,
      },
      contact: null,
    },
  });
  const rows = (allowed: boolean): readonly AuditRow[] =>
    fake.store.audit.list({ ...ALL, allowed }, { limit: 1_000, before: null, scan: 10_000 }).rows.toReversed();
  const ask = (path: string, init: Parameters<typeof fake.ask>[1] = {}) => fake.ask(path, { peer: BROWSER, ...init });
  return { ...fake, ask, clock, rows, [Symbol.dispose]: () => fake.api.close() };
};

type Started = ReturnType<typeof start>;

const pairOf = (response: Response): string => (response.headers.getSetCookie()[0] ?? "").split(";", 1)[0] ?? "";

type Answer = { readonly state?: string; readonly code?: string; readonly error?: string };

/** Logs in at the provider, whose answer has what `change` makes of it. Returns the answer of petit. */
const logIn = async ({ ask }: Started, change: (answer: Answer) => Answer = (answer) => answer): Promise<Response> => {
  const begun = await ask("/api/session/login");
  const url = new URL(begun.headers.get("location") ?? "");
  // The hostile provider makes the code the nonce of the token.
  const [state, code] = [url.searchParams.get("state") ?? "", url.searchParams.get("nonce") ?? ""];
  return await ask(`/api/session/callback?${new URLSearchParams(change({ state, code }))}`, {
    headers: { cookie: pairOf(begun) },
  });
};

const denied = (more: Partial<AuditRow> = {}) => ({
  ...{ action: "session.login", allowed: false, count: 1, address: BROWSER, who: null, role: null, target: null },
  ...more,
});

describe("a login at the provider that fails is in the audit log as denied", () => {
  test.each<readonly [string, Behaviour, (answer: Answer) => Answer, string, string | null]>([
    ["with another state", {}, (answer) => ({ ...answer, state: "wrong" }), "invalid", null],
    ["that the provider refuses", {}, ({ state = "" }) => ({ state, error: "access_denied" }), "denied", null],
    ["with a bad ID token", { key: "other" }, (answer) => answer, "invalid", null],
    ["with an unverified address", { claims: { email_verified: false } }, (answer) => answer, "no_name", null],
    ["without a role", { claims: { groups: ["others"] } }, (answer) => answer, "no_role", "ada@example.com"],
  ])("%s", async (_, behaviour, change, reason, who) => {
    using petit = start();
    provider.behaviour = behaviour;
    const response = await logIn(petit, change);
    provider.behaviour = {};
    expect(response.headers.get("location")).toBe(`/?sign_in=${reason}`);
    expect(petit.rows(false)).toMatchObject([denied({ how: "provider", who, details: { reason } })]);
    expect(petit.rows(false)[0]?.requestId).toBe(response.headers.get("x-request-id"));
    expect(petit.rows(true)).toEqual([]);
  });

  test("without one that has begun, at most 60 times a minute", async () => {
    using petit = start();
    for (let each = 0; each < 70; each++) await petit.ask("/api/session/callback?code=a&state=b");
    expect(petit.rows(false)).toHaveLength(60);
    expect(petit.rows(false)[0]).toMatchObject(denied({ how: "provider", details: { reason: "expired" } }));
    petit.api.end();
    expect(petit.rows(false).at(-1)).toMatchObject({
      action: "requests.denied",
      count: 10,
      details: { actions: { "session.login": 10 } },
    });
  });

  test("but not one that succeeds", async () => {
    using petit = start();
    expect((await logIn(petit)).headers.get("location")).toBe("/");
    expect(petit.rows(false)).toEqual([]);
    expect(petit.rows(true)).toMatchObject([{ action: "session.login", how: "provider", who: "ada@example.com" }]);
  });
});

describe("a token that is refused is in the audit log as denied, and whose it is", () => {
  test("at the login, and with a request that changes something", async () => {
    using petit = start();
    const make = (name: string) =>
      petit.auth.createToken({
        ...{ name, role: "operator", jobs: null, tags: null, by: null, expiresAt: petit.clock.now() + 1_000 },
      }).token;
    const [expired, revoked] = [make("mara"), make("rob")];
    petit.auth.revokeToken("rob");
    await petit.clock.pass(2_000);
    for (const token of [expired, revoked, "wrong"]) {
      const body = JSON.stringify({ token });
      const headers = { "content-type": "application/json" };
      expect((await petit.ask("/api/session", { method: "POST", body, headers })).status).toBe(401);
      const authorization = `Bearer ${token}`;
      const trigger = await petit.ask("/api/jobs/hello/trigger", { method: "POST", headers: { authorization } });
      expect(trigger.status).toBe(401);
    }
    const people = ["mara", "rob", null];
    expect(petit.rows(false)).toMatchObject(
      people.flatMap((who) => [
        denied({ how: "session", who }),
        denied({ how: "token", who, action: "job.trigger", target: "hello" }),
      ]),
    );
  });
});

describe("somebody without a role is in the audit log as denied, by name", () => {
  const headers = { "x-petit-proxy-secret": "secret", "remote-user": "eve", "remote-groups": "others" };
  const fromProxy = denied({ how: "proxy", who: "eve", address: PROXY });

  test("whom the proxy sends to the page, or who asks who it is", async () => {
    using petit = start();
    const visit = await petit.ask("/", { peer: PROXY, headers: { ...headers, accept: "text/html" } });
    expect([visit.status, visit.headers.get("content-type")]).toEqual([403, "text/html; charset=utf-8"]);
    expect((await petit.ask("/api/session", { peer: PROXY, headers })).status).toBe(403);
    expect((await petit.ask("/api/jobs", { peer: PROXY, headers })).status).toBe(403);
    expect(petit.rows(false)).toMatchObject([fromProxy, fromProxy]);
  });

  test("whom the proxy sends, and who tries to change something", async () => {
    using petit = start();
    const init = { method: "POST", peer: PROXY, headers: { ...headers, origin: "http://127.0.0.1:8565" } };
    expect((await petit.ask("/api/jobs/hello/trigger", init)).status).toBe(403);
    expect(petit.rows(false)).toMatchObject([{ ...fromProxy, action: "job.trigger", target: "hello" }]);
  });

  test("but not somebody with a role, or with a token", async () => {
    using petit = start();
    const ops = { ...headers, "remote-groups": "ops" };
    const withToken = { ...headers, authorization: "Bearer of-the-file" };
    for (const each of [ops, withToken])
      expect((await petit.ask("/api/session", { peer: PROXY, headers: each })).status).toBe(200);
    expect(petit.rows(false)).toEqual([]);
  });

  test("who was logged in at the provider, and has lost the role", async () => {
    const roles = { admin: [{ group: "ops", limit: null }], operator: [], viewer: [] };
    using petit = start(roles);
    const cookie = (await logIn(petit)).headers.getSetCookie().at(-1)?.split(";", 1)[0] ?? "";
    roles.admin = [];
    const init = { method: "POST", headers: { cookie, origin: "http://127.0.0.1:8565" } };
    expect((await petit.ask("/api/jobs/hello/trigger", init)).status).toBe(401);
    expect(petit.rows(false)).toMatchObject([
      denied({ how: "provider", who: "ada@example.com", action: "job.trigger", target: "hello" }),
    ]);
  });
});
