import { afterAll, describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import type { ApiToken } from "../../../src/domain/people/token.ts";
import { FakeClock } from "../../support/engine/fake-clock.ts";
import { fakeApi } from "../../support/petit/api-fake.ts";

const ADA = "correct-horse-battery-staple";
const CI = "another-token-of-the-pipeline";
const TOKENS: readonly ApiToken[] = [
  { name: null, role: "admin", token: "a-token-without-a-name" },
  { name: "ada", role: "admin", token: ADA },
  { name: "ci", role: "admin", token: CI },
];
const DAY = 86_400_000;

const clock = new FakeClock();
const api = fakeApi({ tokens: TOKENS, clock });
const open = fakeApi();
afterAll(() => {
  for (const each of [api, open]) each.api.close();
});

const OWN = { origin: "http://127.0.0.1:8565" };

type Login = { readonly headers?: Record<string, string>; readonly host?: string; readonly from?: typeof api };

const logIn = (token: string, { from = api, ...options }: Login = {}) =>
  from.ask("/api/session", { method: "POST", body: JSON.stringify({ token }), ...options });

/** Logs in. Returns the `Cookie` header that a browser then sends. */
const cookieOf = async (token: string, login: Login = {}): Promise<string> => {
  const response = await logIn(token, login);
  expect(response.status).toBe(200);
  return (response.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
};

const status = async (path: string, headers: Record<string, string>, method = "GET", from = api): Promise<number> => {
  const response = await from.ask(path, { method, headers });
  await response.body?.cancel();
  return response.status;
};

describe("a login", () => {
  test("sets a cookie that scripts can't read, that other sites don't send, and that does not contain the token", async () => {
    const response = await logIn(ADA);
    expect(await response.json()).toEqual({ message: "logged in as 'ada'", name: "ada" });
    const cookie = response.headers.get("set-cookie") ?? "";
    expect(cookie).toMatch(
      /^petit_session_8565=1\.[0-9a-z]+\.[\w-]{43}; Path=\/; Max-Age=2592000; HttpOnly; SameSite=Strict$/,
    );
    expect(cookie).not.toContain(ADA);
  });

  test.each([
    [{ origin: "https://petit.example.com" }, "petit.example.com"],
    [{ "x-forwarded-proto": "https" }, "petit.example.com"],
  ])("over https sets a secure cookie: %j", async (headers, host) => {
    const proxied = fakeApi({ tokens: TOKENS, allowedHosts: [host] });
    const response = await logIn(ADA, { headers: { ...headers }, host, from: proxied });
    expect(response.headers.get("set-cookie")).toMatch(/^petit_session=.*; Secure$/);
    proxied.api.close();
  });

  test("with a wrong token is refused, and sets no cookie", async () => {
    for (const token of ["", "wrong", `${ADA} `]) {
      const response = await logIn(token);
      expect([response.status, response.headers.get("set-cookie")]).toEqual([401, null]);
    }
  });

  test("without a token in the body is refused", async () => {
    const response = await api.ask("/api/session", { method: "POST", body: "{}" });
    expect([response.status, (await response.json()).code]).toEqual([400, "INVALID_REQUEST"]);
  });

  test("from a page of another site is refused", async () => {
    for (const headers of [{ origin: "https://example.com" }, { origin: "null" }, { "sec-fetch-site": "cross-site" }])
      expect((await logIn(ADA, { headers: { ...headers } as Record<string, string> })).status).toBe(403);
  });

  test("is not needed if petit requires no token", async () => {
    const response = await logIn("anything", { from: open });
    expect(response.headers.get("set-cookie")).toBeNull();
    expect(await response.json()).toEqual({ message: "petit requires no token", name: null });
    expect(await (await open.ask("/api/session")).json()).toMatchObject({ name: null, needs_token: false });
  });
});

describe("the cookie", () => {
  test.each(["/api/jobs", "/api/docs", "/api/openapi.json", "/metrics", "/api/events", "/api/system"])(
    "authenticates GET %s",
    async (path) => {
      expect(await status(path, {})).toBe(401);
      expect(await status(path, { cookie: `other=1; ${await cookieOf(ADA)}` })).toBe(200);
    },
  );

  test("authenticates a change from petit's own page, and no other", async () => {
    const cookie = await cookieOf(ADA);
    const pause = (headers: Record<string, string>) => status("/api/scheduler/pause", { cookie, ...headers }, "POST");
    expect(await pause(OWN)).toBe(200);
    expect(await pause({ ...OWN, "sec-fetch-site": "same-origin" })).toBe(200);
    expect(await pause({})).toBe(403);
    expect(await pause({ origin: "http://127.0.0.1:3000" })).toBe(403);
    expect(await pause({ origin: "https://example.com" })).toBe(403);
    expect(await pause({ origin: "null" })).toBe(403);
    expect(await pause({ "sec-fetch-site": "same-site" })).toBe(403);
    expect(await pause({ ...OWN, "sec-fetch-site": "same-site" })).toBe(403);
  });

  test("does not authenticate reads by pages of another port of the same host", async () => {
    const cookie = await cookieOf(ADA);
    expect(await status("/api/jobs", { cookie, "sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors" })).toBe(403);
    expect(await status("/api/jobs", { cookie, "sec-fetch-site": "same-origin" })).toBe(200);
    const visit = { "sec-fetch-site": "same-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" };
    expect(await status("/api/docs", { cookie, ...visit })).toBe(200);
  });

  test("does not authenticate pages of an origin that --cors-origin names", async () => {
    const crossed = fakeApi({ tokens: TOKENS, corsOrigins: ["https://ops.example.com"] });
    const cookie = await cookieOf(ADA, { from: crossed });
    for (const method of ["GET", "POST"])
      expect(await status("/api/scheduler/pause", { cookie, origin: "https://ops.example.com" }, method, crossed)).toBe(
        403,
      );
    crossed.api.close();
  });

  test("is not used if the request has a bearer token", async () => {
    const cookie = await cookieOf(ADA);
    expect(await status("/api/jobs", { cookie, authorization: "Bearer wrong" })).toBe(401);
    expect(await status("/api/scheduler/pause", { cookie, authorization: `Bearer ${CI}` }, "POST")).toBe(200);
  });

  test("of another port, a changed one, and none are refused", async () => {
    const cookie = await cookieOf(ADA);
    const changed = cookie.replace(/.$/, (last) => (last === "A" ? "B" : "A"));
    const later = cookie.replace(
      /=1\.(\w+)\./,
      (_, end: string) => `=1.${(Number.parseInt(end, 36) + 1).toString(36)}.`,
    );
    for (const wrong of [
      changed,
      later,
      cookie.replace("8565", "8566"),
      cookie.replace("=1.", "=2."),
      "petit_session_8565=",
    ])
      expect([wrong, await status("/api/jobs", { cookie: wrong })]).toEqual([wrong, 401]);
  });

  test("outlives a restart, and ends when its token is removed", async () => {
    const cookie = await cookieOf(ADA);
    for (const [tokens, expected] of [
      [TOKENS.toReversed(), 200],
      [TOKENS.filter(({ name }) => name !== "ada"), 401],
    ] as const) {
      const restarted = fakeApi({ tokens, clock });
      expect(await status("/api/jobs", { cookie }, "GET", restarted)).toBe(expected);
      restarted.api.close();
    }
  });

  test("ends after 30 days", async () => {
    const cookie = await cookieOf(ADA);
    clock.step(30 * DAY - 1);
    expect(await status("/api/jobs", { cookie })).toBe(200);
    clock.step(1);
    expect(await status("/api/jobs", { cookie })).toBe(401);
  });
});

describe("a session", () => {
  test("says who is logged in and until when, by the cookie and by a bearer token", async () => {
    const cookie = await cookieOf(ADA);
    expect(await (await api.ask("/api/session", { headers: { cookie } })).json()).toEqual({
      name: "ada",
      address: null,
      role: "admin",
      scope: null,
      via: "session",
      needs_token: true,
      expires_at: clock.now() + 30 * DAY,
    });
    const headers = { authorization: `Bearer ${CI}` };
    expect(await (await api.ask("/api/session", { headers })).json()).toMatchObject({ name: "ci", expires_at: null });
    expect(await status("/api/session", {})).toBe(401);
  });

  test("ends with a logout, which deletes the cookie", async () => {
    const response = await api.ask("/api/session", { method: "DELETE" });
    expect(response.status).toBe(200);
    expect(response.headers.get("set-cookie")).toMatch(
      /^petit_session_8565=; Path=\/; Max-Age=0; HttpOnly; SameSite=Strict$/,
    );
    const foreign = await api.ask("/api/session", { method: "DELETE", headers: { origin: "https://example.com" } });
    expect(foreign.status).toBe(403);
  });

  test("is not ended by a request that no page of petit has sent", async () => {
    const cookie = await cookieOf(ADA);
    const elsewhere = { cookie, ...OWN, "sec-fetch-site": "same-site" };
    for (const headers of [{ cookie }, elsewhere]) expect(await status("/api/session", headers, "DELETE")).toBe(403);
    expect(await status("/api/jobs", { cookie })).toBe(200);
  });

  test("that is ended is over for copies of its cookie, also after a restart, and no other one is", async () => {
    const [cookie, other] = [await cookieOf(ADA), await cookieOf(ADA)];
    expect(other).not.toBe(cookie);
    const own = { cookie, ...OWN };
    expect(await status("/api/session", own, "DELETE")).toBe(200);
    expect(await status("/api/jobs", { cookie })).toBe(401);
    expect(await status("/api/session", own, "DELETE")).toBe(200);
    expect(await status("/api/jobs", { cookie: other })).toBe(200);
    const restarted = fakeApi({ tokens: TOKENS, clock, store: api.store });
    expect(await status("/api/jobs", { cookie }, "GET", restarted)).toBe(401);
    expect(await status("/api/jobs", { cookie: other }, "GET", restarted)).toBe(200);
    restarted.api.close();
  });

  test("that is ended closes its streams, and those of no other", async () => {
    const [cookie, other] = [await cookieOf(ADA), await cookieOf(ADA)];
    const open = async (headers: Record<string, string>) =>
      (await api.ask("/api/events", { headers })).body?.getReader() ?? expect.unreachable();
    const authorization = `Bearer ${ADA}`;
    const [own, others, bearers] = [
      await open({ cookie }),
      await open({ cookie: other }),
      await open({ cookie, authorization }),
    ];
    await status("/api/session", { cookie, ...OWN }, "DELETE");
    for (let part = await own.read(); !part.done; part = await own.read());
    for (const reader of [others, bearers]) {
      const ended = reader.closed.then(() => "ended");
      expect(await Promise.race([ended, status("/api/jobs", { cookie: other })])).toBe(200);
      await reader.cancel();
    }
  });

  test("of an earlier petit, whose cookie has no random characters, is still valid", async () => {
    const end = (clock.now() + DAY).toString(36);
    const mac = createHmac("sha256", ADA).update(`petit session 1.${end}`).digest("base64url");
    expect(await status("/api/jobs", { cookie: `petit_session_8565=1.${end}.${mac}` })).toBe(200);
  });

  test("names who paused or resumed the scheduler", async () => {
    await status("/api/scheduler/resume", { authorization: `Bearer ${CI}` }, "POST");
    expect(api.engine.movedBy).toBe("ci");
    await status("/api/scheduler/pause", { ...OWN, cookie: await cookieOf(ADA) }, "POST");
    expect(api.engine.movedBy).toBe("ada");
  });
});
